"""Where depth comes from when no file has any: plugged-in estimators, Depth Anything, the built-in one.

Enters: a photo and a name (or "auto"). Leaves: a depth map with a line that says what was taken and how far to
trust it, and lines on what was tried before. A package plugs in with an entry point in the group `cocnet.depth`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from cocnet.depth.estimators.anything import DepthAnything
from cocnet.depth.estimators.anything import is_installed as anything_is_installed
from cocnet.depth.estimators.builtin import builtin_depth, retrained_depth
from cocnet.depth.estimators.estimator import as_rgb8, estimate
from cocnet.depth.estimators.metric import DepthPro, MoGe
from cocnet.depth.estimators.rembg import Rembg
from cocnet.depth.network_view import retrained
from cocnet.errors import CocnetError, DepthError, DownloadError
from cocnet.files.download import is_news
from cocnet.imaging import DepthMap

GROUP = "cocnet.depth"
AUTO, BUILT_IN = "auto", "builtin"
_MAKERS: dict[str, Callable[[], Any]] = {
    "depth-anything-v2-small": DepthAnything,
    "depth-pro": DepthPro,
    "moge-2": MoGe,
    "rembg": Rembg,
    BUILT_IN: lambda: builtin_depth,
}


@dataclass(frozen=True, eq=False)
class Estimated:
    """Depth, the name of the estimator it is from, and why others before it were passed over."""

    depth: DepthMap
    name: str
    notes: tuple[str, ...] = ()


def estimate_depth(photo: Any, focal_px: float | None = None, name: str = AUTO) -> Estimated:
    """Depth of a photo by a named estimator, or by the first that works: plugged in, Depth Anything, built in.

    photo: as `render` takes it. Depth Pro, MoGe-2 and rembg are large and taken only by name. A named estimator that
    can't run raises its CocnetError; "auto" notes it and goes on, a missing download only once. Raises DepthError for
    an unknown name.
    """
    rgb = as_rgb8(photo)
    if name != AUTO:
        return Estimated(estimate(make_estimator(name), rgb, focal_px, name=name), name)
    notes: list[str] = []
    for candidate in _automatic():
        try:
            depth = estimate(make_estimator(candidate), rgb, focal_px, name=candidate)
            return Estimated(depth, candidate, tuple(notes))
        except CocnetError as error:
            if not isinstance(error, DownloadError) or is_news(candidate):
                notes.append(f"{candidate}: {error}")
    depth = estimate(builtin_depth, rgb, focal_px, name=BUILT_IN)
    return Estimated(depth, BUILT_IN, tuple(notes))


def make_estimator(name: str) -> Any:
    """The estimator of a name; raises DepthError for an unknown one, and what its maker raises."""
    for point in entry_points(group=GROUP):
        if point.name == name:
            return _plugged_in(point)
    weights = retrained(name)
    if weights is not None:
        return retrained_depth(weights)
    if name not in _MAKERS:
        raise _unknown(name)
    return _MAKERS[name]()


def check_estimator(name: str) -> None:
    """Refuse a name that no estimator has, without opening one; raises DepthError."""
    if retrained(name) is None and name not in (AUTO, *list_estimators()):
        raise _unknown(name)


def _unknown(name: str) -> DepthError:
    return DepthError(
        f"expected an estimator, got '{name}', try one of {', '.join((AUTO, *list_estimators()))}"
    )


def list_estimators() -> tuple[str, ...]:
    """All names, plugged-in ones first."""
    return (*sorted(point.name for point in entry_points(group=GROUP)), *_MAKERS)


def _automatic() -> Iterator[str]:
    """What "auto" tries before the built-in one."""
    yield from sorted(point.name for point in entry_points(group=GROUP))
    if anything_is_installed():
        yield "depth-anything-v2-small"


def _plugged_in(point: Any) -> Any:
    """The callable behind an entry point; another package's failure is one line of ours."""
    try:
        estimator = point.load()
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise DepthError(
            f"expected the estimator '{point.name}', got '{reason}', try reinstalling it"
        ) from error
    if not callable(estimator):
        raise DepthError(
            f"expected '{point.name}' to be callable, got {type(estimator).__name__}, try its author"
        )
    return estimator

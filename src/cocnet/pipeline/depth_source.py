"""The depth of a photo, wherever it is from: a file or array, the photo itself, an estimator.

Enters: what was given, the photo, the options. Leaves: a `DepthMap`, inverse depth (1/m) at the photo's size with
its edges laid along the photo's, and lines that say what was taken and how far to trust it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float32

from cocnet.depth import coarse_mask, estimate, estimate_depth
from cocnet.depth.estimators.builtin import depth_on_mask
from cocnet.depth.estimators.estimator import as_rgb8
from cocnet.depth.estimators.order import BUILT_IN
from cocnet.depth.faces import find_faces
from cocnet.depth.focal_plane import inverse_within
from cocnet.depth.network_view import load_network, retrained
from cocnet.depth.placement import suggest_face_span_m, suggest_span_m
from cocnet.depth.refinement.refine import AREA_PX, refine_inverse_depth
from cocnet.errors import DepthError
from cocnet.imaging import DepthMap, Photo, read_depth
from cocnet.imaging.depth.depth_array import as_array
from cocnet.imaging.depth.resample import resample
from cocnet.imaging.photo.limits import budget_bytes
from cocnet.pipeline.focus import choose_span_m
from cocnet.pipeline.options import RenderOptions, finds_focus

PREVIEW_SHARE = 4  # a preview finds the sides of edges on so many times fewer pixels

SET = " (set --near-m, --far-m)"

Origin = Literal["given", "embedded", "estimated"]


@dataclass(frozen=True, eq=False)
class FoundDepth:
    """A depth map, where it is from, what a user should know of it, and whether its span of distances was only chosen
    by what is seen."""

    depth: DepthMap
    origin: Origin
    notes: tuple[str, ...] = ()
    chosen: bool = False


def find_depth(
    depth: Any,
    photo: Photo,
    options: RenderOptions,
    focal_px: float | None = None,
    subject: Float32[np.ndarray, "h w"] | None = None,
    look_for_faces: bool = True,
) -> FoundDepth:
    """Given (path, `DepthMap`, array, estimator), else the photo's own, else estimated; says which.

    subject: a mask that the user drew, on whose outline the built-in estimator lays its step. look_for_faces: as
    `placed_by_faces`, where the user drew none. Raises DepthError or FileError where what was given, or the estimator
    that was named, doesn't do.
    """
    found = _found(depth, photo, options, focal_px, subject)
    return placed_by_faces(found, photo, options, focal_px) if look_for_faces and subject is None else found


def placed_by_faces(
    found: FoundDepth, photo: Photo, options: RenderOptions, focal_px: float | None = None
) -> FoundDepth:
    """The same depth; its span of distances is that of the largest face where it was only chosen and there is one."""
    if not found.chosen:
        return found
    faces = find_faces(as_rgb8(photo.pixels))
    if not faces:
        return found
    share = _nearness(found.depth)
    disparity = inverse_within(share, *faces[0].middle)
    size = photo.pixels.shape[0], photo.pixels.shape[1]
    span = suggest_face_span_m(disparity, faces[0].height, size, focal_px)
    placed = replace(found.depth, span_m=span)
    before, after = (_span_note(depth, options) for depth in (found.depth, placed))
    return replace(
        found, depth=placed, notes=tuple(after if note == before else note for note in found.notes)
    )


def _found(
    depth: Any,
    photo: Photo,
    options: RenderOptions,
    focal_px: float | None,
    subject: Float32[np.ndarray, "h w"] | None,
) -> FoundDepth:
    """The depth that is given, or in the photo, or estimated, before faces say how far away it is."""
    if depth is not None:
        found, notes = _as_given(depth, photo, options, focal_px), _ignored(depth, options)
        origin: Origin = "estimated" if _is_estimator(depth) else "given"
        return _told(*_placed(found, photo, options, focal_px, subject), origin, options, notes)
    if photo.embedded_depth is not None and options.estimator == "auto":
        own = _placed(_of_kind(photo.embedded_depth, options.depth_kind), photo, options, focal_px, subject)
        return _told(*own, "embedded", options, _ignored(None, options))
    estimated = estimate_depth(as_rgb8(photo.pixels), focal_px, options.estimator)
    own_network = estimated.name == BUILT_IN or retrained(estimated.name) is not None
    if estimated.name == BUILT_IN and subject is not None:
        drawn = depth_on_mask(as_rgb8(photo.pixels), subject, "the given mask", focal_px)
        estimated = replace(estimated, depth=drawn)
    notes = ((f"depth in the photo: {photo.depth_note}",) if photo.depth_note else ()) + estimated.notes
    placed, chosen = _placed(estimated.depth, photo, options, focal_px, subject)
    chosen = _is_free(options) if own_network else chosen
    given = {"--depth-kind": options.depth_kind is not None, "--depth-fit": options.depth_fit != "aspect"}
    unread = tuple(f"{flag}: no effect on estimated depth" for flag, useless in given.items() if useless)
    return _told(placed, chosen, "estimated", options, notes + _ignored(None, options) + unread)


def _is_free(options: RenderOptions) -> bool:
    """Whether nobody says how far away things are."""
    return options.near_m is None and options.far_m is None


def _placed(
    depth: DepthMap,
    photo: Photo,
    options: RenderOptions,
    focal_px: float | None,
    subject: Float32[np.ndarray, "h w"] | None,
) -> tuple[DepthMap, bool]:
    """Relative disparity that suggests no distances, with those that suit its subject, unless they are given; and
    whether it got them here."""
    if depth.kind != "relative_disparity" or depth.span_m is not None or not _is_free(options):
        return depth, False
    mask = coarse_mask(photo.pixels) if subject is None else subject
    small, _ = resample(_nearness(depth), depth.valid, mask.shape[0], mask.shape[1], metric=False)
    span = suggest_span_m(small, mask, photo.pixels.shape[:2], focal_px)
    return replace(depth, span_m=span), True


def _nearness(depth: DepthMap) -> Float32[np.ndarray, "h w"]:
    """Relative disparity in 0..1; 0 where it isn't known."""
    low, high = depth.trusted_range()
    share = ((depth.values - low) / max(high - low, 1e-9)).clip(0, 1).astype(np.float32)
    return np.where(depth.valid, share, np.float32(0))


def flat_depth(photo: Photo, why: str) -> FoundDepth:
    """One metre everywhere, where nothing reads depth."""
    return FoundDepth(DepthMap.of(np.ones(photo.pixels.shape[:2], np.float32), "metric", why), "given")


def _is_estimator(depth: Any) -> bool:
    return callable(depth) and not isinstance(depth, DepthMap)


def _is_file(depth: Any) -> bool:
    return isinstance(depth, str | os.PathLike | bytes | bytearray) or hasattr(depth, "read")


def _as_given(depth: Any, photo: Photo, options: RenderOptions, focal_px: float | None) -> DepthMap:
    kind = options.depth_kind
    if _is_file(depth):
        limit = budget_bytes(options.max_mem_mb)
        return read_depth(depth, kind, options.depth_scale, limit, options.depth_channel)
    if isinstance(depth, DepthMap):
        return _of_kind(depth, kind)
    if _is_estimator(depth):
        return estimate(depth, as_rgb8(photo.pixels), focal_px, kind)
    return DepthMap.of(_scaled(depth, options.depth_scale), kind or "metric", source="the depth array")


def _ignored(depth: Any, options: RenderOptions) -> tuple[str, ...]:
    """Options about depth files that have no effect on other depth, and about other depth beside what is given."""
    is_file = _is_file(depth)
    is_array = not is_file and depth is not None and not isinstance(depth, DepthMap) and not callable(depth)
    given = {
        "--depth-scale": options.depth_scale is not None and not (is_file or is_array),
        "--depth-channel": options.depth_channel is not None and not is_file,
    }
    lines = [f"{flag}: no effect without a depth file" for flag, useless in given.items() if useless]
    if depth is not None and options.estimator != "auto":
        lines.append("--estimator: no effect beside --depth")
    return tuple(lines)


def _scaled(array: Any, scale: float | None) -> Any:
    """An array in its kind's own units; raises DepthError where it holds no numbers."""
    if scale is None:
        return array
    plane = as_array(array)
    if plane.dtype.kind not in "fiub":
        raise DepthError(f"expected numbers, got {plane.dtype} in the depth array, try one map of depth")
    return plane.astype(np.float64) * scale


def _of_kind(depth: DepthMap, kind: str | None) -> DepthMap:
    """The same values read as another kind, where one is asked for."""
    if kind in (None, depth.kind):
        return depth
    return DepthMap.of(np.where(depth.valid, depth.values, np.float32(np.nan)), kind, depth.source)


def _told(
    depth: DepthMap, chosen: bool, origin: Origin, options: RenderOptions, notes: tuple[str, ...] = ()
) -> FoundDepth:
    """What a user should know: estimated, guessed, or placed without a scale."""
    lines = [*notes, f"depth: {depth.source or 'given'}", *_doubts(depth)]
    if depth.kind.startswith("relative"):
        lines.append(_span_note(depth, options))
    elif not _is_free(options):
        lines.append("--near-m, --far-m: no effect on depth whose distances are known")
    return FoundDepth(depth, origin, tuple(lines), chosen)


def _span_note(depth: DepthMap, options: RenderOptions) -> str:
    near, far = choose_span_m(depth, options)
    return f"its distances are relative: placed from {near:.3g} m to {far:.3g} m{SET}"


def _doubts(depth: DepthMap) -> Iterator[str]:
    """What of a map is not believed."""
    low, high = depth.trusted_range()
    ends = (
        float(depth.values.min(where=depth.valid, initial=np.inf)),
        float(depth.values.max(where=depth.valid, initial=-np.inf)),
    )
    absurd = " and ".join(f"{value:.3g}" for value in ends if not low <= value <= high)
    if absurd:
        yield f"a few of its values ({absurd}) are absurd beside {low:.3g} to {high:.3g} and counted as those"


def inverse_depth_of(found: FoundDepth, photo: Photo, options: RenderOptions) -> Float32[np.ndarray, "h w"]:
    """Inverse depth [h w] (1/m) at the photo's size; raises DepthError where the aspects disagree."""
    depth = found.depth
    inverse = depth.inverse_depth(*choose_span_m(depth, options))
    smaller = inverse.shape != photo.pixels.shape[:2]
    if smaller:
        stretch = options.depth_fit == "stretch"
        resized = DepthMap.of(inverse, "disparity", depth.source).resized(photo.height, photo.width, stretch)
        inverse = resized.values
    if options.refine_depth == "on" or (options.refine_depth == "auto" and _needs_refining(found, smaller)):
        area_px = AREA_PX // PREVIEW_SHARE if options.preview else AREA_PX
        return refine_inverse_depth(inverse, as_rgb8(photo.pixels), area_px=area_px)
    return inverse


def _needs_refining(found: FoundDepth, smaller: bool) -> bool:
    """Estimated, enlarged or relative depth (a network's, whoever gives it) misses the photo's edges."""
    return smaller or found.origin != "given" or found.depth.kind.startswith("relative")


def find_subject(photo: Photo, options: RenderOptions) -> Float32[np.ndarray, "i j"] | None:
    """The coarse subject mask where focus is to be found by itself, else None."""
    return coarse_mask(photo.pixels, named_network(options)) if finds_focus(options) else None


def named_network(options: RenderOptions) -> torch.nn.Module | None:
    """The network of weights that the options name as the estimator; None: the one that ships."""
    weights = retrained(options.estimator)
    return None if weights is None else load_network(weights)

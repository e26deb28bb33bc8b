"""A depth map that says what it is, and inverse depth (1/m) from any kind of it.

Enters: an array with its kind, or a file. Leaves: inverse depth, finite everywhere, because the circle of
confusion is linear in it. Relative kinds are placed between a near and a far distance (metres).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float32, Float64, Shaped
from torch import Tensor

from cocnet.errors import DepthError, InputError
from cocnet.imaging.depth import depth_file as depthfile
from cocnet.imaging.depth.depth_array import FARTHEST_M, as_plane, known_values
from cocnet.imaging.depth.holes import fill_holes
from cocnet.imaging.depth.resample import resample, same_aspect
from cocnet.imaging.depth.trusted_range import trusted_range
from cocnet.imaging.photo.limits import MAX_BYTES
from cocnet.imaging.photo.source import Given

DepthKind = Literal["metric", "disparity", "relative_depth", "relative_disparity"]
KINDS: tuple[DepthKind, ...] = get_args(DepthKind)
KINDS_EXPLAINED = (
    "metric (metres), disparity (1/metres), relative_depth (bigger is farther), "
    "relative_disparity (bigger is nearer)"
)
CLOSEST_M = 1e-3
FLAT = 1e-9  # 1/m
STRIP_ROWS = 256  # at a time in float64, so that large maps need little memory


@dataclass(frozen=True, eq=False)
class DepthMap:
    """A depth map [h w] with its kind; `values` are 0 where not `valid`; `source` says where it is from.

    span_m: near and far distance (metres) that a relative map suggests for itself.
    """

    values: Float32[np.ndarray, "h w"]
    kind: DepthKind
    valid: Bool[np.ndarray, "h w"]
    source: str = ""
    accuracy: str | None = None
    span_m: tuple[float, float] | None = None

    @staticmethod
    def of(
        array: Shaped[np.ndarray, "h w"] | Tensor,
        kind: str | None = None,
        source: str = "",
        accuracy: str | None = None,
    ) -> "DepthMap":
        """Check an array [h w], mask what is no depth (NaN, metric ≤ 0, disparity < 0), keep infinity.

        Farthest of all are +inf and what is beyond 10 km as `metric`, 0 as `disparity`, +inf and 1e10 (renderers'
        empty background) as `relative_depth`. Raises DepthError where the kind is missing or unknown, the shape
        is not h w, or no depth is finite.
        """
        checked = check_kind(kind, source or "the depth array")
        values, valid = known_values(as_plane(array, source), checked)
        if not valid.any():
            raise DepthError(
                f"expected depth above 0 somewhere, got none in {source or 'the array'}, try another map"
            )
        return DepthMap(values, checked, valid, source, accuracy)

    @property
    def height(self) -> int:
        """Height of the map in px: its number of rows."""
        return int(self.values.shape[0])

    @property
    def width(self) -> int:
        """Width of the map in px: its number of columns."""
        return int(self.values.shape[1])

    def inverse_depth(self, near_m: float = 1.0, far_m: float = 10.0) -> Float32[np.ndarray, "h w"]:
        """Inverse depth [h w] in 1/m, finite and above 0 everywhere; holes are filled, far-biased.

        near_m and far_m (metres) place relative kinds only: their `trusted_range` lands there, a constant map in
        the middle of the two (in 1/m). A handful of values that are absurdly near count as the nearest of the
        others. Raises InputError unless 0 < near < far.
        """
        if not 0 < near_m < far_m < float("inf"):
            raise InputError(
                f"expected 0 < near < far in metres, got near {near_m} and far {far_m}, try 1 and 10"
            )
        low, high = self.trusted_range()
        inverse = np.empty_like(self.values)
        for start in range(0, self.height, STRIP_ROWS):
            rows = slice(start, start + STRIP_ROWS)
            values = np.where(self.valid[rows], self.values[rows], low).astype(np.float64).clip(low, high)
            inverse[rows] = _to_inverse(values, self.kind, (low, high), (near_m, far_m))
        return inverse if self.valid.all() else fill_holes(inverse, self.valid)

    def trusted_range(self) -> tuple[float, float]:
        """The lowest and the highest valid value, but for a handful that are absurdly far from the others.

        Of absolute kinds only what is too near can be absurd: the farthest may be at infinity.
        """
        if self.kind.startswith("relative"):
            return trusted_range(self.values, self.valid)
        low = float(self.values.min(where=self.valid, initial=np.inf))
        high = float(self.values.max(where=self.valid, initial=-np.inf))
        if self.kind == "disparity":
            return low, trusted_range(self.values, self.valid, least_span=1.0)[1]
        inverse = 1.0 / np.where(self.valid, self.values, np.float32(FARTHEST_M)).clip(CLOSEST_M)
        nearest = trusted_range(inverse, self.valid, least_span=1.0)[1]
        return (low if nearest >= inverse.max() else 1.0 / nearest), high

    def depth_m(self, near_m: float = 1.0, far_m: float = 10.0) -> Float32[np.ndarray, "h w"]:
        """Depth [h w] in metres, 1/inverse_depth, within 1 mm to 10 km; arguments as `inverse_depth`."""
        return np.clip(1.0 / self.inverse_depth(near_m, far_m), CLOSEST_M, FARTHEST_M).astype(np.float32)

    def resized(self, height: int, width: int, stretch: bool = False) -> "DepthMap":
        """The map at another size; metric depth is interpolated as 1/z, holes are not blended in.

        Raises DepthError where the aspect ratios differ by more than 1 % and 1 px, unless it may be stretched.
        """
        if (height, width) == self.values.shape:
            return self
        fits = stretch or same_aspect(self.width, self.height, width, height)
        if height < 1 or width < 1 or not fits:
            turned = same_aspect(self.height, self.width, width, height)
            hint = "turning it by 90°" if turned else "the map that belongs to this photo"
            if self.width == self.height:
                hint = "--depth-fit stretch if a network made it of the whole photo"
            got = f"{self.width} × {self.height}"
            raise DepthError(
                f"expected depth of the photo's aspect {width} × {height}, got {got}, try {hint}"
            )
        values, valid = resample(self.values, self.valid, height, width, self.kind == "metric")
        return replace(self, values=values, valid=valid)


def check_kind(kind: str | None, what: str) -> DepthKind:
    """Return a known kind; raises DepthError, explaining the four, where it is missing or unknown."""
    for known in KINDS:
        if kind == known:
            return known
    got = "no kind" if kind is None else f"'{kind}'"
    raise DepthError(
        f"expected the kind of depth for {what}, got {got}, try --depth-kind with one of {KINDS_EXPLAINED}"
    )


def read_depth(
    given: Given,
    kind: str | None = None,
    scale: float | None = None,
    max_bytes: int = MAX_BYTES,
    channel: str | None = None,
) -> DepthMap:
    """Read PNG, TIFF, NPY, NPZ, PFM or EXR: a path, its bytes, a file object, "-" for stdin.

    Kind and scale come from the arguments, else from the JSON sidecar: value = stored · scale + offset. 16-bit
    `metric` without a scale is taken as millimetres (`source` says so); integer `disparity` needs a scale. channel:
    of an EXR, CHANNEL or PART.CHANNEL [Z, *.Z, depth*, or the only one]. Raises DepthError, FileError or
    MissingExtraError; warns on 8 bit.
    """
    if scale is not None and not (np.isfinite(scale) and scale > 0):
        raise DepthError(f"expected a depth scale above 0, got {scale}, try 0.001 for millimetres")
    with depthfile.as_file(given) as path:
        if kind is not None:
            check_kind(kind, f"'{path.name}'")
        stored = depthfile.read_array(path, max_bytes, channel)
        sidecar = depthfile.read_sidecar(path)
        checked = check_kind(kind or sidecar.kind, f"'{path}'")
        if scale is not None or sidecar.kind != checked:
            span_m = sidecar.span_m if sidecar.kind == checked else None
            sidecar = depthfile.Sidecar(kind=checked, scale=scale, source=sidecar.source, span_m=span_m)
        values, note = depthfile.to_values(stored, checked, sidecar, path)
        return replace(DepthMap.of(values, checked, source=note), span_m=sidecar.span_m)


def write_depth(path: str | Path, depthmap: DepthMap) -> None:
    """Write 16-bit PNG, NPY, EXR or PFM with a JSON sidecar (`name.png.json`), each whole or not at all.

    PNG keeps 65,535 steps: exact for millimetres, otherwise even in the map's own values, for metric in 1/z.
    Raises FileError, DepthError (no map, or a span_m that can't be) or MissingExtraError.
    """
    if not isinstance(depthmap, DepthMap):
        got = type(depthmap).__name__
        raise DepthError(f"expected a DepthMap to write, got {got}, try DepthMap.of(array, 'metric')")
    depthfile.write(
        Path(path), depthmap.values, depthmap.valid, depthmap.kind, depthmap.source, depthmap.span_m
    )


def nearness(inverse_depth: Float32[Tensor, "*b h w"]) -> Float32[Tensor, "*b h w"]:
    """The depth map that networks see: inverse depth of one photo stretched to 0 (farthest) … 1 (nearest); depth that
    is all one is nearest, as nothing is nearer."""
    low, high = inverse_depth.aminmax()
    return ((inverse_depth - low) / (high - low).clamp(min=FLAT)).where(high - low > FLAT, 1.0)


def _to_inverse(
    values: Float64[np.ndarray, "h w"],
    kind: DepthKind,
    span: tuple[float, float],
    placed_m: tuple[float, float],
) -> Float64[np.ndarray, "h w"]:
    """Values to inverse depth in 1/m; relative kinds map their span (lowest, highest) to near and far (metres)."""
    if kind == "metric":
        return 1.0 / np.clip(values, CLOSEST_M, FARTHEST_M)
    if kind == "disparity":
        return np.clip(values, 1.0 / FARTHEST_M, 1.0 / CLOSEST_M)
    (low, high), (near_m, far_m) = span, placed_m
    near, far = 1.0 / near_m, 1.0 / far_m
    if low == high:
        return np.full_like(values, 0.5 * (near + far))
    share = (values - low) / (high - low)
    return (
        far + share * (near - far)
        if kind == "relative_disparity"
        else 1.0 / (near_m + share * (far_m - near_m))
    )

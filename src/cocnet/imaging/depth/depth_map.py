"""A depth map that says what it is, and inverse depth (1/m) from any kind of it.

Enters: an array with its kind, or a file. Leaves: inverse depth, finite everywhere, because the circle of
confusion is linear in it. Relative kinds are placed between a near and a far distance (metres).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Shaped
from torch import Tensor
from torch.nn import functional

from cocnet.errors import DepthError, InputError
from cocnet.imaging.depth import depth_file as depthfile
from cocnet.imaging.depth.holes import fill_holes

DepthKind = Literal["metric", "disparity", "relative_depth", "relative_disparity"]
KINDS: tuple[DepthKind, ...] = get_args(DepthKind)
KINDS_EXPLAINED = (
    "metric (metres), disparity (1/metres), relative_depth (bigger is farther), "
    "relative_disparity (bigger is nearer)"
)
CLOSEST_M, FARTHEST_M = 1e-3, 1e4
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
        """Check an array [h w] and mask what is no depth: NaN, ±inf, and for absolute kinds all ≤ 0.

        Raises DepthError where the kind is missing or unknown, the shape is not h w, or nothing is valid.
        """
        checked = check_kind(kind, source or "the depth array")
        values = _as_plane(array, source)
        valid = np.isfinite(values)
        if checked in ("metric", "disparity"):
            valid &= np.where(valid, values, 0) > 0
        if not valid.any():
            raise DepthError(
                f"expected depth above 0 somewhere, got none in {source or 'the array'}, try another map"
            )
        return DepthMap(np.where(valid, values, np.float32(0)), checked, valid, source, accuracy)

    @property
    def height(self) -> int:
        """Rows, px."""
        return int(self.values.shape[0])

    @property
    def width(self) -> int:
        """Columns, px."""
        return int(self.values.shape[1])

    def inverse_depth(self, near_m: float = 1.0, far_m: float = 10.0) -> Float32[np.ndarray, "h w"]:
        """Inverse depth [h w] in 1/m, finite and above 0 everywhere; holes are filled, far-biased.

        near_m and far_m (metres) place relative kinds only: their true minimum and maximum land there, a
        constant map in the middle of the two (in 1/m). Raises InputError unless 0 < near < far.
        """
        if not 0 < near_m < far_m < float("inf"):
            raise InputError(
                f"expected 0 < near < far in metres, got near {near_m} and far {far_m}, try 1 and 10"
            )
        low, high = self._range()
        inverse = np.empty_like(self.values)
        for start in range(0, self.height, STRIP_ROWS):
            rows = slice(start, start + STRIP_ROWS)
            values = np.where(self.valid[rows], self.values[rows], low).astype(np.float64)
            inverse[rows] = _to_inverse(values, self.kind, (low, high), (near_m, far_m))
        return inverse if self.valid.all() else fill_holes(inverse, self.valid)

    def _range(self) -> tuple[float, float]:
        """The lowest and the highest valid value."""
        low = self.values.min(where=self.valid, initial=np.inf)
        return float(low), float(self.values.max(where=self.valid, initial=-np.inf))

    def depth_m(self, near_m: float = 1.0, far_m: float = 10.0) -> Float32[np.ndarray, "h w"]:
        """Depth [h w] in metres, 1/inverse_depth, within 1 mm to 10 km; arguments as `inverse_depth`."""
        return np.clip(1.0 / self.inverse_depth(near_m, far_m), CLOSEST_M, FARTHEST_M).astype(np.float32)

    def resized(self, height: int, width: int) -> "DepthMap":
        """The map at another size; metric depth is interpolated as 1/z, holes are not blended in.

        Raises DepthError where the aspect ratios differ by more than 1 % and 1 px.
        """
        if (height, width) == self.values.shape:
            return self
        if height < 1 or width < 1 or not same_aspect(self.width, self.height, width, height):
            turned = same_aspect(self.height, self.width, width, height)
            hint = "turning it by 90°" if turned else "the map that belongs to this photo"
            got = f"{self.width} × {self.height}"
            raise DepthError(
                f"expected depth of the photo's aspect {width} × {height}, got {got}, try {hint}"
            )
        values, valid = _resample(self, height, width)
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
    path: str | Path, kind: str | None = None, scale: float | None = None, max_pixels: int = 300_000_000
) -> DepthMap:
    """Read PNG, TIFF, NPY, PFM or EXR; kind and scale come from the arguments, else from the JSON sidecar.

    value = stored · scale + offset. 16-bit `metric` without a scale is taken as millimetres (`source` says
    so); integer `disparity` needs a scale. Raises DepthError, FileError or MissingExtraError; warns on 8 bit.
    """
    if scale is not None and not (np.isfinite(scale) and scale > 0):
        raise DepthError(f"expected a depth scale above 0, got {scale}, try 0.001 for millimetres")
    if kind is not None:
        check_kind(kind, f"'{path}'")
    stored = depthfile.read_array(Path(path), max_pixels)
    sidecar = depthfile.read_sidecar(Path(path))
    checked = check_kind(kind or sidecar.kind, f"'{path}'")
    if scale is not None or sidecar.kind != checked:
        span_m = sidecar.span_m if sidecar.kind == checked else None
        sidecar = depthfile.Sidecar(kind=checked, scale=scale, source=sidecar.source, span_m=span_m)
    values, note = depthfile.to_values(stored, checked, sidecar, Path(path))
    return replace(DepthMap.of(values, checked, source=note), span_m=sidecar.span_m)


def write_depth(path: str | Path, depthmap: DepthMap) -> None:
    """Write 16-bit PNG, NPY, EXR or PFM with a JSON sidecar (`name.png.json`), each whole or not at all.

    PNG keeps 65,535 steps: exact for millimetres, otherwise even in the map's own values, for metric in 1/z.
    Raises FileError, DepthError (a span_m that can't be) or MissingExtraError.
    """
    depthfile.write(
        Path(path), depthmap.values, depthmap.valid, depthmap.kind, depthmap.source, depthmap.span_m
    )


def nearness(inverse_depth: Float32[Tensor, "*b h w"]) -> Float32[Tensor, "*b h w"]:
    """The depth map that networks see: inverse depth of one photo stretched to 0 (farthest) … 1 (nearest)."""
    low, high = inverse_depth.aminmax()
    return (inverse_depth - low) / (high - low).clamp(min=1e-9)


def _as_plane(array: Any, source: str) -> Float32[np.ndarray, "h w"]:
    plane = array.detach().cpu().numpy() if isinstance(array, Tensor) else np.asarray(array)
    if plane.ndim == 3 and 1 in (plane.shape[0], plane.shape[2]):
        plane = plane[0] if plane.shape[0] == 1 else plane[..., 0]
    if plane.ndim != 2 or plane.size == 0 or plane.dtype.kind not in "fiub":
        got = f"{plane.dtype} of shape {plane.shape}"
        raise DepthError(
            f"expected numbers of shape (h, w), got {got} from {source or 'the array'}, try one channel"
        )
    with np.errstate(over="ignore"):
        return plane.astype(np.float32)


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


def same_aspect(width: int, height: int, new_width: int, new_height: int) -> bool:
    """Aspects agree within 1 %, or the smaller is the larger one rounded to whole pixels."""
    cross = abs(width * new_height - height * new_width)
    larger = max((width * height, min(width, height)), (new_width * new_height, min(new_width, new_height)))
    return cross <= 0.01 * height * new_width or cross < larger[1]


def _resample(depth: DepthMap, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Bilinear values and validity at a new size, normalised so that holes weigh nothing."""
    metric = depth.kind == "metric"
    values = np.where(
        depth.valid, 1.0 / np.where(depth.valid, depth.values, 1.0) if metric else depth.values, 0.0
    )
    planes = torch.from_numpy(np.stack([values, depth.valid]).astype(np.float32))[None]
    shrinking = height < depth.height or width < depth.width
    planes = functional.interpolate(planes, (height, width), mode="bilinear", antialias=shrinking)[0]
    weight = planes[1].numpy()
    valid = weight > min(0.5, float(weight.max()) * 0.999)
    mean = planes[0].numpy() / np.where(valid, weight, 1.0)
    if metric:
        valid &= mean > 0
        mean = 1.0 / np.where(valid, mean, 1.0)
    return np.where(valid, mean, 0.0).astype(np.float32), valid

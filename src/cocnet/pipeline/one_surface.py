"""A subject in focus is one surface: what a network guesses of depth within it would blur it in patches.

Enters: the scene, the subject's mask, faces. Leaves: the mask [h w] of what is held at the distance in focus, if any.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32
from scipy import ndimage
from torch.nn import functional

from cocnet.depth.estimators.estimator import as_rgb8
from cocnet.depth.faces import Face
from cocnet.depth.refinement.appendages import with_appendages
from cocnet.depth.refinement.refine import refine_inverse_depth
from cocnet.pipeline.scene import Scene

LEAST_SHARE = 0.004
AREA_PX = 1 << 18
SURE, CERTAIN = 0.75, 0.9  # of the mask: there its edge isn't looked for; each part has a pixel of it
LEAST_CERTAIN = 0.25  # of the subject: where the certain parts are less, the others are part of it
OUTSIDE = 0.2


def subject_surface(
    scene: Scene,
    subject: Float32[np.ndarray, "i j"] | None,
    faces: Sequence[Face],
    area_px: int = AREA_PX,
    thin: bool = True,
) -> Float32[np.ndarray, "h w"] | None:
    """The subject, its edge where the photo's colours part, where depth is relative and nobody gave it; None where
    there is no subject, or where the faces in focus aren't part of it. area_px: how large its edge is worked out.
    thin: whether antennae, whiskers and rims that the mask lacks are found."""
    relative = scene.found.depth.kind.startswith("relative") and scene.found.origin != "given"
    if subject is None or not relative:
        return None
    if subject is scene.hand.subject:
        return subject
    if float((subject > 0.5).mean()) < LEAST_SHARE:
        return None
    if faces and not any(_is_within(face, subject) for face in faces):
        return None
    if subject.shape == scene.photo.pixels.shape[:2]:
        return subject
    rgb = as_rgb8(scene.photo.pixels)
    coarse = torch.from_numpy(_certain(subject, subject))[None, None]
    large = functional.interpolate(coarse, rgb.shape[:2], mode="bilinear", align_corners=False)[0, 0].numpy()
    cells = functional.interpolate(coarse, rgb.shape[:2], mode="nearest-exact")[0, 0].numpy()
    refined = refine_inverse_depth(large, rgb, area_px=area_px, thin=False)
    surface = _certain(np.where(large > SURE, large, refined), cells)
    return with_appendages(surface, rgb, area_px) if thin else surface


def _certain(
    mask: Float32[np.ndarray, "i j"], found: Float32[np.ndarray, "i j"]
) -> Float32[np.ndarray, "i j"]:
    """A mask without parts in which the network, whose mask is `found`, is nowhere certain, unless little would be
    left."""
    parts, count = ndimage.label(mask > 0.5, np.ones((3, 3)))
    most = ndimage.maximum(found, parts, np.arange(count + 1))
    kept = np.concatenate([[True], most[1:] > CERTAIN])
    area = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    if area[kept[1:]].sum() < LEAST_CERTAIN * area.sum():
        return np.ascontiguousarray(mask)
    return np.where(kept[parts], mask, np.float32(OUTSIDE))


def _is_within(face: Face, subject: Float32[np.ndarray, "i j"]) -> bool:
    height, width = subject.shape
    row, column = (face.top + face.bottom) / 2 * height, (face.left + face.right) / 2 * width
    return bool(subject[min(int(row), height - 1), min(int(column), width - 1)] > 0.5)

"""How much of some values known shapes explain.

Enters: values [h w], shapes in boxes of them. Leaves: factors, and how well they fit.
"""

import numpy as np
from jaxtyping import Float32

from cocnet.depth.refinement.thin_pieces import Map, Mask

SWEEPS = 50  # through all factors


def fitted_together(
    values: Map, boxes: list[tuple[slice, slice]], shapes: list[Map], free: Mask
) -> tuple[Float32[np.ndarray, " n"], Map]:
    """The factors, none below 0, of shapes in their boxes that explain values best where these are free, and the sum
    of all (least squares, one factor after the other)."""
    whole, count = np.zeros(values.shape), len(shapes)
    products, goal, factors = np.zeros((count, count)), np.zeros(count), np.zeros(count)
    for i, (where, shape) in enumerate(zip(boxes, shapes, strict=True)):
        whole[where] = shape * free[where]
        goal[i] = (whole[where] * values[where]).sum()
        products[i] = [(whole[other] * theirs).sum() for other, theirs in zip(boxes, shapes, strict=True)]
        whole[where] = 0
    for i in [i for i in range(count) if products[i, i] > 0] * SWEEPS:
        factors[i] = max(0.0, factors[i] + (goal[i] - products[i] @ factors) / products[i, i])
    for where, shape, factor in zip(boxes, shapes, factors, strict=True):
        whole[where] += factor * shape
    return factors.astype(np.float32), whole.astype(np.float32)


def regressed(values: Float32[np.ndarray, " n"], shape: Float32[np.ndarray, " n"]) -> tuple[float, float]:
    """The factor of shape in values, up to a constant, and their correlation; 0 and 0 where there is no shape."""
    if not len(values):
        return 0.0, 0.0
    x, y = shape - shape.mean(), values - values.mean()
    both, alone = float((x * y).sum()), float((x * x).sum())
    if alone <= 0:
        return 0.0, 0.0
    return both / alone, both / float(np.sqrt(alone * (y * y).sum()) + 1e-12)

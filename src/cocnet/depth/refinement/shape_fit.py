"""How much of some values known shapes explain.

Enters: values [h w], shapes in boxes of them. Leaves: factors, and how well they fit.
"""

import numpy as np
from jaxtyping import Float32
from scipy.optimize import nnls

from cocnet.depth.refinement.thin_pieces import Map, Mask

SINGULAR = 1e-6  # of the mean of the normal equations' diagonal, added to it


def fitted_together(
    values: Map, boxes: list[tuple[slice, slice]], shapes: list[Map], free: Mask
) -> tuple[Float32[np.ndarray, " n"], Map]:
    """The factors, none below 0, of shapes in their boxes that explain values best where these are free, and the sum
    of all (non-negative least squares by the normal equations)."""
    whole = np.zeros_like(values)
    if not shapes:
        return np.zeros(0, np.float32), whole
    products, goal = np.zeros((len(shapes), len(shapes))), np.zeros(len(shapes))
    for i, (where, shape) in enumerate(zip(boxes, shapes, strict=True)):
        whole[where] = shape * free[where]
        goal[i] = float((whole[where] * values[where]).sum())
        products[i] = [
            float((whole[other] * theirs).sum()) for other, theirs in zip(boxes, shapes, strict=True)
        ]
        whole[where] = 0
    products += (SINGULAR * np.trace(products) / len(shapes) + 1e-12) * np.eye(len(shapes))
    lower = np.linalg.cholesky(products)
    factors, _ = nnls(lower.T, np.linalg.solve(lower, goal))
    for where, shape, factor in zip(boxes, shapes, factors, strict=True):
        whole[where] += factor * shape
    return factors.astype(np.float32), whole


def regressed(values: Float32[np.ndarray, " n"], shape: Float32[np.ndarray, " n"]) -> tuple[float, float]:
    """The factor of shape in values, up to a constant, and their correlation; 0 and 0 where there is no shape."""
    if not len(values):
        return 0.0, 0.0
    x, y = shape - shape.mean(), values - values.mean()
    both, alone = float((x * y).sum()), float((x * x).sum())
    if alone <= 0:
        return 0.0, 0.0
    return both / alone, both / float(np.sqrt(alone * (y * y).sum()) + 1e-12)

"""How good relative disparity is: after the best scale and shift, and by the order of pairs of points.

Enters: disparity [h w] of any scale and shift, the truth [h w] above 0 (1/m, or a teacher's), where it counts.
Leaves: shares of pixels or pairs in 0..1.
"""

import numpy as np
from jaxtyping import Bool, Float

Plane = Float[np.ndarray, "h w"]
Where = Bool[np.ndarray, "h w"]


def aligned(disparity: Plane, truth: Plane, where: Where | None = None) -> Plane:
    """s·d + t closest to the truth by least squares, s ≥ 0 (Ranftl et al. 2020, MiDaS, Eq. 4)."""
    counts = np.ones(truth.shape, bool) if where is None else where
    d, t = disparity[counts].astype(np.float64), truth[counts].astype(np.float64)
    spread = float(((d - d.mean()) ** 2).sum())
    scale = max(0.0, float(((d - d.mean()) * (t - t.mean())).sum()) / spread) if spread else 0.0
    return scale * (disparity.astype(np.float64) - d.mean()) + t.mean()


def delta_share(disparity: Plane, truth: Plane, where: Where | None = None, ratio: float = 1.25) -> float:
    """δ: the share of pixels within a factor `ratio` of the truth after alignment; at 0 or below none is."""
    counts = np.ones(truth.shape, bool) if where is None else where
    found, true = aligned(disparity, truth, counts)[counts], truth[counts]
    with np.errstate(divide="ignore"):
        off = np.where(found > 0, np.maximum(found / true, true / np.maximum(found, 1e-30)), np.inf)
    return float((off < ratio).mean())


def ordered_share(
    disparity: Plane, subject: Where, background: Where, pairs: int = 2000, seed: int = 0
) -> float:
    """The share of random pairs (a point of the subject, one of the background) in which the subject is nearer."""
    draw = np.random.default_rng(seed)
    near, far = (draw.choice(disparity[places], pairs) for places in (subject, background))
    return float((near > far).mean())

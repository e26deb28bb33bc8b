"""What of focus and depth can't be meant, told to the user before the picture surprises.

Enters: the subject's mask, inverse depth (1/m), the photo. Leaves: a line with numbers, or none.
"""

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch.nn import functional

from cocnet.depth.refinement.guided_filter import shrunk, working_size

UNSURE = (0.15, 0.85)  # a mask's value between these is no decision
MOST_UNSURE = 1.0  # of what is decided to be subject
AREA_PX = 256**2
STEP_SHARE = 0.15  # of the depth's range: what counts as an edge of it
LEAST_EDGES = 100  # px at that size, below which nothing is said
REACH_PX = 2
# Rank of the photo's edges where depth has edges; own depth 0.64 … 0.97, mirrored 0.2 … 0.67
LEAST_AGREEMENT, SURE_AGREEMENT = 0.62, 0.68
CLEARLY = 0.03  # more, by which depth turned otherwise agrees better


def subject_doubt(mask: Float32[np.ndarray, "i j"] | None) -> tuple[str, ...]:
    """A note where more of the mask is undecided than it takes for the subject."""
    if mask is None:
        return ()
    solid = float((mask >= UNSURE[1]).mean())
    undecided = float(((mask > UNSURE[0]) & (mask < UNSURE[1])).mean())
    if solid == 0 or undecided <= 0.01 or undecided <= MOST_UNSURE * solid:
        return ()
    return (
        f"the subject is uncertain: {100 * undecided:.0f} % of the photo may or may not belong to it; "
        "--focus-point x,y or --subject MASK says what is meant",
    )


def depth_doubt(inverse: Float32[np.ndarray, "h w"], rgb: UInt8[np.ndarray, "h w 3"]) -> tuple[str, ...]:
    """A note where depth has its edges and the photo has none there: another photo's, turned or moved."""
    agreement = edge_agreement(inverse, rgb)
    if agreement is None or agreement >= SURE_AGREEMENT:
        return ()
    if agreement >= LEAST_AGREEMENT:
        turned = [edge_agreement(one, rgb) for one in (inverse[:, ::-1], inverse[::-1], inverse[::-1, ::-1])]
        if not any(one is not None and one > agreement + CLEARLY for one in turned):
            return ()
    return (
        "depth disagrees with the photo: where it has edges the photo has them no more than anywhere else; "
        "check that --depth belongs to this photo and isn't turned or mirrored",
    )


def edge_agreement(inverse: Float32[np.ndarray, "h w"], rgb: UInt8[np.ndarray, "h w 3"]) -> float | None:
    """Mean rank (0..1) of the photo's strongest edge within 2 px of depth's edges; None where depth has too few."""
    size = working_size(rgb.shape[0], rgb.shape[1], AREA_PX)
    plane = torch.from_numpy(np.ascontiguousarray(inverse))[None, None]
    depth = functional.interpolate(plane, size, mode="area")
    low, high = (float(q) for q in np.quantile(depth.numpy(), (0.02, 0.98)))
    if high - low < 1e-6 or min(size) < 2 * REACH_PX + 2:
        return None
    edges = _steps((depth - low) / (high - low)).amax(1)[0] > STEP_SHARE
    if int(edges.sum()) < LEAST_EDGES:
        return None
    seen = functional.max_pool2d(
        _steps(shrunk(rgb, size)[None].mean(1, keepdim=True)), 2 * REACH_PX + 1, 1, REACH_PX
    )
    flat = seen.flatten()
    ordered, here = flat.sort().values, seen[0, 0][edges]
    below, upto = (torch.searchsorted(ordered, here, right=right) for right in (False, True))
    return float((below + upto).double().mean()) / 2 / len(flat)


def _steps(plane: torch.Tensor) -> torch.Tensor:
    """The larger difference to the next pixel right or below."""
    across = functional.pad((plane[..., 1:] - plane[..., :-1]).abs(), (0, 1))
    down = functional.pad((plane[..., 1:, :] - plane[..., :-1, :]).abs(), (0, 0, 0, 1))
    return torch.maximum(across, down)

"""What makes a subject mask good: the loss of training, the scores of measuring.

Enters: logits or masks [b 1 h w] and the teacher's masks in 0..1. Leaves: a scalar loss; scores per photo.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Masks = Float[Tensor, "b 1 h w"]


def mask_loss(logits: Masks, target: Masks) -> Float[Tensor, ""]:
    """Weighted cross-entropy + 1 − weighted IoU (Wei et al. 2020, F3Net, Eq. 5–8) + mean absolute error.

    Weights 1 + 4·|box₁₅(t) − t| stress edges. Soft targets stay soft. IoU counts where a subject is.
    """
    weight = 1 + 4 * (_box(target) - target).abs()
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    entropy = (weight * entropy).sum((1, 2, 3)) / weight.sum((1, 2, 3))
    mask = logits.sigmoid()
    both = (mask * target * weight).sum((1, 2, 3))
    either = (torch.maximum(mask, target) * weight).sum((1, 2, 3))
    present = (target.mean((1, 2, 3)) > 0.01).float()
    overlap = present * (1 - both / either.clamp_min(1))
    return (entropy + overlap + (mask - target).abs().mean((1, 2, 3))).mean()


def _box(x: Masks, reach: int = 7) -> Masks:
    """Mean over 15 × 15 px, columns after rows."""
    size = 2 * reach + 1
    rows = functional.avg_pool2d(x, (size, 1), 1, (reach, 0), count_include_pad=False)
    return functional.avg_pool2d(rows, (1, size), 1, (0, reach), count_include_pad=False)


@dataclass(frozen=True)
class MaskScore:
    """Means over photos: IoU at 0.5 over those with 3–80 % subject, absolute error over them and over all."""

    iou: float
    mae: float
    mae_all: float
    photos: int
    photos_all: int


def score_masks(masks: Masks, targets: Masks) -> MaskScore:
    """Compare masks with the teacher's, all at one size."""
    ours, theirs = masks > 0.5, targets > 0.5
    union = (ours | theirs).sum((1, 2, 3)).clamp_min(1)
    iou = (ours & theirs).sum((1, 2, 3)) / union
    error = (masks - targets).abs().mean((1, 2, 3))
    share = theirs.float().mean((1, 2, 3))
    counted = (share >= 0.03) & (share <= 0.8)
    mean = [float(x[counted].mean()) if counted.any() else float("nan") for x in (iou, error)]
    return MaskScore(mean[0], mean[1], float(error.mean()), int(counted.sum()), len(masks))

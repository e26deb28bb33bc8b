"""What makes relative disparity good: the loss of training.

Enters: disparity and the teacher's [b 1 h w], bigger is nearer, and how far the teacher is known there (0..1); for
order, the mask too. Leaves: scalar losses.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Maps = Float[Tensor, "b 1 h w"]
_STRIDES = (1, 2, 4, 8)
_CLEAR = 0.12
_SOFT = 0.05
_OWN_SCALE = 1.2


def disparity_loss(disparity: Maps, target: Maps, known: Maps) -> Float[Tensor, ""]:
    """Scale-and-shift-invariant error with gradient matching (Ranftl et al. 2020, MiDaS, Eq. 5, 7 and 11).

    Both are shifted to mean 0 and scaled to mean |d| 1 where the target is known. A part of the plain error keeps
    the output in the target's own range.
    """
    total = known.sum((1, 2, 3)).clamp_min(1e-6)

    def mean(x: Maps) -> Float[Tensor, "b 1 1 1"]:
        return ((x * known).sum((1, 2, 3)) / total)[:, None, None, None]

    def normed(x: Maps) -> Maps:
        off = x - mean(x)
        return off / (mean(off.abs()) + 0.02)

    error = normed(disparity) - normed(target)
    edges = sum(_gradient(error[..., ::k, ::k], known[..., ::k, ::k]) for k in _STRIDES)
    return (mean(error.abs()) + _OWN_SCALE * mean((disparity - target).abs()) + 0.5 * edges).mean()


def _gradient(error: Maps, known: Maps) -> Float[Tensor, "b 1 1 1"]:
    """Mean |∂error| across and down, where both neighbours are known."""
    across = (error[..., 1:] - error[..., :-1]).abs() * torch.minimum(known[..., 1:], known[..., :-1])
    down = (error[..., 1:, :] - error[..., :-1, :]).abs() * torch.minimum(
        known[..., 1:, :], known[..., :-1, :]
    )
    return across.mean((1, 2, 3), keepdim=True) + down.mean((1, 2, 3), keepdim=True)


def order_loss(disparity: Maps, target: Maps, mask: Maps, pairs: int = 192) -> Float[Tensor, ""]:
    """Pairs of a point of the subject and one of the background: log(1 + exp(−s·(d_s − d_b)/τ)) (Chen et al. 2016).

    The subject is nearer (s = 1) unless the target clearly says otherwise; pairs that it leaves open count only where
    the background isn't below: that may be ground in front. Places follow from torch's global generator.
    """
    width = mask.shape[-1]
    losses = []
    for found, true, share in zip(disparity.flatten(1), target.flatten(1), mask.flatten(1), strict=True):
        inside, outside = ((share > 0.9).nonzero()[:, 0], (share < 0.1).nonzero()[:, 0])
        if len(inside) < 0.01 * len(share) or len(outside) < 0.05 * len(share):
            continue
        one, other = (places[torch.randint(len(places), (pairs,))] for places in (inside, outside))
        nearer = true[one] - true[other]
        sign = torch.where(nearer < -_CLEAR, -1.0, 1.0)
        counts = ((nearer.abs() > _CLEAR) | (other // width <= one // width)).float()
        off = functional.softplus(-sign * (found[one] - found[other]) / _SOFT) / 4
        losses.append((off * counts).sum() / counts.sum().clamp_min(1))
    return torch.stack(losses).mean() if losses else disparity.new_zeros(())

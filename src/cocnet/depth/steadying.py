"""Depth of a film, frame after frame, without the flicker of an estimator that sees each frame for itself.

Enters: a frame's `Moment` and the steady one before it, which is moved along the picture (p). Leaves: the steady one.
Scale and shift are locked to p where the picture is the same: a·d + b, the reduced major axis, which doesn't shrink;
then d ← w·p + (1 − w)·(a·d + b), w = e^(−Δt/τ)·e^(−(r/σ)²)/(1 + (|p − a·d − b|/δ)²), r: the picture's change.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor

from cocnet.depth.motion import moved, unchanged
from cocnet.depth.refinement.windows import box

MEMORY_S = 0.5
LEAK_S = 8.0  # in which a scene's own scale comes back
FARTHEST = 1e-3  # 1/m
APART = 0.5
_STEPS, _LEAST_SAME, _LEAST_ALIKE = 4, 0.05, 0.3
_SLOPES = (0.5, 2.0)
_BINS, _CUT = 6, 0.45


@dataclass(frozen=True, eq=False)
class Moment:
    """A small view of a frame (0..1), its inverse depth (1/m) and its subject's mask (0..1), all of one size."""

    picture: Float32[np.ndarray, "3 h w"]
    inverse: Float32[np.ndarray, "h w"]
    mask: Float32[np.ndarray, "h w"]


def is_cut(before: Moment, now: Moment) -> bool:
    """Whether the frame shows another scene: the colours of less than 45 % of it were there before."""
    if before.picture.shape != now.picture.shape:
        return True
    a, b = (_histogram(one.picture) for one in (before, now))
    return float(np.minimum(a, b).sum()) < _CUT


def steadied(before: Moment, now: Moment, seconds: float) -> Moment:
    """The frame's moment, held to the steady one of the frame `seconds` earlier."""
    past, same = _carried(before, now)
    inverse, mask = torch.from_numpy(now.inverse), torch.from_numpy(now.mask)
    locked = _locked(inverse, past[0], same, 1 - math.exp(-seconds / LEAK_S))
    fresh = torch.stack([locked, mask])
    kept = same * math.exp(-seconds / MEMORY_S) * _agreement(past, fresh)
    steady = kept * past + (1 - kept) * fresh
    return Moment(now.picture, steady[0].clamp_min(FARTHEST).numpy(), steady[1].numpy())


def _agreement(past: Float[Tensor, "2 h w"], fresh: Float[Tensor, "2 h w"]) -> Float[Tensor, "2 h w"]:
    """1 where both are alike, 1/2 where they differ by half their spread: what a moving thing left behind is no
    flicker, and would be remembered."""
    spread = fresh.flatten(1).std(1)[:, None, None].clamp_min(1e-6)
    return 1 / (1 + (box(past - fresh, 2) / (APART * spread)) ** 2)


def _carried(before: Moment, now: Moment) -> tuple[Float[Tensor, "2 h w"], Float[Tensor, "h w"]]:
    """Inverse depth and mask of the frame before, moved along the picture, and how much that is the same (0..1)."""
    planes = np.concatenate([before.picture, before.inverse[None], before.mask[None]])
    picture = torch.from_numpy(now.picture)
    past = moved(torch.from_numpy(planes), picture)
    return past[3:], unchanged(past[:3], picture)


def _locked(
    now: Float[Tensor, "h w"], before: Float[Tensor, "h w"], same: Float[Tensor, "h w"], leak: float
) -> Float[Tensor, "h w"]:
    """a·now + b, so that it has the mean and the spread that were before where the picture is the same."""
    weight, slope, shift = same, 1.0, 0.0
    if float(same.mean()) < _LEAST_SAME:
        return now
    for _ in range(_STEPS):
        total = weight.sum().clamp_min(1e-9)
        means = [float((weight * x).sum() / total) for x in (now, before)]
        off = [x - mean for x, mean in zip((now, before), means, strict=True)]
        spreads = [math.sqrt(float((weight * x * x).sum() / total)) for x in off]
        alike = float((weight * off[0] * off[1]).sum() / total) / max(spreads[0] * spreads[1], 1e-12)
        slope = spreads[1] / max(spreads[0], 1e-9) if alike > _LEAST_ALIKE else 1.0
        slope = min(_SLOPES[1], max(_SLOPES[0], slope))
        shift = means[1] - slope * means[0]
        error = (slope * now + shift - before).abs()
        weight = same / (1 + (error / (2 * error.median()).clamp_min(1e-6)) ** 2)
    return now + (1 - leak) * ((slope - 1) * now + shift)


def _histogram(picture: Float32[np.ndarray, "3 h w"]) -> Float64[np.ndarray, " n"]:
    """The share of each colour, blurred over neighbouring ones so that a change of light is no cut."""
    steps = (picture * _BINS).astype(int).clip(0, _BINS - 1)
    counts = np.zeros((_BINS + 2,) * 3)
    np.add.at(counts, tuple(steps.reshape(3, -1) + 1), 1.0)
    for axis in range(3):
        counts = (np.roll(counts, 1, axis) + 2 * counts + np.roll(counts, -1, axis)) / 4
    return (counts / counts.sum()).ravel()

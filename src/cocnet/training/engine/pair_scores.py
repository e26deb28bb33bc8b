"""How a network does on held-out pairs: scores, and a picture to look at.

Enters: a network and items as in training. Leaves: means over the pairs, and a PNG of rows (picture, ours, truth).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cocnet.imaging import write_photo
from cocnet.metrics.image import psnr, ssim

ROWS = 4


@dataclass(frozen=True)
class PairScore:
    """Means over held-out pairs, both pictures cut to 0..1: PSNR in dB, SSIM; how many."""

    psnr: float
    ssim: float
    pictures: int


def score(network: nn.Module, held_out: Sequence[dict[str, Tensor]]) -> PairScore:
    """Compare the network's pictures with the true ones; NaN where there are none."""
    found = scores(network, held_out)
    if not found:
        return PairScore(float("nan"), float("nan"), 0)
    decibels, likeness = (sum(column) / len(found) for column in zip(*found, strict=True))
    return PairScore(round(decibels, 3), round(likeness, 5), len(found))


def scores(network: nn.Module, held_out: Sequence[dict[str, Tensor]]) -> list[tuple[float, float]]:
    """PSNR in dB and SSIM of each pair."""
    return [compared(rendered(network, item), item["bokeh"][None]) for item in held_out]


def compared(ours: Float[Tensor, "1 3 h w"], truth: Float[Tensor, "1 3 h w"]) -> tuple[float, float]:
    """PSNR in dB and SSIM of a picture in 0..1 and the true one, which is cut to that."""
    truth = truth.clamp(0, 1)
    return float(psnr(ours, truth)), float(ssim(ours, truth))


@torch.no_grad()
def rendered(network: nn.Module, item: dict[str, Tensor]) -> Float[Tensor, "1 3 h w"]:
    """The network's picture of one item, in 0..1, on the CPU."""
    device = next(network.parameters()).device
    given = {name: tensor[None].to(device) for name, tensor in item.items() if name != "bokeh"}
    return network(**given).float().clamp(0, 1).cpu()


def save_samples(path: Path, network: nn.Module, held_out: Sequence[dict[str, Tensor]]) -> None:
    """Write the first pairs as a PNG; nothing where there are none. Raises FileError."""
    if not held_out:
        return
    rows = [
        torch.cat([item["image"].clamp(0, 1), rendered(network, item)[0], item["bokeh"].clamp(0, 1)], 2)
        for item in held_out[:ROWS]
    ]
    path.parent.mkdir(exist_ok=True)
    write_photo(path, (torch.cat(rows, 1).permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())

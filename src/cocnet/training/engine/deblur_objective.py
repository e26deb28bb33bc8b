"""What a deblurring network is trained for: pictures like the sharp ones.

Enters: items `image` (blurred) and `sharp` [3 h w], and `views` [2 3 h w] with `has_views` [] where a sensor has two.
Leaves: the loss; mean gain over the blurred pictures, PSNR and SSIM on held-out items; weights, and samples/
(blurred, ours, sharp).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer, RAdam

from cocnet.errors import InputError
from cocnet.metrics.image import psnr, ssim
from cocnet.networks.architectures.ifan import IFAN, filter_channels
from cocnet.networks.architectures.ifan_reblurring import Reblurring, ifan_loss
from cocnet.training.engine.batches import Item
from cocnet.training.engine.pair_scores import save_samples
from cocnet.training.engine.task import Objective, Step
from cocnet.training.recipes.deblur_recipe import DeblurRecipe
from cocnet.training.recipes.recipe import Recipe

LEAST_ERROR = 3e-5  # added to squared errors: below it, a picture is as good as sharp


@dataclass(frozen=True)
class DeblurScore:
    """Means over held-out pairs, pictures cut to 0..1: dB gained over the blurred picture, PSNR in dB, SSIM."""

    gain: float
    psnr: float
    ssim: float
    pictures: int


class WithReblurring(nn.Module):
    """IFAN with the reblurring network that is trained beside it and thrown away."""

    def __init__(self, model: IFAN) -> None:
        super().__init__()
        self.model, width = model, model.disparity.first.in_channels
        self.reblurring = Reblurring(filter_channels(width), width)

    def forward(self, image: Tensor) -> Tensor:
        return self.model(image)


class DeblurObjective(Objective[DeblurScore]):
    """The recipe's loss; for a `WithReblurring` IFAN's, that of the sharp picture and of the one blurred again."""

    def __init__(self, held_out: Sequence[Item], recipe: DeblurRecipe) -> None:
        self.held_out, self.recipe = held_out, recipe

    def check(self, network: nn.Module, item: Item, recipe: Any, device: torch.device) -> None:
        """Raise InputError for items that aren't pairs, or whose sides aren't multiples of 8."""
        if "image" not in item or "sharp" not in item:
            raise InputError(f"expected items with image and sharp, got {sorted(item)}, try a dict of both")
        if any(side % 8 for side in item["image"].shape[-2:]):
            got = list(item["image"].shape[-2:])
            raise InputError(f"expected sides that are multiples of 8 px, got {got}, try --side-px 96")

    def loss(self, network: nn.Module, batch: Item, step: Step) -> Float[Tensor, ""]:
        image, sharp = batch["image"], batch["sharp"]
        with step.precision:
            if isinstance(network, WithReblurring):
                views = batch.get("views"), batch.get("has_views")
                return ifan_loss(
                    network.model, network.reblurring, image, sharp, *views, error=self._error
                ).total()
            ours = network(image.contiguous(memory_format=torch.channels_last)).float()
        return self._error(ours, sharp, image)

    def _error(self, ours: Tensor, target: Tensor, given: Tensor) -> Float[Tensor, ""]:
        """The recipe's loss of a picture that was made of a given one."""
        if self.recipe.loss == "gain":
            return (_squared(ours, target) / _squared(given, target)).log().mean()
        off = ours - target
        return off.abs().mean() if self.recipe.loss == "l1" else off.square().mean()

    def optimiser(self, network: nn.Module) -> Optimizer:
        """AdamW; RAdam for IFAN, with decay apart from the gradient as in its authors' code (Liu et al. 2020). In the
        gradient it would be all that a network with a last layer of zeros feels, and end every weight."""
        parameters = [p for p in network.parameters() if p.requires_grad]
        shared: dict[str, Any] = {"weight_decay": self.recipe.weight_decay, "betas": (0.9, 0.99)}
        if isinstance(network, WithReblurring):
            return RAdam(parameters, decoupled_weight_decay=True, **shared)
        return AdamW(parameters, **shared)

    def score(self, network: nn.Module) -> DeblurScore:
        return score_deblurring(network, self.held_out)

    def save(self, network: nn.Module, folder: Path, step: int, recipe: Recipe, about: str) -> None:
        model = network.model if isinstance(network, WithReblurring) else network
        shown = [{"image": item["image"], "bokeh": item["sharp"]} for item in self.held_out[:4]]
        save_samples(folder / "samples" / f"{step:07}.png", model, shown)
        super().save(model, folder, step, recipe, about)


@torch.no_grad()
def score_deblurring(network: nn.Module, held_out: Sequence[Item]) -> DeblurScore:
    """How a network does on pairs; NaN where there are none."""
    if not held_out:
        return DeblurScore(float("nan"), float("nan"), float("nan"), 0)
    device, rows = next(network.parameters()).device, []
    for item in held_out:
        blurred, sharp = item["image"][None], item["sharp"][None]
        ours = network(blurred.to(device)).float().clamp(0, 1).cpu()
        rows.append(
            (
                float(psnr(ours, sharp) - psnr(blurred, sharp)),
                float(psnr(ours, sharp)),
                float(ssim(ours, sharp)),
            )
        )
    gain, decibels, likeness = (sum(column) / len(rows) for column in zip(*rows, strict=True))
    return DeblurScore(round(gain, 4), round(decibels, 4), round(likeness, 5), len(rows))


def _squared(ours: Tensor, target: Tensor) -> Float[Tensor, " b"]:
    return (ours - target).square().mean((1, 2, 3)) + LEAST_ERROR

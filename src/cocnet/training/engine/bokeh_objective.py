"""What a bokeh network is trained for: pictures like the true ones.

Enters: items `image`, `bokeh`, and what else the network is called with. Leaves: the loss of a stage; PSNR and SSIM
on held-out items; weights as `load_model` reads them, and samples/ (picture, ours, truth).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cocnet.errors import InputError
from cocnet.training.engine.batches import Item
from cocnet.training.engine.discriminator import WithDiscriminator, adversarial_losses
from cocnet.training.engine.losses import SQUARE_PX, Loss, remaining, vgg_features
from cocnet.training.engine.pair_scores import PairScore, save_samples, score
from cocnet.training.engine.task import Objective, Step
from cocnet.training.recipes.bokeh_recipes import BokehStage, LossWeights
from cocnet.training.recipes.recipe import Recipe


class BokehObjective(Objective[PairScore]):
    """Losses of a `BokehRecipe`'s stages, scores on held-out items."""

    def __init__(self, held_out: Sequence[Item]) -> None:
        self.held_out = held_out
        self._losses: dict[LossWeights, Loss] = {}

    def check(self, network: nn.Module, item: Item, recipe: Any, device: torch.device) -> None:
        """Make the loss of each stage and try it on an item. Raises FileError (VGG) or InputError (pictures too
        small for a loss or of no size for a level, items without a picture)."""
        if "image" not in item or "bokeh" not in item:
            raise InputError(f"expected items with image and bokeh, got {sorted(item)}, try a dict of both")
        stages: Sequence[BokehStage] = recipe.stages
        features = vgg_features() if any(stage.loss.vgg for stage in stages) else None
        for stage in stages:
            loss = self._losses.setdefault(stage.loss, Loss(stage.loss, features).to(device))
            _check_stage(network, item, stage)
            shrink = 1 if stage.level is None else 2 ** (stage.level + 1)
            size = (item["bokeh"].shape[-2] // shrink, item["bokeh"].shape[-1] // shrink)
            truth = functional.adaptive_avg_pool2d(item["bokeh"][None].to(device), size)
            with torch.no_grad():
                loss(truth, truth)

    def loss(self, network: nn.Module, batch: Item, step: Step) -> Tensor:
        """The stage's loss, and what the network's own supervision adds."""
        given = {name: tensor for name, tensor in batch.items() if name != "bokeh"}
        weights: LossWeights = step.stage.loss
        with step.precision:
            output, own = called(bare(network), given, batch["bokeh"], step.stage)
        loss = self._losses[weights](output, sized(batch["bokeh"], output)) + own
        if not weights.adversarial:
            return loss
        pictures = batch["image"], output.float(), batch["bokeh"]
        fooling, telling = adversarial_losses(_beside(network), *pictures)
        return loss + weights.adversarial * fooling + telling

    def score(self, network: nn.Module) -> PairScore:
        return score(bare(network), self.held_out)

    def save(self, network: nn.Module, folder: Path, step: int, recipe: Recipe, about: str) -> None:
        save_samples(folder / "samples" / f"{step:07}.png", bare(network), self.held_out)
        super().save(bare(network), folder, step, recipe, about)


def bare(network: nn.Module) -> nn.Module:
    """The network without the discriminator that is trained beside it."""
    return network.model if isinstance(network, WithDiscriminator) else network


def _beside(network: nn.Module) -> nn.Module:
    """The discriminator. Raises InputError where there is none."""
    if not isinstance(network, WithDiscriminator):
        raise InputError(
            f"expected WithDiscriminator for an adversarial loss, got {type(network).__name__}, try it"
        )
    return network.discriminator


def _check_stage(network: nn.Module, item: Item, stage: BokehStage) -> None:
    """Raise InputError where a stage wants another network or other items."""
    if stage.loss.adversarial:
        _beside(network)
    network = bare(network)
    if stage.level is not None:
        _at_level(network, item)
    if stage.loss.fusion:
        _supervised(network)
    if stage.loss.gain or stage.loss.parts:
        _physical(item)


def called(network: nn.Module, item: Item, target: Tensor, stage: BokehStage) -> tuple[Tensor, Tensor]:
    """The network's picture, or that of one level of PyNET, and what its own supervision adds to the loss."""
    none = target.new_zeros(())
    if stage.loss.fusion:
        picture, loss = _supervised(network)(item["image"], target)
        return picture, stage.loss.fusion * loss
    if stage.loss.gain or stage.loss.parts:
        picture = network(**item)
        pictures = picture, target, _physical(item)
        left = stage.loss.gain * remaining(*pictures)
        parts = stage.loss.parts * remaining(*pictures, SQUARE_PX) if stage.loss.parts else none
        return picture, left + parts
    if stage.level is None:
        return network(**item), none
    return _at_level(network, item)(item["image"], item["depth"], stage.level), none


def _supervised(network: Any) -> Callable[..., tuple[Tensor, Tensor]]:
    """MPFNet's call in training. Raises InputError for another network."""
    if not hasattr(network, "supervised"):
        raise InputError(f"expected mpfnet for a loss of fusion weights, got {network.name}, try fusion 0")
    return network.supervised


def _physical(item: Item) -> Tensor:
    """What a hybrid corrects. Raises InputError where the network is another."""
    if "physical" not in item:
        raise InputError(
            f"expected cocnet-hybrid for a loss of gain, got items of {sorted(item)}, try gain 0"
        )
    return item["physical"]


def _at_level(network: Any, item: Item) -> Callable[..., Tensor]:
    """PyNET's call of one level, which takes no sizes but multiples of the card's. Raises InputError."""
    if not hasattr(network, "at_level"):
        raise InputError(f"expected a network with levels, got {network.name}, try a stage without a level")
    multiple: int = network.card.size_multiple
    sides = list(item["image"].shape[-2:])
    if any(side % multiple or side < 2 * multiple for side in sides):
        wanted = f"sides that are multiples of {multiple} px from {2 * multiple} px"
        raise InputError(f"expected {wanted}, got {sides}, try --side-px 256")
    return network.at_level


def sized(target: Tensor, output: Tensor) -> Tensor:
    """The truth at the size of a coarser level: means of its pixels."""
    size = (output.shape[-2], output.shape[-1])
    return target if target.shape[-2:] == size else functional.adaptive_avg_pool2d(target, size)

"""What the network of depth and subject is trained for: masks and disparity like the teachers'.

Enters: items `image` [3 s s], `mask` [1 s s] and, where a teacher made it, `disparity` [1 s s] with how far it is
`known` (0..1), seen at several sizes in turn. Leaves: the loss over the decoder's levels; IoU and error on held-out
photos; weights.safetensors and, as it ships, depth_subject.safetensors (16 bit).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import AdamW, Optimizer

from cocnet.files.atomic import atomic_path
from cocnet.training.engine.batches import Item
from cocnet.training.engine.disparity_losses import disparity_loss, order_loss
from cocnet.training.engine.mask_losses import MaskScore, mask_loss, score_masks
from cocnet.training.engine.task import WEIGHTS, Objective, Step
from cocnet.training.recipes.recipe import Recipe
from cocnet.training.recipes.subject_recipe import SubjectRecipe


class SubjectObjective(Objective[MaskScore]):
    """Masks at all levels, disparity at 1/4; batches take the `sides_px` in turn [the items' own size].

    Where no file knows a photo's disparity, `teacher` (views [b 3 h w] in, disparity [b 1 h w] out) says what it is.
    """

    def __init__(
        self,
        held_out: tuple[Float[Tensor, "n 3 h w"], Float[Tensor, "n 1 h w"]],
        recipe: SubjectRecipe,
        sides_px: Sequence[int] = (),
        teacher: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.held_out, self.recipe, self.sides_px, self.teacher = held_out, recipe, tuple(sides_px), teacher

    def loss(self, network: Any, batch: Item, step: Step) -> Tensor:
        """That of the finest level, and a part of the coarser ones'."""
        names = [name for name in ("image", "mask", "disparity", "known") if name in batch]
        planes: Item = {name: batch[name] for name in names}
        if self.teacher is not None:
            planes = _taught(planes, self.teacher)
        if self.sides_px:
            side = self.sides_px[step.number % len(self.sides_px)]
            planes = {name: _resized(x, side) for name, x in planes.items()}
        rgb = planes["image"].contiguous(memory_format=torch.channels_last)
        with step.precision:
            found = network.outputs(rgb)
        said = [*found.logits, found.second_logits]
        losses = [mask_loss(logits.float(), _shrunk(planes["mask"], logits)) for logits in said]
        loss = losses[0] + self.recipe.auxiliary * sum(losses[1:], rgb.new_zeros(()))
        if "disparity" not in planes:
            return loss
        mask, target, known = (
            _shrunk(planes[name], found.disparity) for name in ("mask", "disparity", "known")
        )
        disparity = found.disparity.float()
        error = disparity_loss(disparity, target, known)
        return loss + self.recipe.disparity_weight * error + order_loss(disparity, target, mask)

    def optimiser(self, network: nn.Module) -> Optimizer:
        """Two learning rates; biases and norms don't decay."""
        groups = []
        for encoder in (True, False):
            named = [
                p
                for name, p in network.named_parameters()
                if p.requires_grad and name.startswith("encoder.") == encoder
            ]
            share = self.recipe.encoder_share if encoder else 1.0
            for decay in (self.recipe.weight_decay, 0.0):
                chosen = [p for p in named if (p.ndim > 1) == (decay > 0)]
                groups.append({"params": chosen, "weight_decay": decay, "share": share})
        return AdamW(groups, betas=(0.9, 0.99))

    def score(self, network: nn.Module) -> MaskScore:
        rgb, masks = self.held_out
        return score_masks(predicted_masks(network, rgb), masks)

    def save(self, network: nn.Module, folder: Path, step: int, recipe: Recipe, about: str) -> None:
        _save_weights(folder / WEIGHTS, network, torch.float32, about)
        _save_weights(folder / "depth_subject.safetensors", network, torch.float16, about)


@torch.no_grad()
def predicted_masks(network: nn.Module, rgb: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
    """Masks of photos, a few at a time, on the CPU."""
    device = next(network.parameters()).device
    parts = [part.to(device, memory_format=torch.channels_last) for part in torch.split(rgb, 4)]
    return torch.cat([network(part)[0].sigmoid().float().cpu() for part in parts])


@torch.no_grad()
def _taught(planes: Item, teacher: Callable[[Tensor], Tensor]) -> Item:
    """With the teacher's disparity, known everywhere, for the photos whose own nobody knows."""
    rgb = planes["image"]
    disparity, known = (
        planes[name] if name in planes else torch.zeros_like(rgb[:, :1]) for name in ("disparity", "known")
    )
    asked = known.flatten(1).amax(1) == 0
    if asked.any():
        disparity, known = disparity.clone(), known.clone()
        disparity[asked], known[asked] = teacher(rgb[asked]), 1.0
    return {**planes, "disparity": disparity, "known": known}


def _resized(x: Tensor, side_px: int) -> Tensor:
    if x.shape[-1] == side_px:
        return x
    return functional.interpolate(x, (side_px, side_px), mode="bilinear", antialias=True)


def _shrunk(plane: Tensor, like: Tensor) -> Tensor:
    """A plane at the size of a coarser level: means of its squares."""
    size = (like.shape[-2], like.shape[-1])
    return plane if plane.shape[-2:] == size else functional.adaptive_avg_pool2d(plane, size)


def _save_weights(path: Path, network: nn.Module, dtype: torch.dtype, about: str) -> None:
    """Write a network's weights as safetensors; raises FileError."""
    tensors = {
        name: (x.to(dtype) if x.is_floating_point() else x).detach().cpu().contiguous().clone()
        for name, x in network.state_dict().items()
    }
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, {"about": about}))

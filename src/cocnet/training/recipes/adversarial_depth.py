"""Adversarial bokeh for a deblurring network: depth moved so that what it sharpens is as wrong as can be.

Enters: the network, the budget of nearness (Eq. 18). Leaves: what `BokehAugmentation` calls for a scene's nearness:
D* = clip(D + δ), ‖δ‖∞ ≤ ε, that maximises the squared error of the deblurred bokeh, found by projected gradients.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cocnet.attacks.pgd import PGDSettings, descend
from cocnet.datasets.synthetic.bokeh_augmentation import EPSILON, Render
from cocnet.imaging import linear_to_srgb


@dataclass(frozen=True, eq=False)
class AdversarialDepth:
    """Moves nearness against a network by `steps` of projected gradients from a random point; its weights stay."""

    network: nn.Module
    epsilon: float = EPSILON
    steps: int = 5
    seed: int = 0

    def __call__(
        self, render: Render, nearness: Float[Tensor, "1 1 h w"], light: Float[Tensor, "1 3 h w"]
    ) -> Float[Tensor, "1 1 h w"]:
        """D*."""
        sharp = linear_to_srgb(light).clamp(0, 1)

        def make(moved: Tensor, rows: Tensor) -> Tensor:
            return linear_to_srgb(render(moved).clamp(0, 1))

        def error(deblurred: Tensor, rows: Tensor) -> Float[Tensor, " n"]:
            return (deblurred - sharp).square().mean((1, 2, 3))

        settings = PGDSettings(
            self.epsilon,
            self.steps,
            loss=error,
            success=lambda deblurred, rows: torch.zeros(len(deblurred), dtype=torch.bool),
            random_start=True,
            early_stop=False,
            seed=self.seed,
        )
        nothing = torch.zeros(1, dtype=torch.int64)
        return descend(make, self.network, nearness, nothing, settings, bounded=lambda x: x.clamp(0, 1)).x

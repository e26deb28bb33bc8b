"""Attack a classifier of your own: adversarial bokeh that moves only the depth of the background.

    python examples/attack_classifier.py

A victim is any callable that takes sRGB [b 3 h w] in 0..1 and gives one score per class [b k], differentiable.
"""

import torch
from torch import nn

from cocnet import open_renderer
from cocnet.attacks import BackgroundGDA
from cocnet.renderers import NearnessView


class SharpOrSoft(nn.Module):
    """A toy victim of two classes, soft and sharp: the energy of edges in the photo, against a threshold."""

    threshold = 0.061

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """sRGB [b 3 h w] → scores [b 2]."""
        across, down = image.diff(dim=3).square().mean((1, 2, 3)), image.diff(dim=2).square().mean((1, 2, 3))
        sharp = 1e3 * (across + down - self.threshold)
        return torch.stack([-sharp, sharp], 1)


def attack(epsilon: float = 0.05, steps: int = 15) -> tuple[float, float]:
    """The share of four photos that the victim still names as it did, and its mean confidence in those names."""
    network = SharpOrSoft().eval()
    made = torch.Generator().manual_seed(1)
    image = torch.rand(4, 3, 64, 64, generator=made)
    nearness = torch.zeros(4, 1, 64, 64)  # 0: farthest, 10 m
    nearness[..., 20:44, 20:44] = 1.0  # 1: nearest, 1 m, in focus
    render = NearnessView(open_renderer("physical"))
    with torch.no_grad():
        natural = network(render(image, nearness))
    label = natural.argmax(1)
    result = BackgroundGDA(epsilon=epsilon, steps=steps)(render, network, image, nearness, label)
    print(f"fooled {int(result.success.sum())} of 4 photos in {int(result.queries.sum())} queries")
    with torch.no_grad():
        found = network(result.image).softmax(1)
    confidence = found.gather(1, label[:, None])
    return float((found.argmax(1) == label).float().mean()), float(confidence.mean())


if __name__ == "__main__":
    accuracy, confidence = attack()
    print(f"after the attack: accuracy {accuracy:.0%}, mean confidence in the former class {confidence:.2f}")

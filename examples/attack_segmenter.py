"""Attack a segmenter: adversarial bokeh that makes pixels change their class.

    python examples/attack_segmenter.py

A victim may return anything (here torchvision's dictionary): then a loss and a success of your own say what is won.
Torchvision's networks take the toy's place: attack(deeplabv3_mobilenet_v3_large(weights="DEFAULT").eval()).
"""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, cross_entropy

from cocnet import open_renderer
from cocnet.attacks import GDA
from cocnet.renderers import NearnessView


class Textured(nn.Module):
    """A toy segmenter: a pixel is "textured" (1) where the picture varies around it, else "smooth" (0)."""

    threshold = 0.06

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """sRGB [b 3 h w] → {"out": scores [b 2 h w]}, as torchvision's segmenters return them."""
        mean, square = avg_pool2d(image, 5, 1, 2), avg_pool2d(image.square(), 5, 1, 2)
        textured = 500 * ((square - mean.square()).mean(1) - self.threshold)
        return {"out": torch.stack([-textured, textured], 1)}


def loss(output: dict[str, torch.Tensor], goal: torch.Tensor) -> torch.Tensor:
    """Made large: the mean cross-entropy of each photo's pixels [b]."""
    return cross_entropy(output["out"], goal, reduction="none").flatten(1).mean(1)


def changed(output: dict[str, torch.Tensor], goal: torch.Tensor) -> torch.Tensor:
    """The share of each photo's pixels whose class is another [b]."""
    return (output["out"].argmax(1) != goal).flatten(1).float().mean(1)


def success(output: dict[str, torch.Tensor], goal: torch.Tensor) -> torch.Tensor:
    """Won where two fifths of the pixels are of another class [b]."""
    return changed(output, goal) > 0.4


def attack(network: nn.Module, epsilon: float = 0.2, steps: int = 15) -> tuple[float, float]:
    """The share of pixels that change their class: by as much noise of depth, and by the attack."""
    made = torch.Generator().manual_seed(1)
    image = torch.rand(2, 3, 64, 64, generator=made)
    nearness = torch.linspace(0.5, 1, 64).expand(2, 1, 64, 64).contiguous()  # 1: nearest, 1 m, in focus
    render = NearnessView(open_renderer("physical"))
    with torch.no_grad():
        goal = network(render(image, nearness))["out"].argmax(1)  # what it sees in natural bokeh
        noise = epsilon * torch.randn(nearness.shape, generator=made).sign()
        random = changed(network(render(image, (nearness + noise).clamp(0, 1))), goal)
    result = GDA(epsilon=epsilon, steps=steps, loss=loss, success=success)(
        render, network, image, nearness, goal
    )
    with torch.no_grad():
        attacked = changed(network(result.image), goal)
    return float(random.mean()), float(attacked.mean())


if __name__ == "__main__":
    random, attacked = attack(Textured().eval())
    print(f"pixels of another class: {random:.0%} by random changes of depth, {attacked:.0%} by the attack")

"""Attack a detector: adversarial bokeh that hides objects from it.

    python examples/attack_detector.py

Torchvision's detectors return a dictionary of boxes and scores for each photo; a loss and a success of your own say
what is won. Theirs take the toy's place: attack(ssdlite320_mobilenet_v3_large(weights="DEFAULT").eval()).
"""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d

from cocnet import open_renderer
from cocnet.attacks import GDA
from cocnet.renderers import NearnessView, Setup

Found = list[dict[str, torch.Tensor]]


class Spots(nn.Module):
    """A toy detector: cells of 16 px whose middle is brighter than what is around it."""

    cell = 16

    def forward(self, image: torch.Tensor) -> Found:
        """sRGB [b 3 h w] → for each photo boxes [n 4] (x0, y0, x1, y1 in px), scores [n], labels [n]."""
        light, side = image.mean(1, keepdim=True), self.cell
        middle = avg_pool2d(light, side // 4, side // 4)[:, 0, 1::4, 1::4]
        contrast = middle - avg_pool2d(light, side, side)[:, 0]
        top, left = torch.meshgrid(*(side * torch.arange(n) for n in contrast.shape[1:]), indexing="ij")
        boxes = torch.stack([left, top, left + side, top + side], -1).flatten(0, 1).float()
        scores = (40 * (contrast - 0.1)).sigmoid().flatten(1)
        return [
            {"boxes": boxes, "scores": row, "labels": torch.ones(len(row), dtype=torch.int64)}
            for row in scores
        ]


def best_score(output: Found, goal: torch.Tensor) -> torch.Tensor:
    """The highest score of a box that overlaps the photo's object by half of their union, 0 for none [b]; goal: the
    objects' boxes [b 4]."""
    found = []
    for one, box in zip(output, goal, strict=True):
        near = overlap(one["boxes"], box) >= 0.5
        scores = torch.where(near, one["scores"], 0.0)
        found.append(torch.cat([scores, scores.new_zeros(1)]).amax())
    return torch.stack(found)


def overlap(boxes: torch.Tensor, box: torch.Tensor) -> torch.Tensor:
    """Intersection over union of boxes [n 4] with one [4]; torchvision.ops.box_iou does many with many."""
    low, high = torch.maximum(boxes[:, :2], box[:2]), torch.minimum(boxes[:, 2:], box[2:])
    shared = (high - low).clamp(min=0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return shared / (areas - shared).clamp(min=1e-6)


def loss(output: Found, goal: torch.Tensor) -> torch.Tensor:
    """Made large: how surely the object isn't found [b]."""
    return -best_score(output, goal).clamp(min=1e-6).log()


def success(output: Found, goal: torch.Tensor) -> torch.Tensor:
    """Won where no box on the object has a score of a half [b]."""
    return best_score(output, goal) < 0.5


def attack(network: nn.Module, epsilon: float = 0.3, steps: int = 15) -> tuple[float, float]:
    """The detector's score of the object: in natural bokeh, and after the attack."""
    image = torch.full((1, 3, 64, 64), 0.2)
    image[..., 21:27, 21:27] = 0.6  # the object: a spot in the middle of the cell at 16, 16
    nearness = torch.full((1, 1, 64, 64), 0.6)
    goal = torch.tensor([[16.0, 16.0, 32.0, 32.0]])
    render = NearnessView(open_renderer("physical"), Setup(f_number=0.7))
    with torch.no_grad():
        natural = best_score(network(render(image, nearness)), goal)
    result = GDA(epsilon=epsilon, steps=steps, loss=loss, success=success)(
        render, network, image, nearness, goal
    )
    with torch.no_grad():
        attacked = best_score(network(result.image), goal)
    return float(natural[0]), float(attacked[0])


if __name__ == "__main__":
    natural, attacked = attack(Spots().eval())
    print(f"score of the object: {natural:.2f} in natural bokeh, {attacked:.2f} after the attack")

"""Train a tiny CoCNet to blur what is far, on pairs that the physical renderer makes, and save its weights.

    python examples/train_tiny.py [weights.safetensors]

`cocnet train` does this in earnest: recipes, logs, runs that go on where they stopped.
"""

import sys
from collections.abc import Iterator

import torch
from torch.nn import functional

from cocnet import create_model, open_renderer, save_checkpoint
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.renderers import Setup

SETUP = Setup(focus_m=1.0, f_number=2.0)  # from 1 m (nearness 1) to 10 m (nearness 0), focus on the nearest


def pairs(
    seed: int, batch: int = 4, side_px: int = 64
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Batches of a photo (sRGB), its nearness, and the bokeh (sRGB): a textured square before a textured wall."""
    made, renderer = torch.Generator().manual_seed(seed), open_renderer("physical")
    while True:
        coarse = torch.rand(batch, 3, side_px // 4, side_px // 4, generator=made)
        image = functional.interpolate(coarse, (side_px, side_px), mode="nearest")
        nearness = torch.zeros(batch, 1, side_px, side_px)
        nearness[..., 16:48, 16:48] = 1.0
        with torch.no_grad():
            bokeh = renderer.render(srgb_to_linear(image), SETUP.inverse_depth(nearness), SETUP.lens)
        yield image, nearness, linear_to_srgb(bokeh)


def train(path: str | None = None, steps: int = 60) -> tuple[float, float]:
    """Mean absolute error on pairs that were not trained on, before and after."""
    torch.manual_seed(0)
    network = create_model("cocnet-b3-less-depth", channels=[16, 32], groups=1, kernel_size=5)
    network.start_at_identity()  # type: ignore[operator]
    image, nearness, bokeh = next(pairs(seed=1000))

    def error() -> float:
        with torch.no_grad():
            return float((network(image, nearness) - bokeh).abs().mean())

    before, optimiser = error(), torch.optim.Adam(network.parameters(), lr=2e-3)
    for step, (photo, near, truth) in zip(range(steps), pairs(seed=0), strict=False):
        loss = (network(photo, near) - truth).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 20 == 0:
            print(f"step {step:3}: loss {loss.item():.4f}")
    if path is not None:
        save_checkpoint(
            network, path, recipe={"steps": steps, "optimiser": "Adam"}, data="squares before walls"
        )
    return before, error()


if __name__ == "__main__":
    untouched, trained = train(sys.argv[1] if len(sys.argv) > 1 else None)
    print(f"error on unseen pairs: {untouched:.4f} untouched, {trained:.4f} trained")

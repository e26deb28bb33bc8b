"""A surface shows nothing of what is behind it where no silhouette is near."""

import pytest
import torch
from scenes import render

BLACK = 0.0006  # 2 of 255
BACKGROUND = 0.58
SHOWN = 0.0013  # 4 of 255
HEIGHT, WIDTH, LEFT, RIGHT = 120, 180, 50, 130


def bar(near: float, step: float, far: float):
    """A black bar before a grey wall, a slanting step in its own depth: light, x, and how far in each column is."""
    columns, rows = torch.arange(WIDTH), torch.arange(HEIGHT)[:, None]
    inside = ((columns >= LEFT) & (columns < RIGHT)).expand(HEIGHT, WIDTH)
    farther = rows < HEIGHT / 2 + 0.4 * (columns - WIDTH / 2)
    x = torch.where(inside, torch.where(farther, near + step, near), far)
    image = torch.where(inside, BLACK, BACKGROUND).expand(1, 3, HEIGHT, WIDTH)
    return image, x[None, None], torch.minimum(columns - LEFT, RIGHT - 1 - columns)


@pytest.mark.parametrize("compiled", ["1", "0"])
@pytest.mark.parametrize(
    ("near", "step", "far", "reach"),
    [
        (1.05, 0.65, 11.1, 4),
        (0.5, 0.3, 5.4, 4),
        (2.0, 1.3, 21.4, 12),
        (-1.8, 0.65, 8.3, 4),
        (6.0, 0.9, 20.0, 20),
    ],
)
def test_a_small_step_within_a_surface_shows_nothing_behind_it(monkeypatch, compiled, near, step, far, reach):
    monkeypatch.setenv("COCNET_COMPILED", compiled)
    image, x, depth_in = bar(near, step, far)
    with torch.no_grad():
        out = render(image, x)
    assert out[..., depth_in >= reach].max() < SHOWN


@pytest.mark.parametrize("compiled", ["1", "0"])
def test_gradients_are_the_slope_of_renders_in_float64(monkeypatch, compiled):
    """Every pixel has a depth of its own: no layer fills its room exactly, which would be a kink."""
    _, x, _ = bar(1.05, 0.65, 11.1)
    made = torch.Generator().manual_seed(4)
    image = torch.rand(1, 3, HEIGHT, WIDTH, generator=made)
    x = x + 0.3 * torch.rand(x.shape, generator=made)
    weight, way = torch.rand(image.shape, generator=made), torch.randn(x.shape, generator=made).double()

    def loss(light, radius):
        return (render(light, radius) * weight.to(light)).sum()

    step = 1e-6
    slope = float(loss(image.double(), x + step * way) - loss(image.double(), x - step * way)) / (2 * step)
    monkeypatch.setenv("COCNET_COMPILED", compiled)
    radius = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(image, radius), radius)
    assert abs(float((gradient * way).sum()) - slope) < 0.01 * float(gradient.norm())

"""Networks of one lens at the scale of the lens that is asked for."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cocnet import create_model
from cocnet.networks import card_of
from cocnet.renderers import NetworkRenderer, Physical, at_scale, open_renderer
from cocnet.renderers.at_scale import LENS_RADIUS_PX, AtScale, resized


class Box(nn.Module):
    """A network that blurs the left half by a box of 17 px."""

    card = replace(card_of("cocnet-b3-less"), name="box")

    def forward(self, srgb: Tensor, condition: Tensor | None = None) -> Tensor:
        half = srgb.shape[-1] // 2
        padded = functional.pad(srgb, (8, 8, 8, 8), mode="replicate")
        return torch.cat([functional.avg_pool2d(padded, 17, 1)[..., :half], srgb[..., half:]], -1)


BOX = NetworkRenderer(Box())


def texture(height: int, width: int) -> Tensor:
    return 0.2 + 0.5 * torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("factor", [1.5, 2, 3.7])
def test_what_stays_sharp_keeps_every_pixel_and_what_blurs_keeps_no_detail(factor: float) -> None:
    light = texture(240, 400)
    made = at_scale(BOX, factor * LENS_RADIUS_PX).render(light)
    right, left = (..., slice(260, None)), (..., slice(0, 140))
    assert (made[right] - light[right]).abs().max() < 1e-4
    assert made[left].std() < 0.1 * light[left].std()


def test_the_blur_grows_with_the_radius_that_is_asked_for() -> None:
    """Of a step of light, by where it has risen by a tenth and nine tenths."""
    light = torch.full((1, 3, 400, 800), 0.2)
    light[:, :, 200:] = 0.6
    widths = []
    for factor in (1, 2, 4):
        rise = (at_scale(BOX, factor * LENS_RADIUS_PX).render(light)[0, 0, :, 100] - 0.2) / 0.4
        widths.append(int(((rise > 0.1) & (rise < 0.9)).sum()))
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.15)
    assert widths[2] == pytest.approx(4 * widths[0], rel=0.15)


def test_others_stay_as_they_are() -> None:
    assert at_scale(BOX, LENS_RADIUS_PX) is BOX
    assert at_scale(at_scale(BOX, 40), 4) is BOX
    again = at_scale(at_scale(BOX, 40), 80)
    assert isinstance(again, AtScale) and again.renderer is BOX and again.scale == 10
    knows_the_lens = NetworkRenderer(create_model("cocnet-b3-less-lens", channels=[4, 8]))
    for renderer in (Physical(), open_renderer("identity"), knows_the_lens):
        assert at_scale(renderer, 100) is renderer


def test_depth_is_made_smaller_too() -> None:
    network = create_model(
        "cocnet-b3-less-depth", channels=[4, 8], groups=1, kernel_size=3
    ).start_at_identity()
    renderer = at_scale(NetworkRenderer(network), 16)
    light, inverse = texture(64, 96), torch.rand(1, 1, 64, 96)
    assert (renderer.render(light, inverse) - light).abs().max() < 1e-3


def test_a_row_of_pixels_is_made_smaller_as_a_picture_is():
    row = torch.zeros(1, 1, 1, 400)
    row[..., ::8] = 1
    assert resized(row, (1, 50)).mean() == pytest.approx(0.125, abs=0.02)

"""Tiles with a margin as wide as the map sees give the whole; with less they don't."""

import pytest
import torch
from torch.nn import functional

from cocnet.networks.layers.highlights import LIGHTS, compress_highlights, moved
from cocnet.networks.layers.tiles import count_tiles, in_tiles


def blurred(x):
    return functional.avg_pool2d(x, 7, 1, 3, count_include_pad=False)


@pytest.mark.parametrize(("margin", "same"), [(3, True), (2, False)])
def test_tiles_are_the_whole_where_the_margin_is_what_is_seen(margin, same):
    picture, seen = torch.rand(1, 3, 37, 50, generator=torch.Generator().manual_seed(0)), []
    tiled = in_tiles(blurred, (picture,), 16, margin, lambda: seen.append(1))
    assert torch.allclose(tiled, blurred(picture), atol=1e-6) == same
    assert len(seen) == count_tiles(37, 50, 16) == 3 * 4


def test_highlights_are_compressed_and_moved_on_that_scale():
    srgb = torch.tensor([0.2, 1.0, 5.0])
    shown = compress_highlights(srgb)
    assert torch.allclose(shown, torch.tensor([0.2, 1.0, 1 + LIGHTS * torch.tensor(5.0).log()]))
    assert torch.allclose(moved(srgb, torch.zeros(3)), srgb)
    brighter, darker = moved(srgb, torch.ones(3)), moved(srgb, -torch.ones(3))
    assert torch.allclose(brighter[1:], srgb[1:]) and brighter[0] > 0.9 and darker[2] < 1

"""Tiles hold what is asked for, once; what a U-Net's levels need of one is there. Highlights are compressed."""

import numpy as np
import pytest
import torch

from cocnet.networks.layers.highlights import LIGHTS, compress_highlights, moved
from cocnet.networks.layers.tiles import Tile, covering, grid, of_levels


def counted(tiles, height, width):
    found = np.zeros((height, width), int)
    for tile in tiles:
        found[tile.rows, tile.columns] += 1
    return found


def test_a_grid_holds_every_pixel_once():
    tiles = grid(37, 50, 16)
    assert len(tiles) == 3 * 4 and (counted(tiles, 37, 50) == 1).all()


@pytest.mark.parametrize("share", [0.0, 0.02, 0.4, 1.0])
def test_tiles_cover_what_is_asked_for(share):
    asked = np.random.default_rng(2).random((30, 41)) < share
    tiles = covering(asked, 8, 2)
    found = counted(tiles, 30, 41)
    assert (found <= 1).all() and (found[asked] == 1).all()
    assert all(max(span.stop - span.start for span in tile) <= 8 for tile in tiles)


def test_what_lies_apart_is_not_computed_between():
    asked = np.zeros((100, 100), bool)
    asked[3:9, 4:12] = asked[80:90, 70:85] = asked[5, 90] = True
    tiles = sorted(covering(asked, 48, 3), key=lambda tile: (tile.rows.start, tile.columns.start))
    assert [*tiles] == [
        Tile(slice(3, 9), slice(4, 12)),
        Tile(slice(5, 6), slice(90, 91)),
        Tile(slice(80, 90), slice(70, 85)),
    ]


def test_cuts_are_made_only_where_work_is_saved():
    frame = np.ones((14, 14), bool)
    frame[4:10, 4:10] = False
    assert covering(frame, 48, 3) == [Tile(slice(0, 14), slice(0, 14))]


def test_levels_of_a_tile():
    """Each level's output, enlarged, reaches a pixel farther than what the finer one enters."""
    levels = of_levels(Tile(slice(16, 32), slice(0, 16)), 64, 48, 3, 2)
    assert levels[0].entered == Tile(slice(14, 34), slice(0, 18))
    assert levels[1].needed == Tile(slice(6, 18), slice(0, 10))
    assert levels[2].needed == Tile(slice(1, 11), slice(0, 7))


def test_highlights_are_compressed_and_moved_on_that_scale():
    srgb = torch.tensor([0.2, 1.0, 5.0])
    shown = compress_highlights(srgb)
    assert torch.allclose(shown, torch.tensor([0.2, 1.0, 1 + LIGHTS * torch.tensor(5.0).log()]))
    assert torch.allclose(moved(srgb, torch.zeros(3)), srgb)
    brighter, darker = moved(srgb, torch.ones(3)), moved(srgb, -torch.ones(3))
    assert torch.allclose(brighter[1:], srgb[1:]) and brighter[0] > 0.9 and darker[2] < 1

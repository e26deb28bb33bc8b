"""Where the network is asked doesn't depend on the strips in which that is found."""

import pytest
import torch

from cocnet.renderers import asked_cells


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_strips_find_what_the_whole_finds(scale, monkeypatch):
    random = torch.Generator().manual_seed(7)
    cell, blocks = 8 * scale, torch.rand(1, 3, 8 * 40, 64, generator=random)
    physical = 0.05 + 0.02 * torch.nn.functional.interpolate(blocks, scale_factor=scale)
    radius_px = torch.full((1, 1, *physical.shape[-2:]), 2.0 * scale)
    found = asked_cells.asked_cells(radius_px, physical, cell, scale)
    monkeypatch.setattr(asked_cells, "STRIP_CELLS", 1000)
    assert torch.equal(found, asked_cells.asked_cells(radius_px, physical, cell, scale))
    assert found.mean() > 0

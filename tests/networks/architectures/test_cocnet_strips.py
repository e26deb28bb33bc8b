"""Strips of rows give the whole picture's result."""

from dataclasses import replace

import pytest
import torch

from cocnet.networks import create_model
from cocnet.networks.architectures import cocnet_strips as tiling
from cocnet.networks.architectures.cocnet import CoCNet, CoCNetConfig
from cocnet.networks.layers import local_filter
from cocnet.networks.layers.scales import enlarged, enlarged_rows

SMALL = CoCNetConfig(channels=(4, 6, 8, 8, 8), groups=2, kernel_size=5)


@pytest.fixture(params=[1, 6000, 1 << 30])
def strip_bytes(request, monkeypatch):
    """Four rows at a time, some rows, all rows."""
    monkeypatch.setattr(tiling, "STRIP_BYTES", request.param)
    monkeypatch.setattr(local_filter.strips, "__defaults__", (request.param,))


def both(model, image, depth=None):
    with torch.no_grad():
        model.in_strips = False
        whole = model(image, depth)
        model.in_strips = True
        return model(image, depth), whole


@pytest.mark.parametrize("size", [(1, 1), (80, 32), (97, 53)])
@pytest.mark.parametrize(
    "changes", [{}, {"conditioning": "depth"}, {"templates": "direct"}, {"norm": "none"}]
)
@pytest.mark.usefixtures("strip_bytes")
def test_strips_equal_the_whole(size, changes):
    model, image = CoCNet(replace(SMALL, **changes), 1).double(), torch.rand(2, 3, *size, dtype=torch.float64)
    strips, whole = both(model, image, image[:, :1])
    assert torch.allclose(strips, whole, rtol=1e-9, atol=1e-9)


def test_full_size_network_in_single_precision():
    model, image = create_model("cocnet-b2-less"), torch.rand(1, 3, 128, 160)
    strips, whole = both(model, image)
    assert float((strips - whole).abs().max()) < 1e-4 * float(whole.abs().max())


@pytest.mark.parametrize("factor", [1, 2, 4, 16])
def test_enlarged_rows(factor):
    small = torch.rand(1, 2, 7, 3)
    whole = enlarged(small, factor)
    for top in range(7 * factor):
        for bottom in {top + 1, min(top + 5, 7 * factor), 7 * factor}:
            first, last = enlarged_rows(top, bottom, factor, 7)
            part = enlarged(small[:, :, first:last], factor)[
                :, :, top - first * factor : bottom - first * factor
            ]
            assert torch.allclose(part, whole[:, :, top:bottom], atol=1e-6)


def test_needs_one_plane_per_skip():
    """No more than the skips' planes and a few strips are alive at once."""
    model, image = CoCNet(SMALL, 1), torch.rand(1, 3, 512, 64)
    alive = largest = 0
    made = torch.Tensor.new_empty

    def counted(self, *shape, **options):
        nonlocal alive, largest
        out = made(self, *shape, **options)
        alive += out.numel()
        largest = max(largest, out.numel())
        return out

    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(torch.Tensor, "new_empty", counted)
        model(image)
    planes = sum(c * (512 >> k) * (64 >> k) for k, c in enumerate(SMALL.channels))
    templates = sum(3 * (512 >> k) * (64 >> k) for k in range(5))
    assert largest == 4 * 512 * 64 and alive == planes + templates

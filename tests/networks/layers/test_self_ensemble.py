"""The mean over mirrored and turned views."""

import pytest
import torch
from torch import nn

from cocnet.networks.layers.self_ensemble import SYMMETRIES, SelfEnsemble


@pytest.mark.parametrize("views", [1, 2, 4, 8])
def test_what_acts_alike_in_all_directions_is_left_as_it_is(views):
    blur = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    x = torch.rand(2, 3, 7, 12)
    assert torch.allclose(SelfEnsemble(blur, views)(x), blur(x), atol=1e-6)


def test_eight_views_make_any_network_symmetric():
    torch.manual_seed(0)
    network = SelfEnsemble(nn.Conv2d(3, 3, 3, padding=1), 8).eval()
    x = torch.rand(1, 3, 8, 10)
    whole = network(x)
    for transposed, axes in SYMMETRIES:
        view = (x.transpose(2, 3) if transposed else x).flip(axes)
        back = network(view).flip(axes)
        assert torch.allclose(back.transpose(2, 3) if transposed else back, whole, atol=1e-6)


def test_the_symmetries_are_all_different():
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    seen = {str((x.transpose(2, 3) if t else x).flip(axes).tolist()) for t, axes in SYMMETRIES}
    assert len(seen) == 8

"""Bad input has a typed error of one line."""

import pytest
import torch
from scenes import lens_of

from cocnet import CocnetError, PhysicalRenderer

GOOD = torch.rand(1, 3, 8, 8)


@pytest.mark.parametrize(
    "image, depth",
    [
        (GOOD[0], torch.ones(1, 1, 8, 8)),
        (GOOD, torch.ones(1, 1, 8, 9)),
        (GOOD, torch.ones(8, 8)),
        (GOOD, torch.zeros(1, 1, 8, 8)),
        (GOOD, -torch.ones(1, 1, 8, 8)),
        (GOOD, torch.full((1, 1, 8, 8), torch.nan)),
        (GOOD * torch.nan, torch.ones(1, 1, 8, 8)),
        ((GOOD * 255).byte(), torch.ones(1, 1, 8, 8)),
    ],
)
def test_refused(image, depth):
    with pytest.raises(CocnetError, match=r"expected .*got .*try ") as caught:
        PhysicalRenderer(lens_of())(image, depth)
    assert "\n" not in str(caught.value)


def test_unknown_mode():
    with pytest.raises(CocnetError, match="over or eq8"):
        PhysicalRenderer(lens_of(), mode="under")


def test_infinite_depth_is_allowed():
    depth = torch.full((1, 1, 8, 8), torch.inf)
    assert PhysicalRenderer(lens_of())(GOOD, depth).isfinite().all()

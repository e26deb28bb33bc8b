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
        (GOOD[:, :, :0], torch.ones(1, 1, 0, 8)),
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


@pytest.mark.parametrize("name", ["f_number", "focus_distance_m"])
def test_lenses_are_one_or_as_many_as_the_pictures(name):
    lens = lens_of(**{name: torch.tensor([2.0, 2.0])})
    for count in (1, 3):
        with pytest.raises(CocnetError, match=rf"expected {name} \[1\] or \[{count}\]"):
            PhysicalRenderer(lens)(GOOD.expand(count, 3, 8, 8), torch.ones(count, 1, 8, 8))

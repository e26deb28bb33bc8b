"""Antennae and rims that a subject's mask lacks are found; what is thin everywhere, or passes by, isn't."""

import numpy as np
import pytest
from scipy import ndimage

from cocnet.depth.refinement.appendages import with_appendages

SIDE, AREA_PX = 256, 1 << 18
PLACES = np.mgrid[0:SIDE, 0:SIDE] + 0.5


def line(start, end, width=2.0):
    """Coverage [h w] of a line from one (row, column) to another."""
    (y, x), (top, left), (bottom, right) = PLACES, start, end
    down, across = bottom - top, right - left
    along = np.clip(((y - top) * down + (x - left) * across) / (down**2 + across**2), 0, 1)
    off = np.hypot(y - top - along * down, x - left - along * across)
    return np.clip(width / 2 + 0.5 - off, 0, 1)


def disc(row, column, radius):
    return np.clip(radius + 0.5 - np.hypot(PLACES[0] - row, PLACES[1] - column), 0, 1)


def photo_of(*layers, light=0.7):
    """8-bit RGB of layers (coverage, light), the last on top, before a plain wall with a little noise."""
    made = np.random.default_rng(0).normal(light, 0.005, (SIDE, SIDE))
    for coverage, own in layers:
        made = (1 - coverage) * made + coverage * own
    return np.repeat((made * 255).round().clip(0, 255).astype(np.uint8)[..., None], 3, 2)


def grown(photo, mask):
    """What the mask has got, [h w] of bool."""
    return (with_appendages(mask.astype(np.float32), photo, AREA_PX) > 0.5) & (mask <= 0.5)


BODY = disc(160, 128, 30)
ANTENNA = line((135, 110), (50, 60))


@pytest.mark.parametrize("light", [0.1, 0.95])
def test_an_antenna_is_the_subjects(light):
    found = grown(photo_of((BODY, light), (ANTENNA, light)), BODY)
    outside = ndimage.distance_transform_edt(BODY <= 0.5) > 2
    assert found[(ANTENNA > 0.9) & outside].mean() > 0.95
    assert not found[ndimage.distance_transform_edt(ANTENNA == 0) + (ANTENNA == 0) > 4].any()


def test_it_is_found_in_a_photo_larger_than_is_looked_at():
    body, antenna = (np.kron(x, np.ones((3, 3))) for x in (BODY, ANTENNA))
    photo = np.kron(photo_of((BODY, 0.1), (ANTENNA, 0.1)), np.ones((3, 3, 1), np.uint8))
    found = grown(photo, body)
    assert found[(antenna > 0.9) & (ndimage.distance_transform_edt(body <= 0.5) > 6)].mean() > 0.9


@pytest.mark.parametrize("light", [0.95, 0.05])
@pytest.mark.parametrize("row", [160, 240], ids=["whole", "cut by the border"])
def test_a_rim_that_the_mask_lacks_is_the_subjects(row, light):
    whole, inner = disc(row, 128, 32), disc(row, 128, 30)
    rim = whole - inner
    found = grown(photo_of((whole, light), (inner, 0.4)), inner)
    assert found[rim > 0.9].mean() > 0.9


def stalks():
    """Many thin things like the antenna, everywhere."""
    rng = np.random.default_rng(1)
    for row, column in rng.uniform(0, SIDE, (90, 2)):
        yield line((row, column), (row + 40, column + rng.uniform(-15, 15)))


TWO_PARTS = disc(128, 60, 30) + disc(128, 196, 30)


@pytest.mark.parametrize(
    ("thin", "mask"),
    [
        (list(stalks()), BODY),
        ([line((160, 0), (160, SIDE))], BODY),
        ([line((128, 70), (128, 186))], TWO_PARTS),
    ],
    ids=["grass", "a wire behind", "a line between two parts"],
)
def test_what_touches_it_by_chance_is_not(thin, mask):
    found = grown(photo_of(*((one, 0.1) for one in thin), (mask, 0.3)), mask)
    assert found.sum() < 40  # half of one of them


PANE = (PLACES[0] < 60).astype(float)
SHADE = (PLACES[1] < 128).astype(float)


@pytest.mark.parametrize(
    ("behind", "bar"),
    [(PANE, line((140, 128), (58, 128))), (SHADE, line((140, 128), (58, 128), 3))],
    ids=["ends at a pane", "lies along a step"],
)
def test_a_line_that_ends_at_another_thing_is_the_backgrounds(behind, bar):
    plain = photo_of((bar, 0.5), (BODY, 0.3))
    assert grown(plain, BODY)[(bar > 0.9) & (BODY == 0)].mean() > 0.9
    assert grown(photo_of((behind, 0.2), (bar, 0.5), (BODY, 0.3)), BODY).sum() < 40


def test_without_a_mask_or_with_all_of_it_nothing_is_added():
    photo = photo_of((ANTENNA, 0.1))
    for mask in (np.zeros((SIDE, SIDE), np.float32), np.ones((SIDE, SIDE), np.float32)):
        assert with_appendages(mask, photo, AREA_PX) is mask

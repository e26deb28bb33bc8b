"""Corruptions: as much blur at a severity whatever the corruption, where each puts it, and the control."""

import pytest
import torch

from cocnet.augment.corruptions import CONTROL, CORRUPTIONS, MEAN_COC, CorruptionScene, corrupted
from cocnet.errors import InputError

SHAPE = (48, 64)


@pytest.fixture
def photo():
    return torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def scene():
    plane = torch.linspace(0.1, 0.4, SHAPE[0])[:, None].repeat(1, SHAPE[1])
    plane[12:36, 24:40] = 0.7
    plane[40:, :8] = 1.0  # nearer than the subject
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[12:36, 24:40] = True
    return CorruptionScene(plane, mask)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_severity_is_the_mean_coc(photo, scene, name):
    found = [corrupted(photo, scene, name, severity) for severity in range(6)]
    assert [one.mean_coc for one in found] == pytest.approx(MEAN_COC, rel=1e-3)
    assert torch.equal(found[0].picture, photo)
    away = [float((one.picture - photo).square().mean()) for one in found]
    assert away == sorted(away) and away[1] > 0


def test_a_little_out_of_focus_blurs_no_more_than_the_renderer_can(photo):
    """One part in twenty is out of focus: at the largest radius alone its mean would be less than is asked for."""
    plane = torch.linspace(0.1, 0.12, SHAPE[1]).repeat(SHAPE[0], 1)
    plane[:, :4] = 1.0
    found = corrupted(photo, CorruptionScene(plane), "far_focus", 5)
    assert found.mean_coc == pytest.approx(MEAN_COC[5], rel=1e-3)


SHARP = {
    "near_focus": (44, 3),
    "far_focus": (1, 60),
    "subject_focus": (24, 32),
    "cat_eye": (24, 32),
    "polygon": (24, 32),
    "axial_ca": (24, 32),
}


@pytest.mark.parametrize("name", SHARP)
def test_what_is_in_focus_stays_sharp(scene, name):
    photo = (torch.arange(SHAPE[0])[:, None] + torch.arange(SHAPE[1])).remainder(2).float().expand(3, *SHAPE)
    row, column = SHARP[name]
    picture = corrupted(photo, scene, name, 5).picture
    contrast = lambda r, c: float(picture[1, r - 1 : r + 2, c - 1 : c + 2].std())  # noqa: E731
    others = [place for place in set(SHARP.values()) if place != (row, column)]
    assert contrast(row, column) > 0.3 > max(contrast(*place) for place in others)


def test_missed_focus_is_behind_the_subject(scene):
    assert scene.far < scene.background < scene.subject < scene.near


def test_the_control_is_one_disc(scene):
    photo = torch.zeros(3, *SHAPE)
    for row, column in ((10, 10), (24, 32)):
        photo[:, row, column] = 1.0
    picture = corrupted(photo, scene, CONTROL, 5).picture
    first, second = picture[1, 6:15, 6:15], picture[1, 20:29, 28:37]
    torch.testing.assert_close(first, second, atol=1e-5, rtol=0)


def test_flat_depth_and_wrong_names(photo, scene):
    flat = CorruptionScene(torch.full(SHAPE, 0.5))
    assert torch.equal(corrupted(photo, flat, "near_focus", 3).picture, photo)
    assert torch.equal(corrupted(photo, flat, CONTROL, 3).picture, photo)  # as little blur as the others
    for name, severity in (("fog", 1), ("cat_eye", 6), ("cat_eye", -1)):
        with pytest.raises(InputError):
            corrupted(photo, scene, name, severity)

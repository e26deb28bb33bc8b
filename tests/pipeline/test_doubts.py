"""Notes before a surprise: an unsure subject, depth of another photo; none where all is well."""

import numpy as np
import pytest
from paths import SHARED

from cocnet.imaging import read_photo
from cocnet.pipeline import doubts
from cocnet.pipeline.doubts import depth_doubt, edge_agreement, subject_doubt
from cocnet.pipeline.render_photo import render

ROOM = SHARED / "data" / "livingroom"


def blocks(seed):
    """A photo of flat blocks and the disparity of the same blocks."""
    values = np.random.default_rng(seed).random((6, 9, 4))
    grown = values.repeat(20, 0).repeat(20, 1)
    return (grown[..., :3] * 255).astype(np.uint8), np.ascontiguousarray(grown[..., 3], np.float32) + 0.1


def test_an_unsure_mask_is_named():
    mask = np.zeros((40, 40), np.float32)
    mask[10:30, 10:30] = 1
    assert subject_doubt(mask) == () == subject_doubt(None) == subject_doubt(np.zeros((9, 9), np.float32))
    assert subject_doubt(np.full((9, 9), 0.5, np.float32)) == ()  # none is found, which is said elsewhere
    mask[10:25, 10:30] = 0.5
    assert "19 % of the photo" in subject_doubt(mask)[0] and "--subject MASK" in subject_doubt(mask)[0]


def test_depth_of_another_photo_is_noticed():
    rgb, inverse = blocks(0)
    assert not depth_doubt(inverse, rgb)
    assert "depth disagrees" in depth_doubt(np.roll(inverse, (10, 10), (0, 1)), rgb)[0]
    assert edge_agreement(np.ones_like(inverse), rgb) is None
    assert edge_agreement(np.ones((2, 2), np.float32), rgb[:2, :2]) is None


def test_only_of_depth_that_is_given():
    rgb, inverse = blocks(0)
    for depth, expected in ((1 / np.roll(inverse, (10, 10), (0, 1)), 1), (1 / inverse, 0), (None, 0)):
        notes = render(rgb, depth, preview=True, estimator="builtin").settings.notes
        assert sum("disagrees" in note for note in notes) == expected


@pytest.mark.skipif(not ROOM.is_dir(), reason="needs the rendered room beside the project")
def test_depth_of_rendered_frames_agrees_and_a_mirrored_one_does_not():
    names = [path.stem for path in sorted((ROOM / "image").iterdir())][::40]
    own, mirrored = [], []
    for name in names:
        rgb = read_photo(next((ROOM / "image").glob(f"{name}.*"))).pixels
        inverse = 1 / np.maximum(read_photo(ROOM / "depth" / f"{name}.png").pixels[..., 0] / 1e3, 0.1)
        own.append(edge_agreement(inverse.astype(np.float32), rgb))
        mirrored.append(edge_agreement(inverse[:, ::-1].astype(np.float32), rgb))
    assert min(own) > 0.68 > np.median(mirrored)


def test_depth_that_fits_badly_is_doubted_only_if_turned_it_fits_better(monkeypatch):
    """Own maps of some photos agree no better than 0.64: mirrored ones less still."""
    rgb, inverse = blocks(0)
    for own, turned, told in ((0.65, 0.55, False), (0.65, 0.7, True), (0.6, 0.5, True), (0.7, 0.9, False)):
        answers = {True: own, False: turned}
        monkeypatch.setattr(
            doubts, "edge_agreement", lambda one, photo, answers=answers: answers[one is inverse]
        )
        assert bool(depth_doubt(inverse, rgb)) == told

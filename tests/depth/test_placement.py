"""Where a photo without a scale is placed: distances by the subject's size, blur that is seen."""

import numpy as np
import pytest

from cocnet.depth.placement import NO_SUBJECT, find_standing, suggest_span_m
from cocnet.optics import ThinLens


def picture(share, disparity=0.8, behind=0.1):
    """A square subject that is so much of the photo, on a backdrop."""
    side = round(200 * share**0.5)
    mask = np.zeros((200, 200), np.float32)
    mask[100 - side // 2 : 100 - side // 2 + side, 100 - side // 2 : 100 - side // 2 + side] = 1
    return (behind + (disparity - behind) * mask).astype(np.float32), mask


def distance_m(disparity, span):
    near, far = span
    return 1 / (1 / far + disparity * (1 / near - 1 / far))


def backdrop_radius(share, f_number=2.0, **of):
    """Radius of the backdrop's blur, of the photo's width, by 50 mm on full frame."""
    disparity, mask = picture(share, **of)
    span = suggest_span_m(disparity, mask)
    focus = distance_m(find_standing(disparity, mask).disparity, span)
    lens = ThinLens(focal_length_m=0.05, f_number=f_number, focus_distance_m=focus, sensor_width_m=0.036)
    return abs(float(lens.coc_radius_m(1 / distance_m(of.get("behind", 0.1), span)))) / 0.036


def test_a_subject_is_measured_where_it_is():
    standing = find_standing(*picture(0.25, 0.7))
    assert standing.share == pytest.approx(0.25, abs=0.01) and standing.disparity == pytest.approx(0.7)
    assert find_standing(*picture(0.001)) is None


def test_larger_subjects_are_nearer_and_blur_more():
    shares = (0.01, 0.05, 0.15, 0.4)
    distances = [distance_m(0.8, suggest_span_m(*picture(share))) for share in shares]
    assert distances == sorted(distances, reverse=True) and 0.4 <= distances[-1] < distances[0] < 2.51
    radii = [backdrop_radius(share) for share in shares]
    assert radii == sorted(radii)


def test_blur_is_seen_at_f2_and_no_more_than_a_portrait_lens_gives():
    """Of a photo 1,000 px wide: 5 px behind a small subject, 15 to 45 px behind a face that fills it."""
    assert backdrop_radius(0.02) > 0.005
    assert 0.015 < backdrop_radius(0.35) < 0.045


def test_the_subject_stands_at_its_distance_whatever_its_disparity():
    spans = [suggest_span_m(*picture(0.3, disparity)) for disparity in (0.5, 0.9)]
    found = [distance_m(d, span) for d, span in zip((0.5, 0.9), spans, strict=True)]
    assert found == pytest.approx([0.55, 0.55], rel=0.02)


@pytest.mark.parametrize("disparity", [0.0, 0.05, 1.0])
def test_a_span_is_always_one(disparity):
    near, far = suggest_span_m(*picture(0.2, disparity, 0.5))
    assert 0.1 < near < far < 30


def test_without_a_subject_everything_is_far():
    assert suggest_span_m(*picture(0.0)) == NO_SUBJECT


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4])
def test_a_lens_of_another_length_stands_where_it_sees_the_subject_as_large(share):
    disparity, mask = picture(share) if share else (np.full((200, 200), 0.5, np.float32),) * 2
    mask = mask if share else np.zeros_like(disparity)
    normal = suggest_span_m(disparity, mask)
    focal_px = 26 / np.hypot(36, 24) * np.hypot(200, 200)
    phone = suggest_span_m(disparity, mask, (200, 200), focal_px)
    assert phone == pytest.approx([end * 26 / 50 for end in normal])


def test_a_phone_at_26_mm_blurs_visibly_by_default():
    """f/1.8 at 26 mm: the backdrop of a face that fills the photo has a radius above 1 % of the width."""
    disparity, mask = picture(0.3)
    span = suggest_span_m(disparity, mask, (3000, 4000), 26 / np.hypot(36, 24) * 5000)
    lens = ThinLens(
        focal_length_m=0.026, f_number=1.8, focus_distance_m=distance_m(0.8, span), sensor_width_m=0.0346
    )
    assert 0.01 < float(lens.coc_radius_m(1 / distance_m(0.1, span))) / 0.0346 < 0.04

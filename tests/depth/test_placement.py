"""Where a photo without a scale is placed: distances by the subject's size, blur that is seen."""

import numpy as np
import pytest

from cocnet.depth.placement import (
    NO_SUBJECT,
    background_blur,
    find_standing,
    limit_foreground,
    suggest_face_span_m,
    suggest_span_m,
)
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


def test_larger_subjects_are_nearer_and_blur_more_up_to_a_distance():
    shares = (0.01, 0.05, 0.12, 0.4)
    distances = [distance_m(0.8, suggest_span_m(*picture(share))) for share in shares]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] == pytest.approx(0.8) and distances[0] == pytest.approx(2.5)
    assert distance_m(0.8, suggest_span_m(*picture(0.7))) == pytest.approx(0.8)
    radii = [backdrop_radius(share) for share in shares]
    assert radii == sorted(radii)


def test_blur_is_seen_at_f2_and_no_more_than_a_portrait_lens_gives():
    """Of a photo 1,000 px wide: 5 px behind a small subject, 15 to 45 px behind a face that fills it."""
    assert backdrop_radius(0.02) > 0.005
    assert 0.015 < backdrop_radius(0.35) < 0.045


def test_the_subject_stands_at_its_distance_whatever_its_disparity():
    spans = [suggest_span_m(*picture(0.05, disparity)) for disparity in (0.15, 0.5, 0.9)]
    found = [distance_m(d, span) for d, span in zip((0.15, 0.5, 0.9), spans, strict=True)]
    assert found == pytest.approx([1.35, 1.35, 1.35], rel=0.02)


@pytest.mark.parametrize("height", [0.15, 0.3, 0.45])
def test_a_face_of_20_cm_stands_where_50_mm_blurs_as_85_mm_does(height):
    """50 mm on 24 mm of height: 0.2 m of face fill `height` of the picture at 0.2 · 50 / (24 · height) m."""
    true_m = 0.2 * 50 / (24 * height)
    for size in ((1000, 1500), (2000, 3000)):
        span = suggest_face_span_m(0.7, height, size)
        assert distance_m(0.7, span) == pytest.approx(true_m * 50 / 85)
        assert span[1] == pytest.approx(8 * true_m * 50 / 85)
    focal_px = 26 / 36 * 1500
    assert suggest_face_span_m(0.7, height, (1000, 1500), focal_px) == pytest.approx(
        [end * 26 / 50 for end in suggest_face_span_m(0.7, height, (1000, 1500))]
    )


def test_faces_stand_neither_in_the_lens_nor_far_off():
    assert distance_m(0.7, suggest_face_span_m(0.7, 1.0, (1000, 1500))) == pytest.approx(0.4)
    assert distance_m(0.7, suggest_face_span_m(0.7, 0.05, (1000, 1500))) == pytest.approx(2.5)


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


@pytest.mark.parametrize(("face", "least"), [(True, 0.01), (False, 0.009)])
def test_a_phone_at_26_mm_blurs_visibly_by_default(face, least):
    """f/1.8 at 26 mm: the backdrop of a face that fills the photo has a radius above 1 % of the width; of another
    subject nearly so."""
    disparity, mask = picture(0.3)
    size, focal_px = (3000, 4000), 26 / np.hypot(36, 24) * 5000
    by_face, by_share = (
        suggest_face_span_m(0.8, 0.5, size, focal_px),
        suggest_span_m(disparity, mask, size, focal_px),
    )
    span = by_face if face else by_share
    lens = ThinLens(
        focal_length_m=0.026, f_number=1.8, focus_distance_m=distance_m(0.8, span), sensor_width_m=0.0346
    )
    assert least < float(lens.coc_radius_m(1 / distance_m(0.1, span))) / 0.0346 < 0.04


@pytest.mark.parametrize("focus", [0.2, 0.5, 1.2])
def test_a_foreground_is_blurred_no_more_than_the_background(focus):
    depth = np.linspace(0.1, 1.5, 200, dtype=np.float32)[None]
    made = limit_foreground(depth, focus)
    assert (np.diff(made) > 0).all() and np.array_equal(made[depth <= focus], depth[depth <= focus])
    assert float(made.max()) <= 2 * focus - 0.1 + 1e-6 or float(depth.max()) <= 2 * focus - 0.1
    just_nearer = (depth > focus) & (depth < focus + 0.02)
    assert made[just_nearer] == pytest.approx(depth[just_nearer], rel=0.03)
    assert limit_foreground(depth, focus, least=2.0) is depth
    assert limit_foreground(depth, 1.5) is depth and limit_foreground(depth, 0.1) is depth


def test_least_is_the_blur_behind_the_subject_that_a_span_was_chosen_for():
    span = suggest_span_m(*picture(0.3))
    subject = 1 / distance_m(0.8, span)
    assert background_blur(span) == pytest.approx(subject - 1 / span[1], rel=1e-3)

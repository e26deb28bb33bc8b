"""The road from photo to bokeh photo: what is resolved from where, and that sharp stays untouched."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from paths import SHARED

from cocnet.depth.focal_plane import inverse_at, subject_inverse
from cocnet.errors import DepthError, InputError
from cocnet.imaging import CameraInfo, DepthMap, Photo, read_photo, write_photo
from cocnet.imaging.color.profile import of_code_points
from cocnet.pipeline.camera import choose_camera
from cocnet.pipeline.depth_source import FoundDepth, inverse_depth_of
from cocnet.pipeline.focus import choose_focus_m, choose_span_m
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.plan import prepare
from cocnet.pipeline.render_photo import RenderResult, render

PHONE_PHOTO = SHARED / "data" / "phone" / "pug.heic"


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (30, 45, 3)).astype(np.uint8)


@pytest.fixture
def halves():
    """2 m on the left, 8 m on the right."""
    return np.where(np.arange(45) < 22, 2.0, 8.0)[None].repeat(30, 0).astype(np.float32)


def camera(width=3000, height=2000, options=None, **facts):
    photo = Photo(np.broadcast_to(np.zeros(3, np.uint8), (height, width, 3)), camera=CameraInfo(**facts))
    return choose_camera(photo, options or RenderOptions())


def test_in_focus_is_identity_within_one_code(pixels):
    result = render(pixels, np.full((30, 45), 3.0), focus_m=3.0, highlights="off")
    assert isinstance(result, RenderResult) and result.settings.largest_blur_radius_px < 1e-3
    assert np.abs(result.pixels.astype(int) - pixels).max() <= 1


def test_in_focus_is_identity_at_16_bit_and_for_floats(pixels):
    deep = pixels.astype(np.uint16) * 257
    flat = np.full((30, 45), 3.0)
    for photo in (deep, deep / 65535, torch.from_numpy(deep / 65535).permute(2, 0, 1)):
        result = render(photo, flat, focus_m=3.0, highlights="off")
        assert result.pixels.dtype == np.uint16
        assert np.abs(result.pixels.astype(int) - deep).max() <= 8


@pytest.mark.parametrize(
    ("point", "focus_m", "sharp"), [((0.2, 0.5), 2.0, "left"), ((0.8, 0.5), 8.0, "right")]
)
def test_the_focus_point_picks_the_depth_and_what_is_sharp(pixels, halves, point, focus_m, sharp):
    result = render(pixels, halves, focus_point=point, f_number=0.7, focal_length_mm=135, highlights="off")
    assert result.settings.focus_m.value == pytest.approx(focus_m, rel=1e-5)
    change = np.abs(result.pixels.astype(int) - pixels).mean(axis=(0, 2))
    quiet, moved = (change[:8], change[37:]) if sharp == "left" else (change[37:], change[:8])
    assert quiet.max() <= 1 and moved.min() > 5


def test_fewer_f_stops_blur_in_proportion(pixels, halves):
    radius = [
        render(pixels, halves, focus_m=2, f_number=n).settings.largest_blur_radius_px for n in (2, 4, 8)
    ]
    assert radius[0] == pytest.approx(2 * radius[1], rel=1e-4) == pytest.approx(4 * radius[2], rel=1e-4)


def test_lens_of_a_phone_is_its_full_frame_equivalent():
    chosen = camera(4032, 3024, focal_length_m=5.7e-3, focal_length_35mm_m=26e-3, f_number=1.5)
    focal_px = 26 * np.hypot(4032, 3024) / np.hypot(36, 24)
    assert chosen.focal_length_mm.value == pytest.approx(26)
    assert chosen.focal_length_mm.value / chosen.sensor_width_mm.value * 4032 == pytest.approx(focal_px)
    assert (chosen.f_number.value, chosen.f_number.origin) == (1.5, "EXIF")


def test_lens_without_exif_is_50_mm_on_full_frame():
    chosen = camera()
    assert chosen.focal_length_mm.value == 50 and chosen.f_number.value == 1.8
    assert chosen.sensor_width_mm.value == pytest.approx(36)
    assert camera(2000, 3000).sensor_width_mm.value == pytest.approx(24)


def test_given_numbers_win_and_a_given_sensor_keeps_the_field_of_view():
    options = RenderOptions(sensor_width_mm=18)
    chosen = camera(options=options, focal_length_m=10e-3, focal_length_35mm_m=28e-3)
    assert chosen.focal_length_mm.value == pytest.approx(14)
    chosen = camera(options=RenderOptions(focal_length_mm=85, f_number=1.2), focal_length_35mm_m=28e-3)
    assert (chosen.focal_length_mm.value, chosen.f_number.value) == (85, 1.2)
    assert chosen.f_number.origin == "given"


def test_focal_length_without_sensor_is_taken_only_from_cameras():
    assert camera(focal_length_m=35e-3).focal_length_mm.value == pytest.approx(35)
    phone = camera(focal_length_m=4.2e-3)
    assert phone.focal_length_mm.value == 50 and "4.2 mm" in phone.notes[0]


def test_auto_focus_finds_the_near_subject_in_the_middle():
    inverse = np.full((90, 120), 0.1, np.float32)
    inverse[30:, 40:80] = 0.5
    inverse[84:] = 1.0
    assert subject_inverse(inverse) == pytest.approx(0.5)
    assert subject_inverse(np.full((5, 5), 0.25, np.float32)) == pytest.approx(0.25)
    speck = np.full((50, 50), 0.1, np.float32)
    speck[24:27, 24:27] = 0.9
    assert subject_inverse(speck) == pytest.approx(0.1)
    assert subject_inverse(np.float32([[0.3]])) == pytest.approx(0.3)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 1), (0.5, 1), (1, 0.5)])
def test_focus_points_at_the_edge(x, y):
    inverse = np.linspace(0.1, 1, 12, dtype=np.float32).reshape(3, 4)
    assert 0.1 <= inverse_at(inverse, x, y) <= 1.0
    assert choose_focus_m(inverse, RenderOptions(focus_point=(x, y))).value >= 1.0


def test_depth_of_another_size_and_kinds(pixels):
    photo = Photo(pixels)
    small = DepthMap.of(np.linspace(0, 1, 150).reshape(10, 15), "relative_disparity")
    inverse = inverse_depth_of(
        FoundDepth(small, "given"), photo, RenderOptions(near_m=2, far_m=4, refine_depth="off")
    )
    assert inverse.shape == (30, 45) and inverse.dtype == np.float32
    assert inverse.min() == pytest.approx(0.25) and inverse.max() == pytest.approx(0.5)
    result = render(photo, small, near_m=2, far_m=4)
    assert any("2 m to 4 m" in note for note in result.settings.notes)
    suggested = replace(small, span_m=(2.0, 30.0))
    assert choose_span_m(suggested, RenderOptions()) == (2.0, 30.0)
    assert choose_span_m(suggested, RenderOptions(near_m=4)) == (4.0, 60.0)
    assert choose_span_m(small, RenderOptions(near_m=12)) == (12.0, 120.0)
    assert choose_span_m(small, RenderOptions(far_m=5)) == (1.0, 5.0)
    assert choose_span_m(small, RenderOptions(far_m=0.8)) == (0.08, 0.8)


def test_a_square_map_of_the_whole_photo_is_stretched_only_when_asked(pixels):
    square = np.linspace(2, 8, 20, dtype=np.float32)[None].repeat(20, 0)
    with pytest.raises(DepthError, match="--depth-fit stretch"):
        render(pixels, square, focus_m=2)
    settings = render(pixels, square, focus_point=(0.0, 0.5), depth_fit="stretch").settings
    assert settings.nearest_m == pytest.approx(2, rel=0.05) and settings.farthest_m == pytest.approx(
        8, rel=0.05
    )
    assert settings.focus_m.value == pytest.approx(2, rel=0.05)


def test_a_scale_counts_for_arrays(pixels, halves):
    for array in ((halves * 1000).astype(np.uint16), halves * 1000, torch.from_numpy(halves * 1000)):
        settings = render(pixels, array, focus_m=2, depth_scale=0.001).settings
        assert (settings.nearest_m, settings.farthest_m) == pytest.approx((2, 8))
    with pytest.raises(InputError, match="above 0"):
        render(pixels, halves, depth_scale=-1)
    notes = render(
        pixels, DepthMap.of(halves, "metric"), focus_m=2, depth_scale=5, depth_channel="Z"
    ).settings.notes
    assert [note for note in notes if "no effect" in note] == [
        "--depth-scale: no effect without a depth file",
        "--depth-channel: no effect without a depth file",
    ]


def test_depth_arrays_of_other_types(pixels, halves):
    masked = np.ma.masked_array(halves, halves > 5)
    assert render(pixels, masked, focus_m=2).settings.farthest_m == pytest.approx(2)
    for array in (torch.from_numpy(halves).bfloat16(), halves.astype(np.float16)):
        assert render(pixels, array, focus_m=2).settings.farthest_m == pytest.approx(8)


def test_the_channel_of_an_exr(pixels, halves, tmp_path):
    openexr = pytest.importorskip("OpenEXR")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    openexr.File(header, {"Z": halves, "far": halves * 2}).write(str(tmp_path / "a.exr"))
    options = {"depth_kind": "metric", "focus_m": 2}
    assert render(pixels, tmp_path / "a.exr", **options).settings.nearest_m == pytest.approx(2)
    settings = render(pixels, tmp_path / "a.exr", depth_channel="far", **options).settings
    assert settings.nearest_m == pytest.approx(4)


def test_embedded_depth_is_used_and_given_depth_wins(pixels, halves):
    photo = Photo(pixels, embedded_depth=DepthMap.of(halves, "metric", "phone"))
    assert render(photo).settings.depth_source == "phone"
    assert render(photo, halves + 1).settings.nearest_m == pytest.approx(3.0)
    assert render(photo, depth_kind="relative_depth").settings.farthest_m == pytest.approx(10.0)


def test_saving_keeps_alpha_and_writes_settings(pixels, halves, tmp_path):
    alpha = np.arange(30 * 45, dtype=np.uint8).reshape(30, 45)
    result = render(Photo(pixels, alpha=alpha), halves)
    assert result.save(tmp_path / "out.png") == tmp_path / "out.png.json"
    again = read_photo(tmp_path / "out.png")
    assert np.array_equal(again.alpha, alpha) and np.array_equal(again.pixels, result.pixels)


def test_a_profile_comes_through(pixels, halves, tmp_path):
    profile = of_code_points(12, 13)
    write_photo(tmp_path / "in.png", pixels, like=Photo(pixels, icc=profile))
    render(read_photo(tmp_path / "in.png"), halves).save(tmp_path / "out.png")
    assert read_photo(tmp_path / "out.png").icc == profile


def test_tiles_equal_the_whole():
    rng = np.random.default_rng(1)
    photo = rng.integers(0, 256, (300, 700, 3)).astype(np.uint8)
    depth = 2 + 3 * rng.random((3, 7)).repeat(100, 0).repeat(100, 1)
    steps = []
    options = RenderOptions(focus_m=2.5, f_number=2)
    tiled = render(photo, depth, options, max_mem_mb=20, on_progress=lambda *step: steps.append(step))
    whole = render(photo, depth, options, max_mem_mb=4000)
    assert steps[-1][0] == steps[-1][1] > 1
    assert np.abs(tiled.pixels.astype(int) - whole.pixels).max() <= 1


@pytest.mark.parametrize(
    ("photo", "message"),
    [
        (np.zeros((4, 4), np.uint8), "h w 3"),
        (np.zeros((0, 4, 3), np.uint8), "h w 3"),
        (np.zeros((4, 4, 3), np.int64), "int64"),
        (torch.zeros(1, 3, 4, 4), "3 h w"),
    ],
)
def test_photos_that_are_none(photo, message):
    with pytest.raises(InputError, match=message):
        render(photo, np.ones((4, 4)))


def test_a_photo_without_depth_gets_some(pixels):
    settings = render(pixels, f_number=16).settings
    assert "built-in network" in settings.depth_source and settings.depth_kind == "relative_disparity"
    assert any("distances are chosen" in note for note in settings.notes)


def test_wrong_names(pixels):
    with pytest.raises(InputError, match="try f_number"):
        render(pixels, np.ones((30, 45)), fnumber=2)
    with pytest.raises(DepthError, match="try one of auto"):
        render(pixels, estimator="none such")
    with pytest.raises(InputError, match="one focus"):
        render(pixels, np.ones((30, 45)), focus_m=1, focus_point=(0.5, 0.5))


@pytest.mark.slow  # twelve megapixels
@pytest.mark.skipif(not PHONE_PHOTO.is_file(), reason="needs shared/data/phone/pug.heic, which isn't here")
@pytest.mark.filterwarnings("ignore::cocnet.errors.CocnetWarning")
def test_a_phone_photo_s_own_depth_stays_finite_at_full_size():
    pytest.importorskip("pillow_heif")
    plan = prepare(PHONE_PHOTO, None, RenderOptions())
    assert plan.inverse_depth.shape == (3024, 4032) and bool(np.isfinite(plan.inverse_depth).all())
    assert 10 < plan.settings.largest_blur_radius_px < 500


def test_bright_surfaces_are_not_taken_for_lights(halves):
    """Paper and snow: until lights are told from surfaces, none is raised unless asked for."""
    pixels = np.full((30, 45, 3), 60, np.uint8)
    pixels[8:22, 26:40] = 255
    out = render(pixels, halves, focus_m=2, f_number=1, focal_length_mm=85)
    off = render(pixels, halves, focus_m=2, f_number=1, focal_length_mm=85, highlights="off")
    assert out.settings.largest_blur_radius_px > 1 and np.array_equal(out.pixels, off.pixels)


@pytest.mark.parametrize(("kind", "laid"), [("relative_disparity", True), ("metric", False)])
def test_relative_depth_of_the_photos_size_is_laid_along_its_edges(kind, laid, pixels, halves, monkeypatch):
    """A network's map is of the photo's size and misses its edges all the same."""
    areas = []

    def refine(inverse, rgb, area_px):
        areas.append(area_px)
        return -inverse

    monkeypatch.setattr("cocnet.pipeline.depth_source.refine_inverse_depth", refine)
    found = FoundDepth(DepthMap.of(halves, kind), "given")
    for preview in (False, True):
        chosen = RenderOptions(near_m=1, far_m=4, preview=preview)
        assert bool((inverse_depth_of(found, Photo(pixels), chosen) < 0).all()) == laid
    assert areas == ([1 << 20, 1 << 18] if laid else [])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_that_nobody_sees_never_show(dtype):
    most, alpha = np.iinfo(dtype).max, np.zeros((64, 64), dtype)
    alpha[:, :32], alpha[:, :4] = most, most // 2
    hidden = [np.full((64, 64, 3), colour, dtype) for colour in ((most, 0, 0), (0, 0, 0))]
    made = []
    for pixels in hidden:
        pixels[:, :32] = 0, most // 2, 0
        pixels[20:30, 10:30, 2] = most // 3
        photo, depth = Photo(pixels, alpha=alpha), np.full((64, 64), 5.0)
        made.append(render(photo, depth, focus_m=1, blur=100, grain="off").pixels)
        assert np.array_equal(render(photo, depth, focus_m=5).pixels[alpha > 0], pixels[alpha > 0])
    assert np.array_equal(*made) and made[0][..., 0].max() <= most // 255

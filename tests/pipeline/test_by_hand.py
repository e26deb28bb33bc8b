"""What a hand on the wheel does: blur by share, ranges, masks, apertures; each changes what it says and no more."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from cocnet.depth.faces import Face
from cocnet.depth.network_view import WEIGHTS
from cocnet.errors import FileError, InputError
from cocnet.imaging import DepthMap, Photo, read_depth, read_photo
from cocnet.optics import ThinLens
from cocnet.pipeline.again import merged, read_settings
from cocnet.pipeline.around_focus import held_sharp
from cocnet.pipeline.by_hand import ByHand
from cocnet.pipeline.camera import Camera
from cocnet.pipeline.chosen_lens import largest_radius_px, stop_for_blur
from cocnet.pipeline.depth_source import FoundDepth
from cocnet.pipeline.drawn import read_mask
from cocnet.pipeline.focus import Focus, choose_focus
from cocnet.pipeline.one_surface import subject_surface
from cocnet.pipeline.options import FAR_M, RenderOptions, Resolved, distance_text
from cocnet.pipeline.render_photo import render
from cocnet.pipeline.scene import Scene
from cocnet.pipeline.words_of_others import WORDS, meant_by

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 45, 3)).astype(np.uint8)
HALVES = np.where(np.arange(45) < 22, 1.0, 8.0)[None].repeat(30, 0).astype(np.float32)
RIGHT = HALVES > 2
NOTHING = ByHand(None, None, None)
PLAIN = {"highlights": "off", "grain": "off"}


def changed(result):
    return np.abs(result.pixels.astype(int) - PIXELS).max(2)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"blur": 40, "f_number": 2}, "one of blur and f_number"),
        ({"blur": 101}, "0 to 100"),
        ({"blur": -1}, "0 to 100"),
        ({"focus_range": (3, 1)}, "0 < near < far"),
        ({"focus_range": (1, 3), "focus_m": 2}, "one focus, got focus_m and focus_range"),
        ({"focus_range": (1, 3), "focus_point": (0.5, 0.5)}, "one focus"),
        ({"squeeze": 0.5}, "1 to 4"),
        ({"aperture_image": "a.png", "aperture_blades": 6}, "one of aperture_image and aperture_blades"),
    ],
)
def test_what_excludes_what(given, told):
    with pytest.raises(InputError, match=told):
        RenderOptions(**given)


@pytest.mark.parametrize("blur", [0, 10, 100])
def test_blur_is_the_largest_radius_as_a_share_of_the_longer_side(blur):
    camera = Camera(Resolved(50, "default"), Resolved(36, "default"), Resolved(1.8, "default"))
    lens = ThinLens(focal_length_m=0.05, f_number=1.8, focus_distance_m=1.0, sensor_width_m=0.036)
    stop = stop_for_blur(camera, lens, 1 / HALVES, blur).f_number
    assert stop.origin == f"blur {blur}"
    radius = largest_radius_px(lens.at(f_number=stop.value), 1 / HALVES, 45)
    assert radius == pytest.approx(blur / 2000 * 45, abs=1e-3)
    same = stop_for_blur(camera, lens, np.ones_like(HALVES), blur)
    assert same.f_number.value == 1.8


def test_blur_of_a_render_is_in_its_settings():
    settings = render(PIXELS, HALVES, focus_m=1, blur=80).settings
    assert settings.largest_blur_radius_px == pytest.approx(0.04 * 45) and settings.options.f_number is None
    assert not changed(render(PIXELS, HALVES, focus_m=1, blur=0, **PLAIN)).max()


def test_within_the_range_nothing_blurs_and_beyond_it_blur_begins_at_0():
    inverse = np.float32([[2.0, 1.0, 0.7, 0.5, 0.4]])
    focus = choose_focus(inverse, RenderOptions(focus_range=(1, 2)))
    assert focus.distance.value == pytest.approx(4 / 3) and focus.sharp_m == (1, 2)
    assert held_sharp(inverse, focus, None)[0] == pytest.approx([1.75, 0.75, 0.75, 0.75, 0.65])
    result = render(PIXELS, HALVES, focus_range=(0.9, 9), f_number=0.7, **PLAIN)
    assert not changed(result).max() and result.settings.sharp_m == (0.9, 9)


def test_infinity_is_a_distance():
    far = np.where(RIGHT, np.float32(1e4), HALVES)
    result = render(PIXELS, far, focus_m=float("inf"), f_number=0.7, **PLAIN)
    assert not changed(result)[:, 30:].max() and changed(result)[:, :18].max() > 20
    result = render(PIXELS, far, focus_range=(0.9, float("inf")), f_number=0.7, **PLAIN)
    assert not changed(result).max()
    json.dumps(asdict(result.settings), allow_nan=False)
    assert distance_text(FAR_M) == "infinity" and distance_text(2.349) == "2.35 m"
    with pytest.raises(InputError, match="focus_m as a finite number"):
        RenderOptions(focus_m=float("nan"))
    with pytest.raises(InputError, match="0 < near < far"):
        RenderOptions(focus_range=(-1, float("inf")))


def test_what_is_kept_stays_sharp_wherever_it_stands(tmp_path):
    Image.fromarray((RIGHT * 255).astype(np.uint8)).save(tmp_path / "keep.png")
    for keep in (tmp_path / "keep.png", RIGHT, (RIGHT * 255).astype(np.uint8), RIGHT.astype(float)):
        result = render(PIXELS, HALVES, focus_m=1, f_number=0.7, keep=keep, **PLAIN)
        assert not changed(result).max()
    assert any("keep: not a file" in note for note in result.settings.notes)
    assert changed(render(PIXELS, HALVES, focus_m=1, f_number=0.7, **PLAIN))[:, 30:].max() > 5


@pytest.mark.parametrize("kind", [bool, np.uint8, np.uint16, int, float])
def test_a_mask_of_0_and_1_may_be_of_any_type_and_have_one_channel(kind):
    photo, mask = Photo(PIXELS), RIGHT.astype(kind)
    for given in (mask, mask[None], mask[..., None], torch.from_numpy(mask.astype(np.float32))[None]):
        assert np.array_equal(read_mask(given, photo, "keep"), RIGHT)
    half = (RIGHT * 128).astype(np.uint8)
    assert read_mask(half, photo, "keep").max() == pytest.approx(128 / 255)
    assert np.array_equal(read_mask(np.where(RIGHT, 255, 0), photo, "keep"), RIGHT)


def test_what_is_kept_stays_sharp_beside_what_is_nearer_than_the_focus():
    keep = (np.arange(45) >= 26)[None].repeat(30, 0)
    given = {"focus_m": 8, "f_number": 0.7, "keep": keep, **PLAIN}
    for model in (None, "cocnet-b3-less"):
        result = render(PIXELS, HALVES, model=model, **given)
        assert not changed(result)[keep].max() and changed(result)[~keep].max() > 20


def test_what_is_handed_over_goes_before_what_the_options_name(tmp_path):
    Image.fromarray((RIGHT * 255).astype(np.uint8)).save(tmp_path / "keep.png")
    named = RenderOptions(keep=str(tmp_path / "keep.png"), focus_m=1, f_number=0.7, **PLAIN)
    top = (np.arange(30) < 15)[:, None].repeat(45, 1)
    result = render(PIXELS, HALVES, named, keep=top)
    assert not changed(result)[top].max() and changed(result)[~top].max() > 20
    assert result.settings.options.keep is None
    assert any("keep: not a file" in note for note in result.settings.notes)


def test_one_aperture_is_handed_over():
    with pytest.raises(InputError, match="one of aperture_image and aperture_blades"):
        render(PIXELS, HALVES, aperture_image=np.ones((9, 9)), aperture_blades=6)


def test_a_subject_that_is_drawn_beside_a_focus_says_what_holds_it(tmp_path):
    notes = render(PIXELS, HALVES, subject=RIGHT, focus_m=3).settings.notes
    assert any("--keep is" in note for note in notes)
    assert not any("--keep is" in note for note in render(PIXELS, HALVES, subject=RIGHT).settings.notes)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"roundness": 0.5}, "--roundness: no effect without --aperture-blades"),
        (
            {"aperture_image": np.ones((9, 9)), "aperture_rotation_deg": 30},
            "--aperture-rotation-deg: no effect",
        ),
        ({"mode": "eq8", "cat_eye": 0.5}, "--cat-eye: no effect with --mode eq8"),
        ({"near_m": 1}, "no effect on depth whose distances are known"),
        ({"estimator": "builtin"}, "--estimator: no effect beside --depth"),
        ({"bfloat16": True}, "--bfloat16: no effect without --model"),
        ({"deblur_model": "mine.safetensors"}, "--deblur-model: no effect without --deblur-first"),
    ],
)
def test_what_has_no_effect_is_told(given, told):
    assert any(told in note for note in render(PIXELS, HALVES, focus_m=2, **given).settings.notes)
    assert not any("no effect" in note for note in render(PIXELS, HALVES, focus_m=2).settings.notes)


def test_a_kind_has_no_effect_on_estimated_depth():
    notes = render(PIXELS, estimator="builtin", depth_kind="metric", preview=True).settings.notes
    assert any("--depth-kind: no effect on estimated depth" in note for note in notes)


def test_a_subject_that_was_drawn_may_be_small():
    tiny = np.zeros((300, 450), bool)
    tiny[40:52, 400:412] = True
    photo, depth = PIXELS.repeat(10, 0).repeat(10, 1), HALVES.repeat(10, 0).repeat(10, 1)
    found = render(photo, depth, subject=tiny, preview=True).settings
    assert found.focus_m.value == pytest.approx(8) and "subject" in found.focus_m.origin


def test_a_network_without_depth_says_that_the_subject_has_no_effect(tmp_path):
    Image.fromarray((RIGHT * 255).astype(np.uint8)).save(tmp_path / "subject.png")
    notes = render(PIXELS, HALVES, subject=tmp_path / "subject.png", model="cocnet-b3-less").settings.notes
    assert any("--subject: no effect with cocnet-b3-less" in note for note in notes)


def test_a_mask_of_ones_own_is_the_subject(tmp_path):
    cut_out = np.concatenate([PIXELS, (RIGHT * 255).astype(np.uint8)[..., None]], 2)
    Image.fromarray(cut_out).save(tmp_path / "cut.png")
    result = render(PIXELS, HALVES, subject=tmp_path / "cut.png")
    assert result.settings.focus_m.value == pytest.approx(8)
    result.save_mask(tmp_path / "mask.png")
    assert np.array_equal(read_photo(tmp_path / "mask.png").pixels[..., 0] > 128, RIGHT)
    guessed = render(PIXELS, subject=RIGHT, estimator="builtin").settings
    assert "the given mask" in guessed.depth_source


def test_the_saved_mask_is_of_the_weights_that_were_named(tmp_path):
    tensors = load_file(WEIGHTS)
    for name in ("heads.0.bias", "depth.head.bias"):
        tensors[name] += 60
    save_file(tensors, tmp_path / "everything.safetensors")
    result = render(PIXELS, estimator=str(tmp_path / "everything.safetensors"), preview=True)
    result.save_mask(tmp_path / "mask.png")
    assert read_photo(tmp_path / "mask.png").pixels.min() > 250


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        (np.zeros((30, 45), bool), "white somewhere"),
        (np.ones((30, 30), bool), "aspect"),
        (np.full((30, 45), np.nan), "0..1"),
    ],
)
def test_masks_that_cant_be(mask, told):
    for name in ("keep", "subject"):
        with pytest.raises(InputError, match=told):
            render(PIXELS, HALVES, **{name: mask})


def test_the_apertures_picture_is_what_a_point_becomes(tmp_path):
    """A lone lamp behind the focus becomes the letter L, not a disc; a wide picture stays whole."""
    letter = np.zeros((40, 20), np.uint8)
    letter[:, :8], letter[32:] = 255, 255
    Image.fromarray(letter).save(tmp_path / "l.png")
    photo = np.zeros((61, 61, 3), np.uint8)
    photo[30, 30] = 255
    options = {"focus_m": 1, "f_number": 1.4, "focal_length_mm": 85, **PLAIN}
    out = render(photo, np.full((61, 61), 9.0), aperture_image=tmp_path / "l.png", **options)
    seen = out.pixels[..., 1].astype(float)
    rows = np.flatnonzero((seen > 0).any(1))
    upper, lower = seen[rows.min() + 1], seen[rows.max() - 1]
    assert np.count_nonzero(lower) > 1.5 * np.count_nonzero(upper) > 0
    with pytest.raises(InputError, match="white somewhere"):
        render(photo, np.full((61, 61), 9.0), aperture_image=np.zeros((5, 5)))


def test_depth_is_written_as_it_was_rendered_with(tmp_path):
    first = render(PIXELS, HALVES, focus_m=1, keep=RIGHT[:, ::-1].copy(), **PLAIN)
    first.save_depth(tmp_path / "depth.npy")
    assert read_depth(tmp_path / "depth.npy").kind == "disparity"
    again = render(PIXELS, tmp_path / "depth.npy", focus_m=1, **PLAIN)
    assert np.array_equal(first.pixels, again.pixels)
    first.save_depth(tmp_path / "look.jpg")
    assert read_photo(tmp_path / "look.jpg").pixels.shape == PIXELS.shape


def test_settings_render_the_same_again_and_change_by_what_is_given(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "photo.png")
    np.save(tmp_path / "d.npy", HALVES)
    given = {"focus_point": (0.1, 0.5), "blur": 60, "squeeze": 1.5, "highlights": (0.9, 4.0)}
    first = render(tmp_path / "photo.png", tmp_path / "d.npy", depth_kind="metric", **given)
    first.save(tmp_path / "out.png", quality=80)
    found = read_settings(tmp_path / "out.png.json")
    assert found.options == first.settings.options and found.quality == 80 and not found.notes
    again = render(found.photo, found.depth, found.options)
    assert np.array_equal(first.pixels, again.pixels)
    new = merged(found.options, RenderOptions(f_number=4, focus_m=2))
    assert new.blur is None and new.f_number == 4 and new.focus_point is None and new.squeeze == 1.5


def test_settings_find_their_files_from_another_folder(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PIXELS).save("in/photo.png")
    Image.fromarray((RIGHT * 255).astype(np.uint8)).save("in/keep.png")
    np.save("in/d.npy", HALVES)
    first = render("in/photo.png", "in/d.npy", depth_kind="metric", focus_m=1, keep="in/keep.png")
    first.save("out/a.png")
    (tmp_path / "moved").mkdir()
    for name in ("in", "out"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    monkeypatch.chdir(tmp_path / "moved" / "out")
    found = read_settings("a.png.json")
    assert np.array_equal(render(found.photo, found.depth, found.options).pixels, first.pixels)
    for other, left_out in ((Path("../in/photo.png"), False), (Path("../in/keep.png"), True)):
        chosen = found.for_photo(other)
        assert (chosen.options.keep is None, chosen.depth is None) == (left_out, left_out)
        assert any("keep left out" in note for note in chosen.notes) == left_out


def test_how_the_depth_of_one_photo_is_read_is_not_how_another_photos_own_is(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "photo.png")
    np.save(tmp_path / "d.npy", 1 / HALVES)
    given = {"depth_kind": "disparity", "depth_scale": 2.0, "focus_m": 1}
    render(tmp_path / "photo.png", tmp_path / "d.npy", **given).save(tmp_path / "a.png")
    found = read_settings(tmp_path / "a.png.json")
    options = found.for_photo(tmp_path / "other.png").options
    assert options.depth_kind is None and options.depth_scale is None and options.focus_m == 1
    assert found.for_photo(tmp_path / "photo.png").options == found.options


@pytest.mark.parametrize("text", ["", "[1]", '{"options": 3}', '{"options": {"blur": 400}}', "\ufeff{}"])
def test_other_files_are_no_settings(tmp_path, text):
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.raises(FileError, match="expected the settings of a render"):
        read_settings(tmp_path / "x.json")


def test_settings_of_a_deblurring_say_which_command_takes_them(tmp_path):
    (tmp_path / "x.json").write_text('{"tile_px": 64, "options": {"strength": 1.0}}')
    with pytest.raises(FileError, match=r"those of a deblurring .*try cocnet deblur"):
        read_settings(tmp_path / "x.json")


def test_settings_of_other_versions_say_so(tmp_path):
    (tmp_path / "x.json").write_text('{"version": "9", "options": {"blur": 4, "sparkle": 1}}')
    found = read_settings(tmp_path / "x.json")
    assert found.options.blur == 4 and "sparkle" in found.notes[0] and "version 9" in found.notes[1]


def test_words_of_others_name_options_that_exist():
    known = ["--" + name.replace("_", "-") for name in vars(RenderOptions())]
    known += ["--settings", "--depth", "--out", "--save-mask", "--save-depth"]
    for word, meant in WORDS.items():
        assert set(meant) <= set(known) and word not in known
    assert meant_by("--mask", known) == "--subject or --keep" and meant_by("--f_stop", known) == "--f-number"
    for word, told in (("strength", "try blur"), ("fstop", "try f_number"), ("mask", "subject or keep")):
        with pytest.raises(InputError, match=told):
            RenderOptions().changed(**{word: 1})


def test_a_range_is_held_for_what_is_near_and_far():
    focus = Focus(Resolved(2.0, "given"), (1.0, 4.0))
    inverse = np.linspace(0.01, 3, 50, dtype=np.float32)[None]
    held = held_sharp(inverse, focus, None)
    assert (np.diff(held) >= 0).all() and (held > 0).all()


def test_relative_disparity_without_distances_is_placed_by_the_subjects_size():
    """The subject of a given map stands at 0.55 m · √(0.3/share); given distances and other kinds stay."""
    mask = np.zeros((30, 45), bool)
    mask[10:20, 16:28] = True
    nearness = np.where(mask, 1.0, 0.0).astype(np.float32)
    settings = render(PIXELS, nearness, depth_kind="relative_disparity", subject=mask, f_number=4).settings
    wanted = 0.55 * np.sqrt(0.3 / mask.mean())
    assert settings.focus_m.value == pytest.approx(wanted, rel=0.03)
    assert settings.farthest_m == pytest.approx(8 * wanted, rel=0.03)
    given = {"depth_kind": "relative_disparity", "near_m": 2.0, "far_m": 9.0}
    told = render(PIXELS, nearness, subject=mask, **given).settings
    assert (told.nearest_m, told.farthest_m) == pytest.approx((2, 9), rel=0.01)


def test_a_subject_that_is_found_is_one_surface_and_given_depth_stays():
    subject = RIGHT.astype(np.float32)
    sloped = np.linspace(0, 1, 45, dtype=np.float32)[None].repeat(30, 0)

    def scene(kind, origin):
        depth = DepthMap.of(sloped + 0.1, kind)
        return Scene(Photo(PIXELS), FoundDepth(depth, origin), sloped + 0.1, NOTHING)

    ours = scene("relative_disparity", "estimated")
    assert subject_surface(ours, subject, ()) is subject
    assert subject_surface(ours, subject[::2, ::3], ()).shape == (30, 45)
    inside, outside = Face(0.7, 0.2, 0.9, 0.5, 1), Face(0.1, 0.2, 0.3, 0.5, 1)
    assert subject_surface(ours, subject, (inside,)) is subject
    for other in (scene("metric", "estimated"), scene("relative_disparity", "given")):
        assert subject_surface(other, subject, ()) is None
    assert subject_surface(ours, subject, (outside,)) is None
    assert subject_surface(ours, np.zeros_like(subject), ()) is None
    held = held_sharp(sloped + 0.1, Focus(Resolved(2, "auto")), None, subject)
    left = np.s_[:, :15]
    assert (held[RIGHT] == 0.5).all() and np.array_equal(held[left], (sloped + np.float32(0.1))[left])


def test_the_edge_of_a_subject_that_is_found_lies_where_the_photos_colours_part():
    """A mask as the network gives it, 8 times smaller and 2 px off, of a disc with a bar; what it isn't sure of
    beside is left out."""
    y, x = np.mgrid[:160, :160]
    inside = (np.hypot(x - 70, y - 80) < 40) | ((np.abs(y - 80) < 5) & (x > 70) & (x < 140))
    noise = np.random.default_rng(0).normal(0, 4, (160, 160, 3))
    photo = np.uint8(np.where(inside[..., None], (180, 60, 40), (70, 110, 130)) + noise)
    moved = np.roll(inside, (2, 2), (0, 1)).astype(np.float32)
    coarse = moved.reshape(20, 8, 20, 8).mean((1, 3))
    near = np.ones((160, 160), np.float32)
    found = FoundDepth(DepthMap.of(near, "relative_disparity"), "estimated")
    made = subject_surface(Scene(Photo(photo), found, near, NOTHING), coarse, ())
    assert made is not None and ((made > 0.5) != inside).mean() < 0.01
    coarse[2:4, 15:18] = 0.6
    again = subject_surface(Scene(Photo(photo), found, near, NOTHING), coarse, ())
    assert again is not None and not (again[10:40, 115:150] > 0.5).any()
    assert (
        (np.kron(moved.reshape(20, 8, 20, 8).mean((1, 3)), np.ones((8, 8))) > 0.5) != inside
    ).mean() > 0.02


@pytest.mark.parametrize(("sure", "whole"), [(2, True), (8, False)], ids=["a speck is", "as much again is"])
def test_a_large_part_is_left_out_only_where_the_network_is_certain_of_as_much(sure, whole):
    """A fence that the network is nearly certain of, and beside it something that it is certain of."""
    coarse = np.zeros((20, 20), np.float32)
    coarse[4:16, 2:9] = 0.85
    coarse[4 : 4 + sure, 12:18] = 1
    photo, near = Photo(np.full((160, 160, 3), 90, np.uint8)), np.ones((160, 160), np.float32)
    found = FoundDepth(DepthMap.of(near, "relative_disparity"), "estimated")
    made = subject_surface(Scene(photo, found, near, NOTHING), coarse, ())
    assert (
        made is not None and (made[60:100, 30:60].min() > 0.5) == whole and made[36:44, 110:130].min() > 0.5
    )


def test_refining_makes_no_islands_of_a_subject_that_is_found():
    """A disc in focus, and beside it a spot of its colour where the network's mask has a faint trace of something."""
    y, x = np.mgrid[:160, :160]
    disc, spot = np.hypot(x - 50, y - 80) < 36, np.hypot(x - 112, y - 80) < 4
    noise = np.random.default_rng(0).normal(0, 4, (160, 160, 3))
    photo = np.uint8(np.where((disc | spot)[..., None], (180, 60, 40), (70, 110, 130)) + noise)
    coarse = disc.astype(np.float32).reshape(20, 8, 20, 8).mean((1, 3))
    coarse[9:11, 13:15] = 0.45
    near = np.ones((160, 160), np.float32)
    found = FoundDepth(DepthMap.of(near, "relative_disparity"), "estimated")
    made = subject_surface(Scene(Photo(photo), found, near, NOTHING), coarse, ())
    assert made is not None and not (made[:, 96:] > 0.5).any()
    assert ((made > 0.5) == disc)[:, :90].mean() > 0.99

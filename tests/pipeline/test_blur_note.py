"""A blur that can't be meant: one note with the numbers, for every render, and none where the blur is fine."""

import numpy as np
import pytest
import torch

from cocnet.networks import create_model, save_checkpoint
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.plan import prepare

PHOTO = np.zeros((60, 90, 3), np.uint8)
HALVES = np.where(np.arange(90) < 45, 2.0, 8.0)[None].repeat(60, 0).astype(np.float32)


def blur_notes(depth, **options):
    settings = prepare(PHOTO, depth, RenderOptions(focus_point=(0.2, 0.5), **options)).settings
    return [note for note in settings.notes if "the largest blur" in note], settings


def test_millimetres_taken_as_metres_are_seen():
    notes, settings = blur_notes(HALVES * 1000, depth_kind="metric", f_number=1.4)
    assert len(notes) == 1 and settings.largest_blur_radius_px < 1
    for word in ("2e+03 m", "8e+03 m", "f/1.4", "--depth-kind", "--depth-scale", "too small"):
        assert word in notes[0], notes[0]
    assert "--near-m" not in notes[0]


def test_metres_taken_as_kilometres_are_seen():
    notes, settings = blur_notes(HALVES / 20, depth_kind="metric", f_number=1.4)
    assert len(notes) == 1 and settings.largest_blur_radius_px > 12
    for word in ("0.1 m", "0.4 m", "60 px", "a fifth", "--depth-kind", "--depth-scale"):
        assert word in notes[0], notes[0]


@pytest.mark.parametrize("kind", ["metric", "relative_depth"])
def test_a_fine_blur_gets_no_note(kind):
    notes, settings = blur_notes(HALVES / 4, depth_kind=kind, f_number=1.4)
    assert not notes and 1 <= settings.largest_blur_radius_px <= 12


def test_relative_depth_is_placed_otherwise():
    notes, _ = blur_notes(HALVES, depth_kind="relative_depth", near_m=50, far_m=60)
    assert len(notes) == 1 and notes[0].endswith("--depth-scale, --near-m, --far-m")


def test_networks_without_a_lens_get_none(tmp_path):
    for name, expected in (("cocnet-b3-depth", 0), ("cocnet-b3-lens", 1)):
        torch.manual_seed(0)
        save_checkpoint(create_model(name, channels=[4, 8]), tmp_path / f"{name}.safetensors")
        notes, _ = blur_notes(HALVES * 1000, model=str(tmp_path / f"{name}.safetensors"))
        assert len(notes) == expected


def test_an_absurd_value_is_named():
    depth = HALVES.copy()
    depth[3, 4] = 1e-6
    settings = prepare(PHOTO, depth, RenderOptions(focus_m=2)).settings
    assert settings.nearest_m == pytest.approx(2)
    assert any("1e-06" in note and "2 to 8" in note for note in settings.notes)
    settings = prepare(PHOTO, HALVES, RenderOptions(focus_m=2)).settings
    assert not any("absurd" in note for note in settings.notes)


def test_a_blur_that_no_aperture_reaches_is_told():
    flat = np.full((60, 90), 5.0, np.float32)
    flat[:, :9] = 5.001
    notes = prepare(PHOTO, flat, RenderOptions(blur=100, focus_m=5.001, focal_length_mm=5)).settings.notes
    assert any("--blur 100 can't be reached: f/0.001 blurs" in note for note in notes), notes
    notes = prepare(PHOTO, HALVES, RenderOptions(blur=100, focus_m=2)).settings.notes
    assert not any("reached" in note for note in notes)


def test_less_blur_than_a_built_in_lens_has_is_told():
    wide = np.zeros((60, 400, 3), np.uint8)
    for blur, told in ((10, True), (50, False), (None, False)):
        options = RenderOptions(model="cocnet-b3-less", blur=blur)
        notes = prepare(wide, None, options).settings.notes
        assert any("built into the network has 8 px" in note for note in notes) == told, (blur, notes)
        assert any("--blur has" in note for note in notes)
    notes = prepare(wide, None, RenderOptions(model="identity")).settings.notes
    assert any("sees only the photo" in note for note in notes) and not any("--blur" in n for n in notes)


def test_options_for_depth_files_are_named_only_beside_one():
    photo = np.zeros((60, 90, 3), np.uint8)
    photo[20:50, 30:60] = 200
    notes = prepare(photo, None, RenderOptions(f_number=22, near_m=50, far_m=60)).settings.notes
    (found,) = [note for note in notes if "the largest blur" in note]
    assert found.endswith("check --near-m, --far-m")

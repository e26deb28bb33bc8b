"""What can be asked of a render is checked when it is asked, whoever asks."""

import io
import typing

import numpy as np
import pytest

from cocnet.errors import FileError, InputError
from cocnet.imaging import Photo, read_photo, write_photo
from cocnet.imaging.depth.depth_map import KINDS
from cocnet.pipeline import options as module
from cocnet.pipeline.deblur_options import DeblurOptions
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.render_photo import render


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"f_number": "2.8"}, "try 2.8"),
        ({"highlights": "on"}, "auto, off or 2 numbers|2 numbers, auto or off"),
        ({"highlights": (2, 3)}, "threshold between 0 and 1"),
        ({"refine_depth": True}, "auto, on or off"),
        ({"focus": "nearest"}, "focus as auto"),
        ({"depth_kind": "metres"}, "relative_disparity"),
        ({"depth_fit": "squeeze"}, "stretch"),
        ({"mode": "Over"}, "mode as over or eq8"),
        ({"grain": 0.5}, "grain as auto or off"),
        ({"preview": 1}, "preview as True or False"),
        ({"depth_scale": -1}, "above 0"),
        ({"roundness": 1.5}, "from 0 to 1"),
        ({"cat_eye": -0.1}, "from 0 to 1"),
        ({"aperture_blades": 2}, "3 to 32"),
        ({"aperture_blades": 100_000}, "3 to 32"),
        ({"aperture_blades": 5.5}, "whole number"),
        ({"focus_point": (0.5,)}, "2 numbers"),
        ({"focus_point": (0.5, 1.2)}, "fractions"),
        ({"axial_ca": float("nan")}, "finite"),
    ],
)
def test_every_option_is_checked_when_it_is_made(given, told):
    with pytest.raises(InputError, match=told):
        RenderOptions(**given)
    with pytest.raises(InputError, match=told):
        RenderOptions().changed(**given)


def test_options_are_no_dictionary():
    with pytest.raises(InputError, match=r"got dict, try render\(photo, depth, f_number=2\)"):
        render("photo.jpg", None, {"f_number": 2})


def test_options_of_deblurring_too():
    for given in ({"strength": "1"}, {"max_mem_mb": 0}, {"bfloat16": "no"}):
        with pytest.raises(InputError):
            DeblurOptions(**given)


def test_kinds_of_depth_are_those_of_depth_maps():
    assert typing.get_args(module.DepthKind) == KINDS


@pytest.fixture
def rgb():
    return np.random.default_rng(0).integers(0, 256, (12, 18, 3)).astype(np.uint8)


def test_file_objects_in_and_out(rgb):
    depth, photo, out = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(depth, np.full((12, 18), 2.0))
    depth.seek(0)
    write_photo(photo, rgb)
    result = render(photo, depth, depth_kind="metric", focus_m=2, highlights="off")
    assert result.settings.nearest_m == pytest.approx(2)
    assert result.save(out) is None
    assert np.array_equal(read_photo(out).pixels, rgb)


def test_memory_for_reading_is_what_max_mem_says(tmp_path):
    big, depth = tmp_path / "big.png", np.ones((300, 300), np.float32)
    write_photo(big, np.zeros((300, 300, 3), np.uint8))
    with pytest.raises(FileError, match="at most 1 MB"):
        render(big, depth, max_mem_mb=1)
    np.save(tmp_path / "d.npy", np.ones((600, 600), np.float32))
    with pytest.raises(FileError, match="at most 1 MB"):
        render(Photo(np.zeros((300, 300, 3), np.uint8)), tmp_path / "d.npy", max_mem_mb=1)

"""What Python hands over as a photo: every usual type, and one line for what isn't a photo."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from cocnet.errors import FileError, InputError
from cocnet.imaging import Photo, as_photo, read_photo


def test_floats_of_every_width_are_the_same_picture(rgb):
    exact = rgb / 255
    wanted = np.rint(exact * 65535)
    tensor = torch.from_numpy(exact).permute(2, 0, 1)
    for given, off in (
        (exact, 0),
        (exact.astype(np.float32), 0),
        (exact.astype(np.float16), 32),
        (tensor.half(), 32),
        (tensor.bfloat16(), 256),
        (np.ma.masked_array(exact, np.zeros(exact.shape, bool)), 0),
        (exact.astype(">f4"), 0),
    ):
        photo = as_photo(given)
        assert photo.pixels.dtype == np.uint16
        assert np.abs(photo.pixels - wanted).max() <= off


def test_whole_numbers_stay_as_they_are(rgb):
    assert np.array_equal(as_photo(rgb).pixels, rgb)
    wide = rgb.astype(np.uint16) * 257
    for given in (wide, wide.astype(">u2")):
        assert np.array_equal(as_photo(given).pixels, wide) and as_photo(given).pixels.dtype.isnative
    assert as_photo(same := Photo(rgb)) is same


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda rgb: rgb.astype(np.float32), "floats in 0..1, got 0 to 25"),
        (lambda rgb: torch.from_numpy(rgb.astype(np.float32)).permute(2, 0, 1), "floats in 0..1"),
        (lambda rgb: np.where(rgb == 0, np.nan, 0.5), "got NaN"),
        (lambda rgb: np.where(rgb == 0, np.inf, 0.5), "got 0.5 to inf"),
        (lambda rgb: rgb.astype(np.int64), "got int64"),
        (lambda rgb: rgb > 3, "got bool"),
        (lambda rgb: rgb[..., 0], "shape"),
        (lambda rgb: np.ma.masked_array(rgb, rgb > 250), "masked values"),
        (lambda rgb: object(), "got object of shape"),
        (lambda rgb: io.StringIO("text"), "opened for text"),
    ],
)
def test_what_is_no_photo_is_one_line(spoil, told, rgb):
    with pytest.raises(InputError, match=told) as caught:
        as_photo(spoil(rgb))
    assert "\n" not in str(caught.value)


def test_a_photo_is_checked_when_it_is_made(rgb):
    with pytest.raises(InputError, match="float64"):
        Photo(rgb / 255)
    with pytest.raises(InputError, match="shape"):
        replace(Photo(rgb), pixels=rgb[0])


def test_bytes_and_file_objects_are_the_file(rgb, make, tmp_path):
    data = make.encoded(rgb, "PNG")
    (tmp_path / "a.png").write_bytes(data)
    with (tmp_path / "a.png").open("rb") as stream:
        stream.read(3)
        for given in (data, bytearray(data), io.BytesIO(data), stream):
            assert np.array_equal(as_photo(given).pixels, rgb)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "I;16"])
def test_pillow_pictures_are_as_their_files(mode, rgb, tmp_path):
    wide = Image.fromarray(rgb[..., 0].astype(np.uint16) * 200)
    picture = wide if mode == "I;16" else Image.fromarray(rgb).convert(mode)
    picture.save(tmp_path / "a.tif")
    photo, read = as_photo(picture), read_photo(tmp_path / "a.tif")
    assert np.array_equal(photo.pixels, read.pixels) and photo.grey == read.grey
    assert (photo.alpha is None) == (read.alpha is None)


def test_a_pillow_pictures_profile_and_orientation_count(rgb, make, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    icc = make.icc([make.curv(2 * 256)] * 3)
    Image.fromarray(rgb).save(tmp_path / "a.png", exif=exif, icc_profile=icc)
    photo = as_photo(Image.open(tmp_path / "a.png"))
    assert np.array_equal(photo.pixels, np.rot90(rgb, -1)) and photo.icc == icc
    unsaved = Image.fromarray(rgb)
    unsaved.getexif()[0x0112] = 6
    assert np.array_equal(as_photo(unsaved).pixels, np.rot90(rgb, -1))


def test_a_pillow_picture_that_is_cut_is_damaged(rgb, make):
    data = make.encoded(rgb, "PNG")
    with pytest.raises(FileError, match="damaged"):
        as_photo(Image.open(io.BytesIO(data[:-40])))

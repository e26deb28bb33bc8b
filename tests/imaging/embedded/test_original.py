"""The sharp original of an Android portrait is rendered from; a second view of something else is not."""

import base64

import numpy as np
import pytest

from cocnet.errors import CocnetWarning
from cocnet.imaging.color.profile import of_code_points
from cocnet.imaging.photo.orientation import upright


@pytest.fixture
def pictures(make):
    """A blurred picture, the sharp one, and both as arrays."""
    sharp = np.random.default_rng(0).integers(0, 256, (18, 24, 3)).astype(np.uint8)
    blurred = np.full_like(sharp, 128)
    return make.encoded(blurred, "JPEG"), make.encoded(sharp, "PNG"), blurred, sharp


def gimage(xmp, picture):
    data = base64.b64encode(picture).decode()
    said = 'xmlns:GImage="http://ns.google.com/photos/1.0/image/" GImage:Mime="image/png" '
    return xmp.replace(
        b"<rdf:Description ",
        f'<rdf:Description {said}GImage:Data="{data}" '.encode(),
        1,
    )


def test_gimage_is_used(make, pictures, png, open_bytes):
    jpeg, original, _, sharp = pictures
    with pytest.warns(CocnetWarning, match="sharp original is used"):
        photo = open_bytes(make.with_xmp(jpeg, gimage(make.gdepth_xmp(png), original)))
    assert np.array_equal(photo.pixels, sharp) and photo.embedded_depth is not None


def test_the_original_of_a_container_is_used(make, pictures, png, open_bytes):
    jpeg, original, _, sharp = pictures
    items = [("Primary", 0, 0), ("Original", len(original), 0), ("Depth", len(png), 0)]
    with pytest.warns(CocnetWarning, match="sharp original is used"):
        photo = open_bytes(make.with_xmp(jpeg, make.container_xmp(items)) + original + png)
    assert np.array_equal(photo.pixels, sharp) and photo.embedded_depth is not None


@pytest.mark.parametrize("own", [True, False])
def test_it_is_in_its_own_profile_else_in_the_photos(make, pictures, png, open_bytes, own):
    *_, blurred, sharp = pictures
    wide, other = of_code_points(12, 13), of_code_points(9, 13)
    jpeg = make.encoded(blurred, "JPEG", icc_profile=wide)
    original = make.encoded(sharp, "PNG", **({"icc_profile": other} if own else {}))
    with pytest.warns(CocnetWarning, match="sharp original is used"):
        photo = open_bytes(make.with_xmp(jpeg, gimage(make.gdepth_xmp(png), original)))
    assert photo.icc == (other if own else wide)


@pytest.mark.parametrize("orientation", [3, 6])
def test_it_turns_with_the_photo(make, pictures, png, open_bytes, orientation):
    _, original, blurred, sharp = pictures
    exif = b"Exif\x00\x00" + make.exif([(0x0112, 3, [orientation])])
    jpeg = make.encoded(blurred, "JPEG", exif=exif)
    with pytest.warns(CocnetWarning, match="sharp original is used"):
        photo = open_bytes(make.with_xmp(jpeg, gimage(make.gdepth_xmp(png), original)))
    assert np.array_equal(photo.pixels, upright(sharp, orientation))


def test_one_of_another_size_or_damaged_is_named(make, pictures, png, open_bytes):
    jpeg, original, *_ = pictures
    other = make.encoded(np.zeros((12, 16, 3), np.uint8), "PNG")
    for broken, reason in (
        (other, "16 × 12 px, not 24 × 18"),
        (original[:200], "can't be used"),
        (b"GIF89a", "GIF"),
    ):
        with pytest.warns(CocnetWarning, match=reason):
            photo = open_bytes(make.with_xmp(jpeg, gimage(make.gdepth_xmp(png), broken)))
        assert np.ptp(photo.pixels) < 8 and photo.embedded_depth is not None


def test_another_view_is_left_alone(make, pictures, open_bytes):
    jpeg, original, *_ = pictures
    photo = open_bytes(make.with_xmp(jpeg, gimage(make.rdf("", ""), original)))
    assert np.ptp(photo.pixels) < 8

"""Pixels of a profile in sRGB: as Little CMS converts them; deep ones, too; sRGB itself stays."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from cocnet.imaging import Photo
from cocnet.imaging.color.profile import of_code_points
from cocnet.imaging.photo.in_srgb import in_srgb

LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
P3, BT2020 = of_code_points(12, 13), of_code_points(9, 13)
PIXELS = np.random.default_rng(0).integers(60, 200, (8, 9, 3)).astype(np.uint8)


@pytest.mark.parametrize("profile", [P3, BT2020])
def test_as_little_cms_converts(profile):
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    wanted = ImageCms.profileToProfile(Image.fromarray(PIXELS), source, ImageCms.createProfile("sRGB"))
    found = in_srgb(PIXELS, Photo(PIXELS, icc=profile))
    assert np.abs(found.astype(int) - np.asarray(wanted)).max() <= 2
    deep = in_srgb(PIXELS.astype(np.uint16) * 257, Photo(PIXELS, icc=profile))
    assert deep.dtype == np.uint16 and np.abs(deep / 257 - found).max() <= 1


@pytest.mark.parametrize("profile", [None, b"nothing", LAB])
def test_what_names_no_primaries_stays(profile):
    assert in_srgb(PIXELS, Photo(PIXELS, icc=profile)) is PIXELS


def test_srgb_stays():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.abs(in_srgb(PIXELS, Photo(PIXELS, icc=profile)).astype(int) - PIXELS).max() <= 1

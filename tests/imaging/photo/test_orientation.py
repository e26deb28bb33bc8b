import numpy as np
import pytest
from PIL import Image, ImageOps

from cocnet.imaging.photo.orientation import upright


@pytest.mark.parametrize("orientation", range(1, 9))
def test_agrees_with_pillow(orientation):
    stored = np.arange(15, dtype=np.uint8).reshape(3, 5)
    image = Image.fromarray(stored)
    image.getexif()[0x0112] = orientation
    assert np.array_equal(upright(stored, orientation), np.asarray(ImageOps.exif_transpose(image)))


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_unknown_values_change_nothing(orientation):
    stored = np.arange(12).reshape(2, 2, 3)
    assert np.array_equal(upright(stored, orientation), stored)

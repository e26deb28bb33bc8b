"""A JPEG in memory is the JPEG that a file would be."""

import numpy as np
import pytest

from cocnet.errors import InputError
from cocnet.imaging import read_photo, recompressed, write_photo


@pytest.mark.parametrize("quality", [55, 80, 95])
def test_it_is_what_a_file_would_be(tmp_path, quality):
    pixels = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
    write_photo(tmp_path / "a.jpg", pixels, quality=quality)
    assert np.array_equal(recompressed(pixels, quality), read_photo(tmp_path / "a.jpg").pixels)
    assert recompressed(pixels.transpose(1, 0, 2), quality).shape == (40, 24, 3)


def test_no_such_quality():
    with pytest.raises(InputError, match="quality of 1–100"):
        recompressed(np.zeros((8, 8, 3), np.uint8), 0)

"""A small JPEG, a depth picture of its aspect, and reading both back as a photo."""

import numpy as np
import pytest

from cocnet.imaging.photo.photo import read_photo


@pytest.fixture
def codes():
    """Depth codes [3 4], each another."""
    return np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


@pytest.fixture
def jpeg(make, rgb):
    """A 24 × 18 JPEG; depth of 4 × 3 has its aspect."""
    return make.encoded(np.vstack([rgb, rgb[:2]]), "JPEG")


@pytest.fixture
def png(make, codes):
    return make.encoded(codes, "PNG")


@pytest.fixture
def open_bytes(tmp_path):
    def read(data, name="phone.jpg"):
        (tmp_path / name).write_bytes(data)
        return read_photo(tmp_path / name)

    return read

"""Small data that several experiments run on."""

import numpy as np
import pytest

from cocnet.imaging import write_photo


@pytest.fixture
def photos(tmp_path):
    """Twenty photos with a bright square each, and their masks."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks", "bokeh"):
        (tmp_path / name).mkdir()
    for i in range(20):
        mask = np.zeros((48, 48), np.uint8)
        mask[14:34, 10 + i // 2 : 30 + i // 2] = 255
        photo = (np.where(mask[..., None] > 0, 200, 50) + rng.integers(0, 40, (48, 48, 3))).astype(np.uint8)
        write_photo(tmp_path / "images" / f"{i:02}.png", photo)
        write_photo(tmp_path / "masks" / f"{i:02}.png", mask[..., None].repeat(3, 2))
        write_photo(tmp_path / "bokeh" / f"{i:02}.png", photo // 2)
    return tmp_path

"""Photo files made on the spot, and those of the shared data."""

import pytest
from paths import SHARED
from picture_files import make, rgb

__all__ = ["livingroom", "make", "pug", "rgb"]


@pytest.fixture
def pug():
    path = SHARED / "data" / "phone" / "pug.heic"
    if not path.is_file():
        pytest.skip("the shared phone photo is not here")
    pytest.importorskip("pillow_heif")
    return path


@pytest.fixture
def livingroom():
    folder = SHARED / "data" / "livingroom"
    if not folder.is_dir():
        pytest.skip("the shared RGB-D frames are not here")
    return folder

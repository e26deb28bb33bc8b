"""A depth file belongs to one photo: that of its class, or the only one of its name."""

from pathlib import Path

import numpy as np
import pytest

from cocnet.errors import FileError
from cocnet.robustness.photo_depths import photo_depths

CAT, DOG, OTHER = Path("photos/cat/1.png"), Path("photos/dog/1.png"), Path("photos/dog/2.jpg")


@pytest.fixture
def folder(tmp_path):
    for name in ("1.npy", "2.npy", "cat/1.npy"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        np.save(tmp_path / name, np.zeros((2, 2), np.float32))
    return tmp_path


def test_a_class_comes_before_a_name(folder):
    found = photo_depths(folder, [CAT, DOG, OTHER])
    assert found.of(CAT) == folder / "cat" / "1.npy" and found.of(OTHER) == folder / "2.npy"


def test_a_name_that_several_classes_have_is_nobodys(folder):
    found = photo_depths(folder, [CAT, DOG, OTHER])
    with pytest.raises(
        FileError, match=r"for 'dog/1', got .*1\.npy', whose name photos of several folders have"
    ):
        found.of(DOG)
    assert photo_depths(folder, [DOG]).of(DOG) == folder / "1.npy"
    both = [Path("a/cat/1.png"), Path("b/cat/1.png")]
    with pytest.raises(FileError, match="several folders"):
        photo_depths(folder, both).of(both[0])


def test_two_formats_of_one_photo_have_its_depth(folder):
    found = photo_depths(folder, [OTHER, OTHER.with_suffix(".png")])
    assert found.of(OTHER) == folder / "2.npy"


def test_no_file_of_that_name(folder):
    with pytest.raises(FileError, match="a depth file for '3'"):
        photo_depths(folder, [Path("cat/3.png")]).of(Path("cat/3.png"))
    inner = folder / "cat"
    with pytest.raises(FileError, match="got none"):
        photo_depths(inner, [Path("../2.png")]).of(Path("../2.png"))

"""Names of photos, which come from tables and from runs' files, never leave the run's folder."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cocnet.errors import FileError
from cocnet.robustness.run_layout import RunLayout, load_plane, save_plane

LAYOUT = RunLayout(Path("run"))


@pytest.mark.parametrize("stem", ["../a", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "a\x00"])
def test_names_that_leave_their_folder(stem):
    for place in (LAYOUT.photo, LAYOUT.depth, LAYOUT.natural, lambda name: LAYOUT.picture("v", "m", name)):
        with pytest.raises(FileError, match="photo's name"):
            place(stem)


def test_other_names_stay_as_they_are():
    assert LAYOUT.photo("img 1.x") == Path("run/photos/img 1.x.png")
    assert LAYOUT.picture("../v", "m", "a").resolve().is_relative_to(Path("run/attacks").resolve())


def test_a_plane_is_one_map_of_floats(tmp_path):
    save_plane(tmp_path / "a.npy", torch.arange(6.0).reshape(1, 2, 3))
    assert torch.equal(load_plane(tmp_path / "a.npy"), torch.arange(6.0).reshape(1, 2, 3))
    for other in (np.zeros((1, 2, 3), np.float32), np.zeros((2, 3), np.int64)):
        np.save(tmp_path / "b.npy", other)
        with pytest.raises(FileError, match="expected a map of numbers"):
            load_plane(tmp_path / "b.npy")

"""Names of photos, which come from tables and from runs' files, never leave the run's folder."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cocnet.errors import FileError
from cocnet.robustness.run_layout import RunLayout, load_plane, own, save_plane

LAYOUT = RunLayout(Path("run"))


@pytest.mark.parametrize("stem", ["../a", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "a\x00"])
def test_names_that_leave_their_folder(stem):
    for place in (LAYOUT.photo, LAYOUT.depth, LAYOUT.natural, lambda name: LAYOUT.picture("v", "m", name)):
        with pytest.raises(FileError, match="photo's name"):
            place(stem)


def test_other_names_stay_as_they_are():
    assert LAYOUT.photo("img 1.x") == Path("run/photos/img 1.x.png")
    assert LAYOUT.picture("../v", "m", "a").resolve().is_relative_to(Path("run/attacks").resolve())


def test_names_that_are_cut_or_changed_share_no_folder():
    long = "on:" + "runs/" * 20
    names = [
        f"{long}weights-600.safetensors",
        f"{long}weights-720.safetensors",
        "on:a/b",
        "on:a_b",
        "..",
        ".",
    ]
    folders = [own(name) for name in names]
    assert len(set(folders)) == len(names) and max(map(len, folders)) < 100
    for name in folders:
        assert LAYOUT.attack(name, "m").resolve().is_relative_to(Path("run/attacks").resolve())
    for name in ("mobilenet_v2", "gda@8e-3", "sm-gda", "a.b+c", "x" * 80):
        assert own(name) == name


def test_a_plane_is_one_map_of_floats(tmp_path):
    save_plane(tmp_path / "a.npy", torch.arange(6.0).reshape(1, 2, 3))
    assert torch.equal(load_plane(tmp_path / "a.npy"), torch.arange(6.0).reshape(1, 2, 3))
    for other in (np.zeros((1, 2, 3), np.float32), np.zeros((2, 3), np.int64)):
        np.save(tmp_path / "b.npy", other)
        with pytest.raises(FileError, match="expected a map of numbers"):
            load_plane(tmp_path / "b.npy")

"""Ray-traced pairs as a dataset."""

import numpy as np
import pytest
import torch
from scenes import SCENES

from cocnet import ThinLens
from cocnet.datasets import ray_traced
from cocnet.errors import FileError


def test_a_scene():
    data = ray_traced(SCENES[0].parent)
    assert len(data) == len(SCENES) and data.names[0] == "scene_0000"
    image, bokeh, depth_m, lens, name = data[0]
    assert image.shape == bokeh.shape == (3, *depth_m.shape[1:]) and name == "scene_0000"
    assert image.dtype == depth_m.dtype == torch.float32 and isinstance(lens, ThinLens)
    assert bool((depth_m > 0).all()) and image.min() >= 0


def test_what_is_no_scene(tmp_path):
    with pytest.raises(FileError, match="got none"):
        ray_traced(tmp_path)
    np.savez(tmp_path / "a.npz", depth_m=np.ones((2, 2)))
    np.savez(tmp_path / "b.npz", lens=np.array([{}], dtype=object))
    (tmp_path / "c.npz").write_bytes(b"PK broken")
    for scene in range(3):
        with pytest.raises(FileError, match="ray-traced scene"):
            ray_traced(tmp_path)[scene]

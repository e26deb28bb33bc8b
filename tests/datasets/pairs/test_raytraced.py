"""Ray-traced pairs as a dataset."""

import numpy as np
import pytest
import torch
from scenes import SCENES

from cocnet import ThinLens
from cocnet.datasets import ray_traced
from cocnet.datasets.pairs.raytraced import CroppedScenes, Crops, cropped
from cocnet.datasets.pairs.view import Cut
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
    with pytest.raises(FileError, match=r"got 2 that aren't: b .*; c .*--skip-problems"):
        ray_traced(tmp_path)
    left = ray_traced(tmp_path, skip_problems=True)
    assert left.names == ("a",) and [problem.name for problem in left.problems] == ["b", "c"]
    with pytest.raises(FileError, match="ray-traced scene"):
        left[0]


def test_scenes_smaller_than_the_crop_are_named_at_once():
    with pytest.raises(FileError, match=r"scene_0000 \(\d+ × \d+, smaller than the crop of 4000 × 4000\)"):
        ray_traced(SCENES[0].parent, crop_px=4000)


def test_a_crop_keeps_the_blur_in_px():
    pair = ray_traced(SCENES[0].parent)[1]
    cut = Cut(20, 40, 64, 96, mirrored=False)
    part = cropped(pair, cut)
    assert torch.equal(part.bokeh, pair.bokeh[:, 20:84, 40:136])
    whole = pair.lens.coc_radius_px(1 / pair.depth_m, pair.image.shape[-1])
    assert torch.allclose(part.lens.coc_radius_px(1 / part.depth_m, 96), cut.of(whole), atol=1e-4)


def test_scenes_are_cropped_elsewhere_each_pass():
    scenes = ray_traced(SCENES[0].parent)
    crops = CroppedScenes(scenes, 64, seed=1)
    assert len(crops) == len(scenes) and crops[1].name == scenes.names[1]
    assert torch.equal(crops[1].image, crops[(0, 1)].image)
    assert crops[(3, 1)].image.shape == (3, 64, 64)
    assert not torch.equal(crops[(3, 1)].image, crops[1].image)


def test_crops_pass_over_all_scenes_and_are_always_the_same():
    scenes = ray_traced(SCENES[0].parent)
    crops = Crops(scenes, 64, seed=1)
    names = [crops[i].name for i in range(2 * len(scenes))]
    assert set(names[: len(scenes)]) == set(names[len(scenes) :]) == set(scenes.names)
    assert torch.equal(crops[3].image, Crops(scenes, 64, seed=1)[3].image)
    assert not torch.equal(crops[3].image, Crops(scenes, 64, seed=2)[3].image)
    assert crops[0].image.shape == (3, 64, 64)
    with pytest.raises(IndexError):
        crops[len(crops)]

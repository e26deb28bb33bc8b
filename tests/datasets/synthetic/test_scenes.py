"""Random scenes: the same one in every process, never the same twice, close to what the renderer makes of them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from paths import SHARED

from cocnet import PhysicalRenderer
from cocnet.datasets.subject.cutouts import SubjectSet, read_set
from cocnet.datasets.synthetic.parts import bars, cut_out, with_lights
from cocnet.datasets.synthetic.scenes import Scenes, SceneSettings
from cocnet.errors import InputError
from cocnet.imaging import linear_to_srgb

SMALL = SceneSettings(side_px=64, radius_px=(2.0, 8.0))
NIPS = SHARED / "data" / "nips2017"


def photos(count=6, side=64):
    """Smooth photos with a bright disc each, and its mask."""
    made = torch.Generator().manual_seed(4)
    rgb = torch.nn.functional.interpolate(
        torch.rand(count, 3, 7, 7, generator=made), (side, side), mode="bicubic"
    ).clamp(0, 1)
    at = torch.arange(side) + 0.5 - side / 2
    mask = (side / 4 + 0.5 - torch.hypot(at[:, None], at)).clamp(0, 1).expand(count, 1, -1, -1)
    planes = torch.cat([rgb * (1 - mask) + mask * 0.9, mask], 1)
    return SubjectSet((planes * 255).round().to(torch.uint8), tuple(str(i) for i in range(count)))


def sums(scenes, indexes):
    return [float(scenes[i].image.sum() + scenes[i].bokeh.sum()) for i in indexes]


def test_a_scene_follows_from_seed_and_index():
    one, again, other = (Scenes(photos(), SMALL, seed) for seed in (1, 1, 2))
    assert sums(one, (0, 5, 900_000)) == sums(again, (0, 5, 900_000))
    found = sums(one, range(6)) + sums(other, range(6))
    assert len(set(found)) == len(found)
    with pytest.raises(IndexError):
        one[1_000_000]


def test_another_process_makes_the_same_scene():
    here = Path(__file__).parent
    code = "from test_scenes import *; torch.set_num_threads(1); print(*sums(Scenes(photos(), SMALL, 3), (2, 9)))"
    paths = os.pathsep.join([str(here), *sys.path])
    out = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, check=True
    )
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    assert [float(x) for x in out.stdout.split()] == sums(Scenes(photos(), SMALL, 3), (2, 9))
    torch.set_num_threads(before)


def test_workers_of_a_loader_give_what_the_scenes_are():
    scenes = Scenes(photos(), SMALL, count=4)
    loader = torch.utils.data.DataLoader(scenes, batch_size=None, num_workers=2)
    for index, scene in enumerate(loader):
        again = scenes[index]
        assert scene.lens.f_number == again.lens.f_number
        assert torch.allclose(
            scene.bokeh, again.bokeh, rtol=1e-5, atol=1e-5
        )  # workers have one thread: other sums


@pytest.mark.parametrize("lens", ["random", "fixed"])
def test_scenes_are_pictures_with_depth_and_blur(lens):
    settings = SceneSettings(side_px=64, radius_px=(2.0, 8.0), lens=lens, slanted=1.0, lights=1.0)
    scenes = Scenes(photos(), settings)
    for index in range(8):
        scene = scenes[index]
        assert scene.image.shape == scene.bokeh.shape == (3, 64, 64) and scene.depth_m.shape == (1, 64, 64)
        assert bool((scene.depth_m > 0).all()) and float(scene.image.min()) >= 0
        radius = scene.lens.coc_radius_px(1 / scene.depth_m, 64)
        assert float(radius.abs().max()) <= 8.01
        if lens == "fixed":
            assert float(radius.abs().max()) > 3 and float(radius.min()) > -1e-3


def test_the_renderer_is_close():
    scores = []
    for index in range(12):
        scene = Scenes(photos(), SceneSettings(side_px=64, radius_px=(2.0, 8.0), lights=0), 5)[index]
        ours = PhysicalRenderer(scene.lens)(scene.image[None], scene.depth_m[None])[0]
        error = linear_to_srgb(ours.clamp(0, 1)) - linear_to_srgb(scene.bokeh.clamp(0, 1))
        scores.append(float(-10 * error.square().mean().log10()))
    assert np.median(scores) > 33


def test_parts():
    draw = np.random.default_rng(0)
    subject = cut_out(photos().planes[0], 80, draw)
    assert subject.shape == (4, 80, 80) and 0 < float(subject[3].mean()) < 0.9
    assert bool((subject[:3] <= subject[3] + 1e-6).all())
    lit = with_lights(torch.ones(4, 80, 80), draw)
    assert 5 < float(lit[0].max()) <= 80 and torch.equal(lit[3], torch.ones(80, 80))
    thin = bars(torch.ones(4, 80, 80), draw)
    assert 0 < float(thin[3].mean()) < 0.9 and float(thin[3].max()) <= 1


def test_what_cannot_be_is_said():
    with pytest.raises(InputError, match="an even side"):
        SceneSettings(side_px=31)
    empty = SubjectSet(torch.zeros(2, 4, 32, 32, dtype=torch.uint8), ("a", "b"))
    with pytest.raises(InputError, match="photos with a subject"):
        Scenes(empty)


@pytest.mark.skipif(not NIPS.is_dir(), reason="needs shared/data/nips2017, which isn't here")
def test_real_photos(tmp_path):
    for folder, suffix in (("train", "jpg"), ("train_masks", "png")):
        (tmp_path / folder).mkdir()
        names = sorted(path.stem for path in (NIPS / "train_masks").glob("*.png"))[:12]
        for name in names:
            (tmp_path / folder / f"{name}.{suffix}").symlink_to(NIPS / folder / f"{name}.{suffix}")
    scenes = Scenes(read_set(tmp_path / "train", tmp_path / "train_masks", 128), SMALL)
    scores = []
    for index in range(3):
        scene = scenes[index]
        ours = PhysicalRenderer(scene.lens)(scene.image[None], scene.depth_m[None])[0]
        error = linear_to_srgb(ours.clamp(0, 1)) - linear_to_srgb(scene.bokeh.clamp(0, 1))
        scores.append(float(-10 * error.square().mean().log10()))
    assert min(scores) > 23.5 and sum(scores) / 3 > 32.5

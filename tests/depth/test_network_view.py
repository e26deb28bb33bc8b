"""What the network that ships sees: disparity and mask of one run, its weights, its size."""

import os
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from cocnet.depth import network_view
from cocnet.depth.network_view import WEIGHTS, load_network, look_at
from cocnet.errors import FileError, InputError
from cocnet.networks.architectures.depth_subject_net import DepthSubjectNet, count_parameters


def photo(height=60, width=90, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


class Slope(torch.nn.Module):
    """Disparity grows to the right, from 5 to 7; the left half is the subject."""

    def __init__(self):
        super().__init__()
        self.calls, self.sizes = 0, []

    def forward(self, rgb):
        self.calls += 1
        self.sizes.append(tuple(rgb.shape[-2:]))
        slope = torch.linspace(0, 1, rgb.shape[-1]).expand(len(rgb), 1, *rgb.shape[-2:])
        mirrored = self.calls % 2 == 0
        slope = slope.flip(-1) if mirrored else slope
        return 20 * (0.5 - slope), 5 + 2 * slope


def test_what_ships_is_small():
    assert count_parameters(load_network()) < 4_000_000
    assert WEIGHTS.stat().st_size < 8_000_000


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (7, 5), (100, 300), (333, 250)])
def test_both_maps_are_in_range_for_every_shape(height, width):
    seen = look_at(photo(height, width))
    assert seen.disparity.shape == seen.mask.shape and seen.mask.shape[0] % 32 == 0
    assert seen.mask.size < 120_000 or min(height, width) < 10
    for plane in (seen.disparity, seen.mask):
        assert np.isfinite(plane).all() and plane.min() >= 0 and plane.max() <= 1


def test_two_views_agree_and_disparity_is_stretched():
    seen = look_at(photo(), Slope())
    assert seen.disparity[:, 0].max() < 0.02 and seen.disparity[:, -1].min() > 0.98
    assert np.allclose(seen.disparity, np.linspace(0, 1, seen.disparity.shape[1]), atol=0.03)
    assert (seen.mask[:, :100] > 0.9).all() and (seen.mask[:, -100:] < 0.1).all()


@pytest.mark.parametrize(
    ("height", "width", "seen", "shape"),
    [(60, 90, (256, 256), (224, 320)), (80, 60, (256, 256), (288, 224)), (60, 180, (192, 352), (160, 448))],
)
def test_the_network_sees_a_square_or_what_is_squeezed_by_half(height, width, seen, shape):
    network = Slope()
    assert look_at(photo(height, width), network).mask.shape == shape
    assert network.sizes[0] == seen


def test_the_network_runs_once_for_a_photo_and_again_for_another():
    network = Slope()
    first = look_at(photo(), network)
    first.mask[:] = 7
    assert network.calls == 2 and look_at(photo(), network).mask.max() <= 1 and network.calls == 2
    look_at(photo(seed=1), network)
    assert network.calls == 4


def test_a_network_whose_weights_change_is_asked_again():
    network = DepthSubjectNet("lite0").eval()
    before = look_at(photo(), network).mask
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if name in ("heads.0.bias", "depth.head.bias"):
                weights += 9
    assert look_at(photo(), network).mask.mean() > before.mean() + 0.1


def test_missing_weights_are_one_line(tmp_path, monkeypatch):
    path = tmp_path / "none.safetensors"
    with pytest.raises(FileError, match=r"try the depth_subject\.safetensors of"):
        load_network(path)
    monkeypatch.setattr(network_view, "WEIGHTS", path)
    with pytest.raises(FileError, match="try installing again"):
        load_network(path)


def test_weights_that_change_are_loaded_again(tmp_path):
    path = tmp_path / "mine.safetensors"
    shutil.copy(WEIGHTS, path)
    first = load_network(path)
    assert load_network(path) is first
    tensors = {name: torch.zeros_like(x) for name, x in load_file(path).items()}
    save_file(tensors, path)
    os.utime(path, ns=(1, 1))
    assert float(next(load_network(path).parameters()).abs().max()) == 0


def test_a_network_that_gives_no_numbers_is_an_error():
    network = DepthSubjectNet().eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.fill_(float("nan"))
    with pytest.raises(InputError, match="depth and subject, got NaN"):
        look_at(np.zeros((32, 32, 3), np.uint8), network)

"""Adapters of metric estimators on stand-ins with their packages' interfaces."""

import math

import numpy as np
import pytest
import torch

from cocnet.depth import estimate
from cocnet.depth.estimators.metric import DepthPro, MoGe
from cocnet.depth.estimators.rembg import Rembg

RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)


class Standing:
    """Remembers how it was asked."""

    def eval(self):
        return self

    def infer(self, image, **asked):
        self.image, self.asked = image, asked
        depth = torch.full((20, 30), 2.5)
        mask = torch.ones(20, 30, dtype=torch.bool)
        mask[:5] = False
        depth[:5] = torch.inf
        return {"depth": depth, "mask": mask}


@pytest.mark.parametrize("focal_px", [None, 40.0])
def test_depth_pro(focal_px):
    network = Standing()
    depth = estimate(DepthPro(network, lambda rgb: torch.from_numpy(rgb)), RGB, focal_px)
    assert depth.kind == "metric" and depth.values[10, 10] == 2.5
    assert depth.valid.all() and depth.inverse_depth()[0, 0] == pytest.approx(1e-4)
    assert network.asked["f_px"] == (None if focal_px is None else focal_px)
    assert ("its own guess" in depth.source) == (focal_px is None)


def test_rembg_makes_a_mask_and_depth_with_its_step_there():
    mask = np.zeros((20, 30), np.uint8)
    mask[5:15, 10:20] = 255
    rembg = Rembg(lambda rgb, only_mask: mask if only_mask else rgb)
    assert rembg.mask(RGB).max() == 1 and rembg.mask(RGB).dtype == np.float32
    depth = estimate(rembg, RGB)
    assert "rembg" in depth.source and depth.values.shape == (20, 30) and depth.span_m is not None


@pytest.mark.parametrize("focal_px", [None, 15.0])
def test_moge(focal_px):
    network = Standing()
    depth = estimate(MoGe(network), RGB, focal_px)
    assert depth.kind == "metric" and depth.values[10, 10] == 2.5
    assert depth.valid.all() and depth.inverse_depth()[0, 0] == pytest.approx(1e-4)
    assert network.image.shape == (3, 20, 30) and float(network.image.max()) <= 1
    angle = network.asked["fov_x"]
    assert angle is None if focal_px is None else angle == pytest.approx(math.degrees(math.pi / 2))

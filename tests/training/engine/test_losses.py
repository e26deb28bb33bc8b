"""Losses: known values, zero at the truth, halves of a batch average; VGG is asked for only where it counts."""

import math

import pytest
import torch

from cocnet.errors import FileError
from cocnet.metrics.image import ms_ssim, ssim
from cocnet.training.engine.losses import Loss, VGGFeatures, remaining, vgg_features
from cocnet.training.recipes.bokeh_recipes import RECIPES, BokehRecipe, BokehStage, LossWeights
from cocnet.training.recipes.recipe import shortened


def pictures(side=24, count=2):
    made = torch.Generator().manual_seed(0)
    return [torch.rand(count, 3, side, side, generator=made) for _ in range(2)]


def test_the_paper_s_loss():
    a, b = pictures()
    expected = (a - b).abs().mean() + 1 - ssim(a, b, "gaussian").mean()
    assert torch.allclose(Loss(LossWeights())(a, b), expected) and float(Loss(LossWeights())(a, a)) < 1e-6
    squared = Loss(LossWeights(l1=0.0, l2=1.0))(a, b)
    assert torch.allclose(squared, (a - b).square().mean() + 1 - ssim(a, b, "gaussian").mean())


def test_ms_ssim_alone():
    a, b = pictures(side=176, count=1)
    b = 0.5 * (a + b)
    weights = LossWeights(l1=0.0, ssim=0.0, ms_ssim=1.0)
    assert torch.allclose(Loss(weights)(a, b), 1 - ms_ssim(a, b).mean())


def test_what_remains_of_the_physical_picture_s_error():
    truth, noise = pictures()
    truth, noise = truth * 0.5, noise * 0.2
    physical = truth + noise
    assert float(remaining(physical, truth, physical)) == 0
    assert float(remaining(truth, truth, physical)) < -2
    decibels = 10 * float(remaining(truth + 0.5 * noise, truth, physical)) / torch.log(torch.tensor(10.0))
    assert float(decibels) == pytest.approx(-6.02, abs=0.1)


def test_squares_count_alike_however_good_they_are():
    truth, noise = pictures(side=64)
    noise = 0.2 * noise
    noise[..., :32] *= 0.1
    truth = truth * 0.5
    output = truth + torch.cat([2 * noise[..., :32], 0.5 * noise[..., 32:]], 3)
    physical = truth + noise
    whole = float(remaining(output, truth, physical))
    squares = float(remaining(output, truth, physical, square_px=32))
    assert whole == pytest.approx(math.log(0.145 / 0.505), abs=0.01)
    assert squares == pytest.approx(0.0, abs=0.05)


def test_squares_at_the_border_count_too():
    truth, noise = pictures(side=60)
    output = truth.clone()
    output[..., 32:, 32:] = 0
    assert (
        float(remaining(output, truth, truth + noise, 32))
        > float(remaining(truth, truth, truth + noise, 32)) + 1
    )


def test_lights_remain_as_psnr_sees_them():
    truth, _ = pictures()
    truth[0, :, :4, :4], truth[1, :, :4, :4] = 7.0, 0.9
    physical = truth.clamp(max=1.0).clone()
    physical[:, :, :4, :4] = 3.0
    output = physical.clone().requires_grad_()
    loss = remaining(output, truth, physical)
    loss.backward()
    assert bool((output.grad[0] == 0).all()) and bool((output.grad[1, :, :4, :4] > 0).all())


def test_halves_of_a_batch_average_and_gradients_flow():
    a, b = pictures(count=4)
    a.requires_grad_()
    loss = Loss(LossWeights(l2=0.5))
    whole = loss(a, b)
    assert torch.allclose(whole, (loss(a[:2], b[:2]) + loss(a[2:], b[2:])) / 2)
    whole.backward()
    assert bool(a.grad.isfinite().all()) and bool((a.grad != 0).any())


def test_the_perceptual_term():
    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.ReLU())
    loss = Loss(LossWeights(l1=0.0, ssim=0.0, vgg=0.1), VGGFeatures(layers))
    a, b = pictures()
    assert float(loss(a, a)) == 0 and float(loss(a, b)) > 0
    assert not any(p.requires_grad for p in loss.parameters()) and not loss.train().features.training


def test_vgg_without_the_network(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(FileError, match="VGG-19's weights"):
        vgg_features()


def test_recipes_say_what_they_are():
    for name, named in RECIPES.items():
        assert named.about and name and named.recipe.stages
    paper = BokehRecipe()
    assert len(paper.stages) == 1 and paper.start == "xavier" and paper.averaging == 0
    stage = paper.stages[0]
    assert (stage.batch, stage.learning_rate, stage.loss) == (2, 2e-4, LossWeights(l1=1.0, ssim=1.0))
    assert [stage.level for stage in RECIPES["pynet"].recipe.stages] == [5, 4, 3, 2, 1, 0, -1]
    short = shortened(BokehRecipe((BokehStage(steps=300), BokehStage(steps=100))), 40)
    assert [stage.steps for stage in short.stages] == [30, 10]

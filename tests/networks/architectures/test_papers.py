"""What is particular to one network: blurs, fusion weights, levels."""

import pytest
import torch

from cocnet import create_model
from cocnet.errors import DepthError, InputError
from cocnet.networks.architectures.dbsi import gaussian_blur
from cocnet.networks.architectures.mpfnet import disk_blur, fusion_loss, fusion_target, ssim_map


@pytest.fixture
def picture():
    return torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    ("blur", "moment"), [(lambda x: gaussian_blur(x, 9), 2 * 1.7**2), (lambda x: disk_blur(x, 6.0), 18)]
)
def test_a_blur_keeps_energy_and_has_its_width(blur, moment):
    point = torch.zeros(1, 2, 31, 31)
    point[0, :, 15, 15] = 1
    spot = blur(point)[0, 1]
    at = (torch.arange(31) - 15) ** 2
    assert float(spot.sum()) == pytest.approx(1, abs=1e-5)
    assert float((spot * (at[:, None] + at)).sum()) == pytest.approx(moment, rel=0.1)
    assert torch.allclose(blur(torch.full((1, 3, 5, 1), 0.3)), torch.tensor(0.3))


@torch.no_grad()
def test_dbsi_blends_within_the_range_of_the_picture(picture):
    out = create_model("dbsi", kernels=(5, 9)).eval()(picture)
    assert float(out.min()) >= float(picture.min()) - 1e-6 and float(out.max()) <= float(picture.max()) + 1e-6


@pytest.mark.parametrize("kernels", [(), (4,), (1,), (3.0,), (10**9 + 1,)])
def test_dbsi_refuses_kernels(kernels):
    with pytest.raises(InputError, match="odd kernels"):
        create_model("dbsi", kernels=kernels)


def test_mpfnet_refuses_radii():
    for radii in ((), (0,), (float("nan"),), (1e6,)):
        with pytest.raises(InputError, match="radii"):
            create_model("mpfnet", radii_px=radii)


def test_ssim_agrees_with_scikit_image(picture):
    metrics = pytest.importorskip("skimage.metrics")
    other = (picture + 0.2 * torch.rand_like(picture)).clamp(0, 1)
    _, expected = metrics.structural_similarity(
        picture[0].double().numpy(),
        other[0].double().numpy(),
        data_range=1.0,
        channel_axis=0,
        use_sample_covariance=False,
        full=True,
    )
    ours = ssim_map(picture.double(), other.double())[0, 0]
    expected = torch.as_tensor(expected).mean(0)
    assert torch.allclose(ours[3:-3, 3:-3], expected[3:-3, 3:-3], atol=1e-9)


def test_the_fusion_target_finds_the_blur_that_was_used(picture):
    left, right = picture, disk_blur(picture, 4.0)
    bokeh = torch.cat([left[..., :24], right[..., 24:]], -1)
    target = fusion_target(picture, bokeh, (2.0, 4.0))
    assert target.shape == (1, 3, 40, 48) and torch.allclose(target.sum(1), torch.ones(1, 40, 48))
    winner = target.argmax(1)[0]
    assert bool((winner[:, :18] == 0).all()) and float((winner[:, 30:] == 2).float().mean()) > 0.95


@torch.no_grad()
def test_the_fusion_loss_is_least_where_the_weights_agree(picture):
    model = create_model("mpfnet", radii_px=(2, 4)).eval()
    result, weights = model.scales(picture[..., :32, :])[0]
    assert result.shape == (1, 3, 32, 48) and torch.allclose(weights.sum(1), torch.ones(1, 32, 48))
    target = fusion_target(picture[..., :32, :], picture[..., :32, :], (2.0, 4.0))
    agreeing = torch.cat([0.5 * target, torch.full_like(target[:, :1], 0.5)], 1)
    least = float(fusion_loss(agreeing, target))
    assert least < float(fusion_loss(weights, target))
    assert least == pytest.approx(float(-(target * target.clamp(min=1e-12).log()).sum(1).mean()), abs=1e-3)


def test_pynet_gives_every_level_for_its_staged_training():
    model = create_model("pynet")
    image, depth = torch.rand(1, 3, 128, 128), torch.rand(1, 1, 128, 128)
    for level, side in {5: 2, 4: 4}.items():
        out = model.at_level(image, depth, level)
        assert out.shape == (1, 3, side, side)
    out.sum().backward()
    trained = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert "heads.4.weight" in trained and "heads.5.weight" not in trained
    assert not any(name.startswith(("levels.2.", "up0", "last")) for name in trained)
    with torch.no_grad():
        sides = [model.at_level(image, depth, level).shape[-1] for level in (3, 2, 1, 0, -1)]
    assert sides == [8, 16, 32, 64, 128]
    with pytest.raises(InputError, match="expected a level"):
        model.at_level(image, depth, 6)


@torch.no_grad()
def test_pynet_sees_the_depth():
    model = create_model("pynet").eval()
    image, depth = torch.rand(1, 3, 30, 20), torch.rand(1, 1, 30, 20)
    assert not torch.allclose(model(image, depth), model(image, 1 - depth), atol=1e-4)
    with pytest.raises(DepthError):
        model(image, depth.double())


@torch.no_grad()
def test_a_network_without_conditioning_ignores_depth(picture):
    model = create_model("dmshn").eval()
    assert torch.equal(model(picture), model(picture, torch.rand(1, 1, 2, 2)))


def test_mpfnet_has_gradients_after_it_ran_without():
    model, picture = create_model("mpfnet", radii_px=(3, 5)).eval(), torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        model(picture)
    model(picture.requires_grad_()).sum().backward()
    assert bool(picture.grad.any())

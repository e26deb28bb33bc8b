"""PSNR, SSIM and MS-SSIM against scikit-image and a plain NumPy version."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from cocnet.errors import InputError
from cocnet.metrics.image import SCALE_WEIGHTS, STRIP_ROWS, ms_ssim, psnr, run_sums, ssim

GAUSSIAN = {"gaussian_weights": True, "use_sample_covariance": False, "sigma": 1.5}


@pytest.fixture
def pair():
    """Two pictures [2 3 h w] in 0..1, float64, one the other with noise and less contrast."""
    random = np.random.default_rng(5)
    coarse = torch.from_numpy(random.random((2, 3, 6, 7)))
    a = torch.nn.functional.interpolate(coarse, (41, 53), mode="bicubic").clamp(0, 1)
    return a, (0.1 + 0.8 * a + 0.05 * torch.from_numpy(random.standard_normal(a.shape))).clamp(0, 1)


def array(picture):
    return picture.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("data_range", [1.0, 255.0])
@pytest.mark.parametrize("window, options", [("uniform", {}), ("gaussian", GAUSSIAN)])
def test_ssim_is_scikit_images(pair, window, options, data_range):
    a, b = (data_range * picture for picture in pair)
    truth = [
        structural_similarity(array(x), array(y), channel_axis=2, data_range=data_range, **options)
        for x, y in zip(a, b, strict=True)
    ]
    ours = ssim(a, b, window, data_range=data_range)
    assert ours.shape == (2,) and np.abs(ours.numpy() - truth).max() < 1e-6
    single = ssim(a.float(), b.float(), window, data_range=data_range)
    assert np.abs(single.numpy() - truth).max() < 1e-5


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_psnr_of_half_precision_is_computed_in_single(kind):
    a = torch.full((1, 3, 8, 8), 0.5, dtype=kind)
    b = a + 2**-8
    assert float(psnr(a, b)) == pytest.approx(float(psnr(a.double(), b.double())), abs=1e-4)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 16])
def test_sums_of_neighbours(size):
    x = torch.rand(1, 1, 20, 17, dtype=torch.float64)
    for axis in (2, 3):
        assert torch.allclose(run_sums(x, size, axis), x.unfold(axis, size, 1).sum(-1))


def test_ssim_of_more_rows_than_a_strip():
    random = np.random.default_rng(1)
    a, b = (torch.from_numpy(random.random((1, 3, 2 * STRIP_ROWS + 29, 24))) for _ in range(2))
    for window, options in (("uniform", {}), ("gaussian", GAUSSIAN)):
        expected = structural_similarity(array(a[0]), array(b[0]), channel_axis=2, data_range=1.0, **options)
        assert float(ssim(a, b, window)) == pytest.approx(expected, abs=1e-9)


def test_psnr_is_scikit_images(pair):
    truth = [peak_signal_noise_ratio(array(a), array(b), data_range=1) for a, b in zip(*pair, strict=True)]
    assert np.abs(psnr(*pair).numpy() - truth).max() < 1e-9


def plain_ms_ssim(a, b):
    """One channel [h w], 0..1, through SciPy."""

    def mean(x):
        return gaussian_filter(x, 1.5, truncate=3.5)[5:-5, 5:-5]

    score = 1.0
    for scale, weight in enumerate(SCALE_WEIGHTS):
        if scale:
            a, b = (x[: len(x) // 2 * 2, : x.shape[1] // 2 * 2] for x in (a, b))
            a, b = (x.reshape(len(x) // 2, 2, -1, 2).mean((1, 3)) for x in (a, b))
        ma, mb = mean(a), mean(b)
        variances = mean(a * a) - ma**2 + mean(b * b) - mb**2
        term = (2 * (mean(a * b) - ma * mb) + 9e-4) / (variances + 9e-4)
        if scale == 4:
            term = term * (2 * ma * mb + 1e-4) / (ma**2 + mb**2 + 1e-4)
        score *= term.mean() ** weight
    return score


def test_ms_ssim_is_the_plain_one(pair):
    a, b = (torch.nn.functional.interpolate(x[:1], (187, 179), mode="bilinear") for x in pair)
    truth = np.mean([plain_ms_ssim(x.numpy(), y.numpy()) for x, y in zip(a[0], b[0], strict=True)])
    assert ms_ssim(a, b).item() == pytest.approx(truth, abs=1e-9)
    assert ms_ssim(a, a).item() == pytest.approx(1, abs=1e-12)
    assert ms_ssim(a, 1 - a).isfinite().all()


def test_equal_pictures(pair):
    a, _ = pair
    assert psnr(a, a).isinf().all() and ssim(a, a).sub(1).abs().max() < 1e-12
    flat = torch.full((1, 3, 16, 16), 0.9)
    assert ssim(flat, flat).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "score", [psnr, ssim, lambda a, b: ssim(a, b, "gaussian"), lambda a, b: ssim(a, b, "uniform", 3)]
)
def test_gradients(score):
    random = torch.Generator().manual_seed(0)
    a, b = (torch.rand(1, 2, 12, 13, generator=random, dtype=torch.float64) for _ in range(2))
    assert torch.autograd.gradcheck(score, (a.requires_grad_(), b.requires_grad_()), fast_mode=True)


def test_gradient_of_ms_ssim():
    """By a finite difference in one direction: the whole Jacobian of 176² px is large."""
    random = torch.Generator().manual_seed(0)
    a = torch.rand(1, 1, 176, 176, generator=random, dtype=torch.float64)
    b = (a + 0.1 * torch.rand(a.shape, generator=random, dtype=torch.float64)).requires_grad_()
    ms_ssim(a, b).sum().backward()
    step = 1e-5 * torch.randn(b.shape, generator=random, dtype=torch.float64)
    with torch.no_grad():
        change = (ms_ssim(a, b + step) - ms_ssim(a, b - step)).item() / 2
    assert change == pytest.approx((b.grad * step).sum().item(), rel=1e-5)


@pytest.mark.parametrize(
    "call, expected",
    [
        (lambda x: ssim(x, x[..., 1:]), "one shape"),
        (lambda x: ssim(x[0], x[0]), r"\[b c h w\]"),
        (lambda x: ssim(x, x, "box"), "uniform or gaussian"),
        (lambda x: ssim(x, x, size=4), "odd"),
        (lambda x: ssim(x[..., :5], x[..., :5]), "at least 7 px"),
        (lambda x: ms_ssim(x, x), "at least 176 px"),
        (lambda x: psnr(x, x, 0), "data_range"),
        (lambda x: psnr((x * 255).byte(), (x * 255).byte()), "floats"),
    ],
)
def test_bad_input(call, expected):
    with pytest.raises(InputError, match=expected):
        call(torch.rand(1, 3, 20, 20))

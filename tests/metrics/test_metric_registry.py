"""Every registered measure: its direction, its value for equal pictures; what is missing is said."""

import sys
from pathlib import Path

import pytest
import torch

from cocnet.errors import FileError, InputError, MissingExtraError
from cocnet.metrics import LPIPS, flip, list_metrics, metric, psnr
from cocnet.metrics.metric_registry import register

METRICS = [
    ("psnr", "higher", float("inf")),
    ("ssim", "higher", 1),
    ("ssim-gaussian", "higher", 1),
    ("ms-ssim", "higher", 1),
    ("lpips", "lower", 0),
    ("lpips-vgg", "lower", 0),
    ("flip", "lower", 0),
]


BACKBONES = {"lpips": "alexnet*", "lpips-vgg": "vgg16*"}


def opened(name):
    """The metric, unless that would be a download of hundreds of megabytes."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    if name in BACKBONES and not any(folder.glob(BACKBONES[name] + ".pth")):
        pytest.skip(f"the backbone of {name} is a download, and isn't here yet")
    try:
        return metric(name).open()
    except MissingExtraError as error:
        pytest.skip(str(error))


def pictures(size=180):
    random = torch.Generator().manual_seed(1)
    coarse = torch.rand(2, 3, 9, 9, generator=random)
    a = torch.nn.functional.interpolate(coarse, (size, size), mode="bilinear")
    return a, torch.randn(a.shape, generator=random)


def test_all_have_a_row():
    assert [m.name for m in list_metrics()] == [name for name, *_ in METRICS]


@pytest.mark.parametrize("name, better, equal", METRICS, ids=[name for name, *_ in METRICS])
def test_direction_and_equal_pictures(name, better, equal):
    found = metric(name)
    assert found.better == better and found.about
    compare = opened(name)
    a, noise = pictures()
    same, little, much = (compare(a, (a + s * noise).clamp(0, 1)) for s in (0, 0.02, 0.2))
    assert same.shape == (2,) and same.tolist() == pytest.approx([equal] * 2, abs=1e-6)
    assert bool(((little > much) if better == "higher" else (little < much)).all())


def test_lpips_on_a_random_backbone():
    lpips = pytest.importorskip("lpips", reason="the extra metrics is not installed")
    torch.manual_seed(0)
    compare = LPIPS("squeeze", lpips.LPIPS(net="squeeze", pnet_rand=True, verbose=False))
    a, noise = pictures(64)
    b = (a + 0.1 * noise).clamp(0, 1).requires_grad_()
    score = compare(a, b)
    score.sum().backward()
    assert score.shape == (2,) and (score > 0).all() and b.grad.abs().max() > 0
    assert "SqueezeNet" in compare.about and "0.1" in compare.about


def test_lpips_offline_says_what_to_do(monkeypatch):
    lpips = pytest.importorskip("lpips", reason="the extra metrics is not installed")

    def unreachable(**_):
        raise OSError("Name or service not known")

    monkeypatch.setattr(lpips, "LPIPS", unreachable)
    with pytest.raises(FileError, match=r"AlexNet's weights.*offline.*flip and ssim"):
        LPIPS()


@pytest.mark.parametrize("package, call", [("lpips", LPIPS), ("flip_evaluator", lambda: flip(*pictures(32)))])
def test_a_missing_package_names_its_extra(package, call, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"cocnet\[metrics\]"):
        call()


def test_names():
    with pytest.raises(InputError, match="try ssim"):
        metric("sssim")
    with pytest.raises(InputError, match="again"):
        register("psnr", "higher", "")(lambda: psnr)
    with pytest.raises(InputError, match="backbone"):
        LPIPS("resnet")

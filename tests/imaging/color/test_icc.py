import numpy as np
import pytest
import torch
from PIL import ImageCms

from cocnet.imaging.color import icc as module
from cocnet.imaging.color.icc import color_space, transfer
from cocnet.imaging.color.srgb import srgb_to_linear

CODES = np.arange(256) / 255


def profiles(make):
    table = np.rint(65535 * np.linspace(0, 1, 1024) ** 2.2).astype(int)
    flat = np.concatenate([np.zeros(40, int), np.rint(np.linspace(0, 65535, 216)).astype(int)])
    srgb = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return {
        "none": None,
        "identity": make.icc([make.curv()] * 3),
        "gamma 2.2": make.icc([make.curv(round(2.2 * 256))] * 3),
        "table": make.icc([make.curv(*table)] * 3),
        "flat start": make.icc([make.curv(*flat)] * 3),
        "flat end": make.icc([make.curv(*np.minimum(2 * table, 65535))] * 3),
        "para 0": make.icc([make.para(0, 1.8)] * 3),
        "para 1": make.icc([make.para(1, 2.4, 0.95, 0.05)] * 3),
        "para 2": make.icc([make.para(2, 2.0, 0.9, 0.1, -0.01)] * 3),
        "para 3": make.icc([make.para(3, *srgb)] * 3),
        "para 4": make.icc([make.para(4, *srgb, 0.0, 0.0)] * 3),
        "three": make.icc([make.para(0, 1.8), make.para(0, 2.0), make.curv(563)]),
        "grey": make.icc([make.curv(round(1.8 * 256))], b"GRAY"),
    }


@pytest.mark.parametrize("bits", [8, 16])
def test_every_code_survives_every_curve(make, bits):
    codes = np.arange(1 << bits)
    for name, icc in profiles(make).items():
        tables = transfer(icc, bits)
        for c in range(3):
            assert np.all(np.diff(tables.decode[c]) > 0), name
            light = torch.from_numpy(tables.decode[c])
            assert np.array_equal(torch.bucketize(light, tables.bounds[c], right=True).numpy(), codes), name


def test_encoding_rounds_to_the_nearest_code(make):
    tables = transfer(make.icc([make.para(0, 2.0)] * 3), 8)
    display = np.random.default_rng(0).random(1000)
    codes = torch.bucketize(torch.from_numpy((display**2).astype(np.float32)), tables.bounds[0], right=True)
    assert np.abs(codes.numpy() - display * 255).max() < 0.5 + 1e-3


@pytest.mark.parametrize(
    ("name", "curve"),
    [
        ("identity", lambda x: x),
        ("gamma 2.2", lambda x: x ** (round(2.2 * 256) / 256)),
        ("table", lambda x: x**2.2),
        ("para 0", lambda x: x**1.8),
        ("para 1", lambda x: (0.95 * x + 0.05) ** 2.4),
        ("para 2", lambda x: np.clip((0.9 * x + 0.1) ** 2 - 0.01, 0, 1)),
        ("para 3", lambda x: srgb_to_linear(torch.from_numpy(x)).numpy()),
        ("grey", lambda x: x ** (round(1.8 * 256) / 256)),
    ],
)
def test_curves_match_their_formulas(make, name, curve):
    decoded = transfer(profiles(make)[name], 8).decode
    assert np.abs(decoded[1] - curve(CODES)).max() < 1e-4


def test_littlecms_srgb_profile_is_srgb():
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert color_space(icc) == "RGB"
    assert np.abs(transfer(icc, 8).decode[0] - transfer(None, 8).decode[0]).max() < 1e-4


def test_broken_profiles_fall_back_to_srgb(make):
    good = make.icc([make.curv(500)] * 3)
    falling = make.icc([make.curv(*range(1000, 0, -100))] * 3)
    for icc in (
        b"",
        b"x" * 500,
        good[:150],
        good.replace(b"curv", b"mft2"),
        falling,
        make.icc([make.curv(0)] * 3),
    ):
        assert np.array_equal(transfer(icc, 8).decode[0], transfer(None, 8).decode[0])


@pytest.mark.parametrize("bits", [8, 16])
def test_codes_are_the_bounds_that_light_has_reached(bits):
    tables = transfer(None, bits)
    bounds = tables.bounds[0]
    below, above = (torch.nextafter(bounds, torch.tensor(end)) for end in (-1.0, 2.0))
    ends = torch.tensor([-torch.inf, -1.0, -0.0, 0.0, 1.0, 2.0, torch.inf])
    light = torch.cat([bounds, below, above, ends, torch.linspace(-0.1, 1.1, 5000)])[None]
    assert (tables.encode(light, 0) == torch.bucketize(light, bounds, right=True)).all()


def test_a_curve_whose_steps_are_finer_than_the_cells_is_encoded_alike(monkeypatch):
    monkeypatch.setattr(module, "_CELLS", 16)
    srgb = transfer(None, 8)
    tables = module.Transfer(srgb.decode, srgb.bounds)
    light = torch.linspace(0, 1, 5000)[None]
    assert (tables.encode(light, 0) == torch.bucketize(light, tables.bounds[0], right=True)).all()

"""The same bokeh in albumentations' and kornia's pipelines."""

import numpy as np
import pytest
import torch

from cocnet.augment import CameraRanges, Depth, RandomBokeh
from cocnet.augment.adapters import for_albumentations, for_kornia
from cocnet.errors import InputError


@pytest.fixture
def photo():
    return torch.randint(0, 256, (3, 32, 32), generator=torch.Generator().manual_seed(1)).to(torch.uint8)


def test_albumentations(photo):
    albumentations = pytest.importorskip("albumentations")
    plane = np.full((32, 32), 0.1, np.float32)
    plane[8:24, 8:16] = 1.0
    bokeh = RandomBokeh(CameraRanges(f_number=(0.7, 0.7)), p=1.0, seed=2)
    flip = albumentations.HorizontalFlip(p=1.0)
    chain = albumentations.Compose([flip, for_albumentations(bokeh)], additional_targets={"depth": "mask"})
    found = chain(image=photo.permute(1, 2, 0).numpy(), depth=plane)
    wanted, _ = bokeh(photo.flip(2), Depth(plane[:, ::-1].copy()))
    assert np.array_equal(found["image"], wanted.permute(1, 2, 0).numpy())
    assert np.array_equal(found["depth"], plane[:, ::-1])


def test_albumentations_seed_repeats(photo):
    albumentations = pytest.importorskip("albumentations")
    bokeh = RandomBokeh(CameraRanges(focus="random"), p=1.0, depth="made-up")
    image = photo.permute(1, 2, 0).numpy()
    first, same, other = (
        albumentations.Compose([for_albumentations(bokeh)], seed=seed)(image=image)["image"]
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_the_graphics_card_keeps_its_random_numbers(photo, monkeypatch):
    albumentations = pytest.importorskip("albumentations")
    seeded: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    chain = albumentations.Compose([for_albumentations(RandomBokeh(p=1.0, depth="made-up"))])
    before = torch.get_rng_state()
    chain(image=photo.permute(1, 2, 0).numpy())
    assert not seeded and torch.equal(torch.get_rng_state(), before)


def test_kornia(photo):
    pytest.importorskip("kornia")
    bokeh = RandomBokeh(CameraRanges(f_number=(0.7, 0.7)), p=1.0, depth="made-up", seed=2)
    batch = torch.stack([photo, photo.flip(1)]) / 255
    assert torch.equal(for_kornia(bokeh)(batch), bokeh(batch))
    with pytest.raises(InputError, match="estimated"):
        for_kornia(RandomBokeh())

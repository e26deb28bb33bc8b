"""The same bokeh in albumentations' and kornia's pipelines."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

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


class Pictures(Dataset):
    """One picture, eight times, each by another camera."""

    def __init__(self, chain, image):
        self.chain, self.image = chain, image

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.from_numpy(self.chain(image=self.image)["image"])


def test_each_worker_and_epoch_of_albumentations_has_cameras_of_its_own(photo):
    albumentations = pytest.importorskip("albumentations")
    bokeh = RandomBokeh(CameraRanges(f_number=(0.7, 8), focus="random"), p=1.0, depth="made-up")
    chain = albumentations.Compose([for_albumentations(bokeh)], seed=5)
    loader: DataLoader = DataLoader(
        Pictures(chain, photo.permute(1, 2, 0).numpy()), num_workers=2, multiprocessing_context="fork"
    )
    torch.manual_seed(1)
    found = torch.cat([*loader, *loader])
    torch.manual_seed(1)
    assert len(found.flatten(1).unique(dim=0)) == 16 and torch.equal(torch.cat([*loader, *loader]), found)


def test_transforms_can_be_pickled_and_copied(photo):
    albumentations, _ = pytest.importorskip("albumentations"), pytest.importorskip("kornia")
    bokeh = RandomBokeh(CameraRanges(focus="random"), p=1.0, depth="made-up", seed=1)
    chain = albumentations.Compose([for_albumentations(bokeh)], seed=1)
    image, batch = photo.permute(1, 2, 0).numpy(), photo[None] / 255
    for again in (pickle.loads(pickle.dumps(chain)), copy.deepcopy(chain)):
        assert np.array_equal(again(image=image)["image"], chain(image=image)["image"])
    whole = for_kornia(bokeh)
    for again in (pickle.loads(pickle.dumps(whole)), copy.deepcopy(whole)):
        assert torch.equal(again(batch), whole(batch))


def test_grey_pictures_are_refused_in_one_line(photo):
    albumentations = pytest.importorskip("albumentations")
    chain = albumentations.Compose([for_albumentations(RandomBokeh(p=1.0, depth="made-up"))])
    with pytest.raises(InputError, match=r"\[h w 3\], got \[32, 32\]"):
        chain(image=photo[0].numpy())


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


def test_kornia_repeats_a_picture_by_its_parameters(photo):
    pytest.importorskip("kornia")
    transform = for_kornia(
        RandomBokeh(CameraRanges(f_number=(0.7, 8), focus="random"), p=1.0, depth="made-up")
    )
    batch = torch.stack([photo, photo.flip(1)]) / 255
    found = transform(batch)
    assert torch.equal(transform(batch, params=transform._params), found)
    assert not torch.equal(transform(batch), found)

"""Photos with masks: reading, splitting, and batches that follow from their number."""

import numpy as np
import pytest
import torch
from PIL import Image

from cocnet.datasets.subject.cutouts import Batches, read_cutouts, read_set
from cocnet.datasets.synthetic import augment
from cocnet.errors import FileError, InputError
from cocnet.imaging import write_photo


@pytest.fixture
def folders(tmp_path):
    """Twelve photos of 40 × 60 px: bright squares on dark, the last four without any."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for i in range(12):
        mask = np.zeros((40, 60), np.uint8)
        if i < 8:
            mask[10:30, 5 + 4 * i : 25 + 4 * i] = 255
        photo = np.where(mask[..., None] > 0, 200, 50) + rng.integers(0, 40, (40, 60, 3))
        write_photo(tmp_path / "images" / f"{i:02}.png", photo.astype(np.uint8))
        write_photo(tmp_path / "masks" / f"{i:02}.png", mask[..., None].repeat(3, 2))
    return tmp_path / "images", tmp_path / "masks"


def test_reading_and_splitting(folders):
    photos = read_set(*folders, side_px=64)
    assert photos.planes.shape == (12, 4, 64, 64) and photos.names[3] == "03"
    assert photos.share[:8] == pytest.approx(1 / 6, abs=0.02) and photos.share[8:].max() == 0
    train, held = photos.split(3, seed=1)
    assert len(train) == 9 and len(held) == 3 and not set(train.names) & set(held.names)
    assert photos.split(3, seed=1)[1].names == held.names
    with pytest.raises(InputError, match="11 held-out"):
        photos.split(12)


def test_what_cannot_be_read_is_said(folders, tmp_path):
    with pytest.raises(FileError, match="got none"):
        read_set(folders[0], tmp_path)
    write_photo(folders[1] / "00.png", np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(FileError, match="a mask of the photo's size"):
        read_set(*folders)


def test_a_batch_follows_from_its_number(folders):
    batches = Batches(read_set(*folders, side_px=64), size=6, sides_px=(64,), pasted=0.5)
    rgb, mask = batches(5)
    again = batches(5)
    assert torch.equal(rgb, again[0]) and torch.equal(mask, again[1])
    assert not torch.equal(rgb, batches(6)[0])
    assert rgb.shape == (6, 3, 64, 64) and mask.shape == (6, 1, 64, 64)
    assert (
        float(rgb.min()) >= 0 and float(rgb.max()) <= 1 and 0 <= float(mask.min()) <= float(mask.max()) <= 1
    )


def test_sizes_take_turns(folders):
    batches = Batches(read_set(*folders, side_px=64), size=2, sides_px=(32, 64, 96), pasted=1)
    assert [batches(number)[0].shape[-1] for number in range(4)] == [32, 64, 96, 32]


def test_one_photo_in_four_loses_a_box():
    grey = torch.full((200, 3, 40, 40), 0.5)
    erased = augment.erase(grey.clone(), torch.Generator().manual_seed(0))
    changed = (erased != grey).any(1).float().mean((1, 2))
    assert 0.15 < float((changed > 0).float().mean()) < 0.35
    assert float(changed.max()) <= 0.4**2 and 0 <= float(erased.min()) <= float(erased.max()) <= 1


def test_masks_stay_on_their_subjects(folders):
    rgb, mask = Batches(read_set(*folders, side_px=64), size=12, sides_px=(64,), pasted=0)(0)
    bright, inside = rgb.mean(1), mask[:, 0]
    for photo, subject in zip(bright, inside, strict=True):
        if 0.05 < float((subject > 0.9).float().mean()) < 0.9:
            assert float(photo[subject > 0.9].mean()) > float(photo[subject < 0.1].mean()) + 0.1


def test_cut_outs_of_another_folder_are_pasted_too(folders, tmp_path):
    (tmp_path / "things").mkdir()
    with pytest.raises(FileError, match="try another folder"):
        read_cutouts(tmp_path / "things")
    thing = np.zeros((20, 40, 4), np.uint8)
    thing[5:15, 8:32] = (250, 10, 10, 255)
    Image.fromarray(thing).save(tmp_path / "things" / "thing.png")
    things = read_cutouts(tmp_path / "things", side_px=64)
    assert things.planes.shape == (1, 4, 64, 64) and float(things.share[0]) == pytest.approx(0.15, abs=0.02)
    batches = Batches(read_set(*folders, side_px=64), size=8, sides_px=(64,), pasted=1, cutouts=things)
    rgb, mask = batches(0)
    reddish = (rgb[:, 0] - rgb[:, 1]) * mask[:, 0]
    assert int((reddish.flatten(1).max(1).values > 0.3).sum()) >= 2


def test_cut_outs_bring_no_rim_of_their_background():
    rgb, mask = torch.zeros(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    rgb[..., 8:24, 8:24], mask[..., 8:24, 8:24], mask[..., 7, 8:24] = 1, 1, 0.5
    own = augment.cut_out(rgb, mask)
    assert float(own[0, 0, 7, 12]) > 0.4 and float(own[0, 0, 16, 16]) == pytest.approx(1)

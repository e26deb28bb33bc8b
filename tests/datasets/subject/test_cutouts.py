"""Photos with masks: reading, splitting, and views that follow from their number."""

import numpy as np
import pytest
import torch
from PIL import Image

from cocnet.datasets.subject.cutouts import SubjectSet, SubjectViews, parted, read_cutouts, read_set
from cocnet.datasets.synthetic import augment
from cocnet.errors import CocnetWarning, FileError, InputError
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
    (folders[0] / "01.png").write_bytes(b"no picture")
    with pytest.raises(FileError, match=r"00 \(photo 60 × 40, mask 20 × 20\); 01 .*--skip-problems"):
        read_set(*folders)
    with pytest.warns(CocnetWarning, match="left out 2 of .*00 .*; 01 "):
        assert read_set(*folders, side_px=32, skip_problems=True).names == tuple(
            f"{i:02}" for i in range(2, 12)
        )
    for path in folders[0].iterdir():
        path.write_bytes(b"no picture")
    with pytest.warns(CocnetWarning, match="left out 12"), pytest.raises(FileError, match="got none"):
        read_set(*folders, skip_problems=True)


def stacked(views, turn=0):
    items = [views[turn, i] for i in range(len(views))]
    return (torch.stack([item[name] for item in items]) for name in ("image", "mask"))


def test_a_view_follows_from_seed_pass_and_index(folders):
    photos = read_set(*folders, side_px=64)
    views, other = SubjectViews(photos, 96), SubjectViews(photos, 96, seed=1)
    for index in range(len(views)):
        item = views[5, index]
        assert item["image"].shape == (3, 96, 96) and item["mask"].shape == (1, 96, 96)
        assert all(torch.equal(item[name], views[5, index][name]) for name in item)
        assert all(0 <= float(x.min()) <= float(x.max()) <= 1 for x in item.values())
        assert not torch.equal(item["image"], views[6, index]["image"])
        assert not torch.equal(item["image"], other[5, index]["image"])


def test_half_of_the_views_are_pasted(folders):
    photos = read_set(*folders, side_px=64)
    empty = range(8, 12)
    for part, least, most in ((0.0, 0, 0), (0.5, 20, 60), (1.0, 80, 80)):
        views = SubjectViews(photos, 32, pasted=part)
        found = sum(float(views[turn, i]["mask"].max()) > 0.5 for turn in range(20) for i in empty)
        assert least <= found <= most


def test_whole_views_show_nearly_all_of_the_subject(folders):
    photos = read_set(*folders, side_px=64)
    off = []
    for whole in (0.0, 1.0):
        views = SubjectViews(photos, 64, pasted=0, whole=whole)
        shares = [[float(views[turn, i]["mask"].mean()) for turn in range(8)] for i in range(8)]
        off.append((torch.tensor(shares) - photos.share[:8, None]).abs().mean())
    assert off[1] < 0.5 * off[0]


def test_one_photo_in_four_loses_a_box():
    grey = torch.full((200, 3, 40, 40), 0.5)
    erased = augment.erase(grey.clone(), torch.Generator().manual_seed(0))
    changed = (erased != grey).any(1).float().mean((1, 2))
    assert 0.15 < float((changed > 0).float().mean()) < 0.35
    assert float(changed.max()) <= 0.4**2 and 0 <= float(erased.min()) <= float(erased.max()) <= 1


def test_masks_stay_on_their_subjects(folders):
    rgb, mask = stacked(SubjectViews(read_set(*folders, side_px=64), 64, pasted=0))
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
    rgb, mask = stacked(SubjectViews(read_set(*folders, side_px=64), 64, pasted=1, cutouts=things))
    reddish = (rgb[:, 0] - rgb[:, 1]) * mask[:, 0]
    assert int((reddish.flatten(1).max(1).values > 0.3).sum()) >= 2


def test_cut_outs_bring_no_rim_of_their_background():
    rgb, mask = torch.zeros(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    rgb[..., 8:24, 8:24], mask[..., 8:24, 8:24], mask[..., 7, 8:24] = 1, 1, 0.5
    own = augment.cut_out(rgb, mask)
    assert float(own[0, 0, 7, 12]) > 0.4 and float(own[0, 0, 16, 16]) == pytest.approx(1)


def test_disparity_comes_along_where_a_file_has_it(folders, tmp_path):
    (tmp_path / "disparity").mkdir()
    slope = np.linspace(0, 65535, 60).astype(np.uint16)[None, :, None].repeat(40, 0).repeat(3, 2)
    for name in ("00", "01", "08"):
        write_photo(tmp_path / "disparity" / f"{name}.png", slope)
    photos = read_set(*folders, side_px=64, disparities=tmp_path / "disparity")
    assert photos.planes.shape == (12, 6, 64, 64)
    assert photos.planes[:, 5].float().mean((1, 2)).tolist() == [255.0 * (i in (0, 1, 8)) for i in range(12)]
    views = SubjectViews(photos, 64, pasted=0)
    item = views[0, 0]
    assert set(item) == {"image", "mask", "disparity", "known"} and item["known"].min() > 0.99
    across = item["disparity"][0].mean(0)
    assert float((across[40:] - across[:-40]).abs().mean()) > 0.2
    assert views[0, 5]["known"].max() == 0


def test_what_is_pasted_is_nearer(folders, tmp_path):
    (tmp_path / "disparity").mkdir()
    slope = np.linspace(0, 65535, 60).astype(np.uint16)[None, :, None].repeat(40, 0).repeat(3, 2)
    for i in range(12):
        write_photo(tmp_path / "disparity" / f"{i:02}.png", slope)
    views = SubjectViews(read_set(*folders, side_px=64, disparities=tmp_path / "disparity"), 64, pasted=1)
    for index in range(6):
        item = views[3, index]
        inside, outside = item["mask"] > 0.95, item["mask"] < 0.05
        if inside.any() and outside.any():
            assert float(item["disparity"][inside].max()) > 0.85 > float(item["disparity"][outside].max())


def test_photos_are_kept_back_where_there_are_enough():
    planes = torch.zeros(25, 4, 8, 8, dtype=torch.uint8)
    planes[:, 3, 2:6, 2:6] = 255
    names = tuple(map(str, range(25)))
    training, others, remark = parted(SubjectSet(planes, names))
    assert (len(training), len(others), remark) == (23, 2, "")
    assert not set(training.names) & set(others.names)
    few, same, remark = parted(SubjectSet(planes[:9], names[:9]))
    assert few is same and "the same photos" in remark
    planes[:, 3] = 0
    assert "the same photos" in parted(SubjectSet(planes, names))[2]

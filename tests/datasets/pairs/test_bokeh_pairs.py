"""Pairs from folders: what is read, what is refused, what chance decides."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cocnet.datasets import EBB, ImageBokehFolder, View
from cocnet.datasets.pairs.ebb import NUMBERS
from cocnet.datasets.pairs.open_pairs import PairFolder, open_pairs
from cocnet.datasets.pairs.sample import sample_of
from cocnet.errors import CocnetError, DepthError, FileError, InputError
from cocnet.imaging import write_photo


@pytest.fixture
def folder(pairs):
    """Opens three pairs with depth, 12 × 16 px."""
    for number, name in enumerate(["2", "10", "b"]):
        pairs.pair(name, number)
        pairs.depth(name)
    root = pairs.root
    return lambda **options: ImageBokehFolder(
        root / "original", root / "bokeh", depths=root / "depth", **options
    )


def test_an_item(folder):
    data = folder()
    assert data.names == ("2", "10", "b") and len(data) == 3
    image, bokeh, depth, name = data[1]
    assert name == "10" and image.shape == bokeh.shape == (3, 12, 16) and image.dtype == torch.float32
    assert (image * 255)[:, 5, 7].tolist() == pytest.approx([7, 5, 1])
    assert (bokeh - image).mul(255).sub(1).abs().max() < 1e-4
    assert depth.shape == (1, 12, 16)
    assert (depth[0, 0] - torch.linspace(1, 0, 16)).abs().max() < 1e-5


def test_all_parts_are_cut_alike(folder):
    data = folder(view=View(crop=(5, 6), mirror=True), seed=4)
    places = set()
    for epoch in range(20):
        image, bokeh, depth, _ = data[epoch, 0]
        columns = (image[0, 0] * 255).round().int().tolist()
        assert abs(columns[1] - columns[0]) == 1 and image.shape == (3, 5, 6)
        assert (bokeh - image).mul(255).sub(1).abs().max() < 1e-4
        assert (depth[0] - (1 - image[0] * 255 / 15)).abs().max() < 1e-4
        places.add((columns[0], columns[1] > columns[0], round(float(image[1, 0, 0]) * 255)))
    assert len(places) > 10 and {forward for _, forward, _ in places} == {True, False}


def test_chance_is_seed_epoch_and_index(folder):
    view = View(crop=(5, 6), mirror=True)
    one, same, other = (folder(view=view, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(one[3, i].image, same[3, i].image) for i in range(3))
    assert torch.equal(one[0].image, one[0, 0].image) and torch.equal(one[-1].image, one[2].image)
    assert any(not torch.equal(one[3, i].image, other[3, i].image) for i in range(3))
    assert any(not torch.equal(one[3, i].image, one[4, i].image) for i in range(3))


def test_resized_as_the_paper_does(folder):
    image, bokeh, depth, _ = folder(view=View(resize=(32, 32)))[0]
    assert image.shape == bokeh.shape == (3, 32, 32) and depth.shape == (1, 32, 32)
    assert image.min() >= 0 and float(image[0].mean()) * 255 == pytest.approx(7.5, abs=0.05)


def test_one_folder_with_endings(pairs):
    for name in ("00", "01"):
        pairs.photo(f"all/{name}_input.png")
        pairs.photo(f"all/{name}_sharp.png", blur=9)
    data = ImageBokehFolder(pairs.root / "all", endings=("_sharp", "_input"))
    assert data.names == ("00", "01") and data[0].depth is None
    assert float((data[0].image - data[0].bokeh).mean()) * 255 == pytest.approx(9, abs=1e-3)


@pytest.mark.parametrize("endings", [("", "_bokeh"), ("_bokeh", "")])
def test_one_of_the_endings_may_be_none(pairs, endings):
    for name in ("00", "01"):
        pairs.photo(f"all/{name}.png")
        pairs.photo(f"all/{name}_bokeh.png")
    data = ImageBokehFolder(pairs.root / "all", endings=endings)
    assert data.names == ("00", "01") and not data.problems
    assert data.files[0].image.stem == f"00{endings[0]}" and data.files[0].bokeh.stem == f"00{endings[1]}"


def test_problems_are_named_and_counted(pairs):
    for number in range(9):
        pairs.pair(str(number))
    pairs.pair("small", height=10)
    pairs.photo("bokeh/small.png", height=9)
    for number in range(7):
        (pairs.root / "original" / f"{number}.png").unlink()
    (pairs.root / "bokeh" / "8.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    pairs.photo("bokeh/7.webp")
    folders = pairs.root / "original", pairs.root / "bokeh"
    with pytest.raises(FileError, match=r"10 that aren't: .*; and 5 more") as caught:
        ImageBokehFolder(*folders)
    assert "no photo" in str(caught.value) and "2 files of that name" in str(caught.value)
    pairs.pair("good")
    data = ImageBokehFolder(*folders, skip_problems=True)
    assert data.names == ("good",)
    reasons = {problem.name: problem.reason for problem in data.problems}
    assert len(data.problems) == 10 and "photo 16 × 10, bokeh 16 × 9" in reasons["small"]
    assert "damaged" in reasons["8"]


def test_damage_behind_the_header_is_found_by_reading(folder, pairs):
    random = np.random.default_rng(0).integers(0, 255, (12, 16, 3)).astype(np.uint8)
    Image.fromarray(random).save(pairs.root / "bokeh" / "10.png")
    data = pairs.root / "bokeh" / "10.png"
    data.write_bytes(data.read_bytes()[:300])
    found = folder()
    with pytest.raises(FileError, match=r"10\.png"):
        found[found.names.index("10")]


def test_depth_of_another_shape_is_refused_and_of_another_size_isnt(folder, pairs):
    pairs.depth("2", 24, 32)
    assert folder()[0].depth.shape == (1, 12, 16)
    pairs.depth("2", 12, 12)
    with pytest.raises(DepthError, match=r"2\.npy.*aspect"):
        folder()[0]


def test_sideways_photos_fit(pairs):
    """A photo whose EXIF turns it has the size that it is read with."""
    pairs.pair("a")
    image = Image.open(pairs.root / "original" / "a.png").transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    (pairs.root / "original" / "a.png").unlink()
    image.save(pairs.root / "original" / "a.jpg", exif=exif)
    data = ImageBokehFolder(pairs.root / "original", pairs.root / "bokeh")
    assert data[0].image.shape == (3, 12, 16)


@pytest.mark.parametrize(
    "call, error, expected",
    [
        (lambda root: ImageBokehFolder(root), InputError, "two folders or two endings"),
        (lambda root: ImageBokehFolder(root / "no", root), FileError, "expected a folder"),
        (lambda root: ImageBokehFolder(root, root), FileError, "at least one pair"),
        (lambda root: EBB(root), FileError, "original/ and bokeh/"),
        (lambda root: EBB(root, "val"), InputError, "train, test, all"),
        (lambda root: View(crop=(0, 4)), InputError, "above 0"),
    ],
)
def test_bad_input(call, error, expected, tmp_path):
    with pytest.raises(error, match=expected):
        call(tmp_path)


def test_pictures_smaller_than_the_crop_are_named_by_their_headers(folder, pairs):
    pairs.pair("small", height=9)
    pairs.depth("small", 9, 16)
    crop = View(crop=(10, 10))
    with pytest.raises(
        FileError, match=r"small \(16 × 9, smaller than the crop of 10 × 10\).*--skip-problems"
    ):
        folder(view=crop)
    left = folder(view=crop, skip_problems=True)
    assert "small" not in left.names and [problem.name for problem in left.problems] == ["small"]
    assert set(left.sizes) == {(12, 16)}
    assert len(folder(view=View(resize=(20, 20), crop=(20, 20)))) == 4
    with pytest.raises(InputError, match="at least 20 × 20"):
        View(crop=(20, 20)).drawn(12, 16, np.random.default_rng(0))


def test_ebb_splits(pairs):
    for number in (*range(4390, 4694), 3):
        pairs.pair(str(number), number, height=4, width=6)
    test = EBB(pairs.root, "test")
    assert len(test) == 294 and test.names[0] == "4400" and test.names[-1] == "4693"
    assert "Val294" in test.about and float(test[293].image[2, 0, 0]) * 255 == pytest.approx(4693 % 256)
    with pytest.raises(FileError, match=r"4389 that aren't: 0 \(no photo and no bokeh\)"):
        EBB(pairs.root, "train")
    some = EBB(pairs.root, "train", skip_problems=True)
    assert some.names == ("3", *map(str, range(4390, 4400)))
    assert not set(NUMBERS["train"]) & set(NUMBERS["test"])
    (pairs.root / "bokeh" / "4500.png").unlink()
    with pytest.raises(CocnetError, match=r"1 that aren't: 4500 \(no bokeh\)"):
        EBB(pairs.root, "test")


def test_a_part_of_ebb_is_not_taken_for_the_whole(pairs):
    where = PairFolder(pairs.root, split="test", skip_problems=True)
    for number in (3, 4399):
        pairs.pair(str(number), number, height=4, width=6)
    part: Any = open_pairs(where)
    assert {"3", "4399"} <= set(part.names)
    pairs.pair("4400", 4400, height=4, width=6)
    part = open_pairs(where)
    assert part.names == ("4400",)
    with pytest.raises(FileError, match=r"293 that aren't: 4401"):
        open_pairs(replace(where, skip_problems=False))


def test_a_crops_nearness_is_that_of_its_photo(tmp_path):
    """What a crop's nearest thing is says nothing of the blur that it had."""
    for name in ("photos", "bokeh", "depth"):
        (tmp_path / name).mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (64, 256, 3)).astype(np.uint8)
    for name in ("photos", "bokeh"):
        write_photo(tmp_path / name / "a.png", pixels)
    np.save(tmp_path / "depth" / "a.npy", np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(64, 0))
    pairs = ImageBokehFolder(
        tmp_path / "photos",
        tmp_path / "bokeh",
        depths=tmp_path / "depth",
        depth_kind="relative_disparity",
        view=View(crop=(32, 32)),
    )
    pair = pairs[0]
    assert float(pair.depth.max() - pair.depth.min()) < 0.2
    assert torch.allclose(sample_of(pair).nearness[0], pair.depth, atol=1e-5)

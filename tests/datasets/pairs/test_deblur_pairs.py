"""DPDD as published and folders with endings, on files made here."""

import numpy as np
import pytest
import torch

from cocnet.datasets.pairs.deblur_pairs import deblur_folder, dpdd, open_deblur_pairs
from cocnet.datasets.pairs.view import View
from cocnet.errors import FileError, InputError
from cocnet.imaging import write_photo


def picture(seed, dtype=np.uint8):
    high = 256 if dtype == np.uint8 else 65536
    return np.random.default_rng(seed).integers(0, high, (12, 20, 3)).astype(dtype)


@pytest.fixture
def root(tmp_path):
    """Blurred and sharp photos have other names, as the camera counted; 2 comes before 10."""
    for split, dtype in (("train", np.uint8), ("test", np.uint16)):
        for number, (soft, sharp) in enumerate((("1P0A2", "1P0A3"), ("1P0A10", "1P0A11"))):
            for place, (folder, name) in enumerate(
                (("inputC", soft), ("target", sharp), ("inputL", soft), ("inputR", soft))
            ):
                path = tmp_path / "DPDD" / split / folder / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_photo(path, picture(10 * number + place, dtype))
    return tmp_path / "DPDD"


def planes(pixels):
    return torch.from_numpy(pixels.astype(np.float32) / np.iinfo(pixels.dtype).max).permute(2, 0, 1)


def test_pairs_come_in_the_order_of_their_names(root):
    pairs = dpdd(root, "train", views=True)
    assert pairs.names == ("1P0A2", "1P0A10") and len(pairs) == 2
    for number, pair in enumerate(pairs[i] for i in range(2)):
        expected = [planes(picture(10 * number + place)) for place in range(4)]
        assert torch.equal(pair.blurred, expected[0]) and torch.equal(pair.sharp, expected[1])
        assert torch.equal(pair.views, torch.stack(expected[2:]))


def test_where_names_are_the_same_they_decide(tmp_path):
    for folder, numbers in (("inputC", (1, 2, 3)), ("target", (2, 3, 4))):
        (tmp_path / "test" / folder).mkdir(parents=True)
        for number in numbers:
            write_photo(tmp_path / "test" / folder / f"{number}.png", picture(number))
    with pytest.raises(FileError, match=r"1 \(no target\); 4 \(no inputC\)"):
        dpdd(tmp_path)
    pairs = dpdd(tmp_path, skip_problems=True)
    assert pairs.names == ("2", "3") and len(pairs.problems) == 2
    assert all(torch.equal(pairs[i].blurred, pairs[i].sharp) for i in range(2))


def test_files_of_one_name_are_named_and_hidden_ones_are_none(root):
    folder = root / "train" / "inputC"
    (folder / "._1P0A2.png").write_bytes(b"of a finder")
    assert len(dpdd(root, "train")) == 2
    write_photo(folder / "1P0A10.jpg", picture(0))
    with pytest.raises(FileError, match=r"1P0A10 \(2 files of that name"):
        dpdd(root, "train", skip_problems=True)
    for name in ("2", "10"):
        (root / "train" / "target" / f"1P0A{int(name) + 1}.png").rename(
            root / "train" / "target" / f"1P0A{name}.png"
        )
    found = dpdd(root, "train", skip_problems=True)
    assert found.names == ("1P0A2",) and "2 files of that name" in found.problems[0].reason


def test_views_are_read_only_where_they_are_wanted(root):
    for path in (root / "train" / "inputL").iterdir():
        path.unlink()
    assert dpdd(root, "train")[0].views is None
    with pytest.raises(FileError, match=r"expected 2 pictures as in inputC, got 0 in .*inputL"):
        dpdd(root, "train", views=True)


def test_it_says_how_many_bits_and_can_round_them(root):
    assert dpdd(root, "train").about.endswith("(8 bit)")
    deep, rounded = dpdd(root, "test"), dpdd(root, "test", bits=8)
    assert deep.about.endswith("(16 bit)") and rounded.about.endswith("(16 bit, rounded to 8)")
    exact = planes(picture(0, np.uint16))
    assert torch.equal(deep[0].blurred, exact)
    assert torch.equal(rounded[0].blurred, torch.round(exact * 255) / 255)


def test_a_crop_is_the_same_place_in_all_and_another_each_pass(root):
    pairs = dpdd(root, "train", views=True, view=View(crop=(6, 6)))
    seen = [pairs[(turn, 0)] for turn in (0, 0, 1, 2, 3)]
    assert torch.equal(seen[0].blurred, seen[1].blurred)
    assert any(not torch.equal(seen[0].blurred, other.blurred) for other in seen[2:])
    whole = [planes(picture(place)) for place in range(4)]
    places = [
        (y, x)
        for y in range(7)
        for x in range(15)
        if torch.equal(whole[0][:, y : y + 6, x : x + 6], seen[0].blurred)
    ]
    ((y, x),) = places
    parts = (seen[0].sharp, *seen[0].views)
    assert all(
        torch.equal(w[:, y : y + 6, x : x + 6], part) for w, part in zip(whole[1:], parts, strict=True)
    )


def test_what_is_wrong_is_named(root, tmp_path):
    with pytest.raises(InputError, match="expected a split"):
        dpdd(root, "all")
    with pytest.raises(FileError, match="inputC and test/target"):
        dpdd(tmp_path, "test")


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("target/1P0A3.png", r"1P0A2 \(blurred 20 × 12, sharp 20 × 6, left 20 × 12, right 20 × 12\)"),
        ("inputR/1P0A2.png", r"1P0A2 \(blurred 20 × 12, sharp 20 × 12, left 20 × 12, right 20 × 6\)"),
    ],
)
def test_headers_are_looked_at_before_anything_is_read(root, broken, told):
    write_photo(root / "train" / broken, picture(0)[:6])
    (root / "train" / "inputC" / "1P0A10.png").write_bytes(b"no picture")
    with pytest.raises(FileError, match=rf"got 2 that aren't: {told}; 1P0A10 .*--skip-problems"):
        dpdd(root, "train", views=True)
    (root / "train" / "inputC" / "1P0A10.png").write_bytes(
        (root / "train" / "inputL" / "1P0A10.png").read_bytes()
    )
    left = dpdd(root, "train", views=True, skip_problems=True)
    assert left.names == ("1P0A10",) and [problem.name for problem in left.problems] == ["1P0A2"]
    assert left.about.endswith("(8 bit, 1 left out)")


def test_pairs_smaller_than_the_crop_are_named(root):
    with pytest.raises(FileError, match=r"1P0A2 \(20 × 12, smaller than the crop of 16 × 16\)"):
        dpdd(root, "train", view=View(crop=(16, 16)))
    assert len(dpdd(root, "train", view=View(resize=(16, 16), crop=(16, 16)))) == 2
    with pytest.raises(FileError, match="at least one pair"):
        dpdd(root, "train", view=View(crop=(16, 16)), skip_problems=True)


def test_a_folder_with_endings(root, tmp_path):
    for name in ("00_input", "00_sharp", "01_input"):
        write_photo(tmp_path / f"{name}.png", picture(len(name)))
    with pytest.raises(FileError, match=r"got 1 that aren't: 01 \(no sharp photo\)"):
        deblur_folder(tmp_path)
    assert open_deblur_pairs(tmp_path, skip_problems=True).names == ("00",)
    (tmp_path / "01_input.png").unlink()
    assert open_deblur_pairs(tmp_path).names == ("00",) and len(open_deblur_pairs(root)) == 2

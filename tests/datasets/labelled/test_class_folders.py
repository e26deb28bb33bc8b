"""Labelled photos: both tables of the competition, folders of classes; sizes; what is wrong is named, or left out."""

import json

import numpy as np
import pytest
import torch
from paths import SHARED
from PIL import Image
from torchvision.models import get_model_weights

from cocnet.datasets import LabelledFolder, NeurIPS2017
from cocnet.datasets.labelled.imagenet import imagenet_numbers, wordnet_id
from cocnet.datasets.labelled.nips2017 import TableColumns
from cocnet.errors import FileError, InputError


def table(root, columns, *rows):
    root.mkdir(exist_ok=True)
    lines = [",".join(columns), *(",".join(str(value) for value in row) for row in rows)]
    (root / "images.csv").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def ours(pairs):
    """Three photos, one of another split."""
    for name in ("eval/a", "eval/b", "train/c"):
        pairs.photo(f"{name}.png", height=40, width=40)
    rows = [("eval", "a.png", 5, 7), ("eval", "b.png", 0, ""), ("train", "c.png", 999, 1)]
    table(pairs.root, ("split", "file", "label", "target"), *rows)
    return pairs


def test_our_table_counts_from_zero(ours):
    found = NeurIPS2017(ours.root)
    assert [(p.name, p.label, p.target) for p in (found[0], found[1])] == [("a", 5, 7), ("b", 0, None)]
    assert found.labels == (5, 0) and found[0].path == ours.root / "eval" / "a.png"
    assert NeurIPS2017(ours.root, "train").labels == (999,)
    with pytest.raises(InputError, match="expected a split of eval, train, got 'test'"):
        NeurIPS2017(ours.root, "test")


@pytest.mark.parametrize("place", [".", "images"])
def test_the_competitions_table_counts_from_one(pairs, place):
    pairs.photo(f"{place}/x1.png", height=40, width=40)
    rows = ("ImageId", "URL", "TrueLabel", "TargetClass"), ("x1", "http://x", 306, 779)
    table(pairs.root, *rows)
    found = NeurIPS2017(pairs.root)
    assert (found[0].label, found[0].target, found[0].name) == (305, 778, "x1")
    with pytest.raises(InputError, match="try no split"):
        NeurIPS2017(pairs.root, "eval")


def test_problems_are_counted_or_left_out(ours):
    ours.photo("eval/d.png", height=40, width=40)
    rows = [
        ("a.png", 5),
        ("b.png", 1000),
        ("gone.png", 1),
        ("none.png", "cat"),
    ]
    table(ours.root, ("split", "file", "label"), *(("eval", *row) for row in rows))
    with pytest.raises(FileError, match=r"expected labelled photos .* got 4 that aren't: .*cat"):
        NeurIPS2017(ours.root)
    found = NeurIPS2017(ours.root, skip_problems=True)
    reasons = {problem.name: problem.reason for problem in found.problems}
    assert found.labels == (5,)
    assert reasons["b"] == "label 1000 is not in 0..999" and "no file" in reasons["gone"]
    assert "line 5" in reasons["none.png"] and reasons["d.png"] == "no label"


def test_a_broken_photo_is_named_and_a_run_goes_on(ours):
    (ours.root / "eval" / "b.png").write_bytes((ours.root / "eval" / "b.png").read_bytes()[:60])
    found = NeurIPS2017(ours.root)
    read = [found.read(i) for i in range(2)]
    assert read[0].label == 5 and read[1].name == "b" and "b.png" in read[1].reason
    with pytest.raises(FileError, match=r"b\.png"):
        found[1]


@pytest.mark.parametrize(("height", "width"), [(20, 40), (40, 400)])
def test_sizes_that_show_nothing(pairs, height, width):
    pairs.photo("0/a.png", height=height, width=width)
    with pytest.raises(FileError, match=f"of {width} × {height}"):
        LabelledFolder(pairs.root)[0]
    with pytest.raises(InputError, match="size_px of 32"):
        LabelledFolder(pairs.root, size_px=16)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 100), (150, 64)])
def test_the_middle_is_kept(pairs, height, width):
    """Red says the column, green the row: after halving, pixel i of the middle saw 2i + 0.5 and its neighbours."""
    pairs.photo("0/a.png", height=height, width=width)
    photo = LabelledFolder(pairs.root, size_px=32)[0]
    assert photo.image.shape == (3, 32, 32) and photo.image.dtype == torch.float32
    middle = photo.image[:2, 15:17, 15:17].mean((1, 2)) * 255
    assert middle.tolist() == pytest.approx([(width - 1) / 2, (height - 1) / 2], abs=1.01)


def test_a_photo_of_the_right_size_is_the_files(pairs):
    path = pairs.photo("0/a.png", height=32, width=32)
    photo = LabelledFolder(pairs.root, size_px=32)[0]
    assert np.array_equal((photo.image * 255).round().byte().permute(1, 2, 0), np.array(Image.open(path)))


def folder(pairs, *classes):
    for number, name in enumerate(classes):
        pairs.photo(f"{name}/p{number}.png", height=32, width=32)
    return pairs.root


def test_numbered_folders(pairs):
    found = LabelledFolder(folder(pairs, "281", "7"))
    assert found.labels == (7, 281) and [file.name for file in found.files] == ["7/p1.png", "281/p0.png"]
    with pytest.raises(FileError, match=r"label 281 is not in 0\.\.9"):
        LabelledFolder(pairs.root, classes=10)


def test_numbered_folders_may_begin_at_one(pairs):
    found = LabelledFolder(folder(pairs, "1", "2"), first_class=1)
    assert found.labels[0] == 0 and found.numbering == "the folders' own numbers, from 1"
    assert found.labels[-1] == 1
    (pairs.root / "classes.json").write_text('["1", "2"]')
    with pytest.raises(InputError, match=r"named by numbers for first_class 1, got .* by classes\.json"):
        LabelledFolder(pairs.root, first_class=1)


def test_named_folders_by_order_names_and_file(pairs):
    root = folder(pairs, "dog", "cat")
    assert (
        LabelledFolder(root).labels == (0, 1)
        and LabelledFolder(root).numbering == "the folders in sorted order"
    )
    assert LabelledFolder(root, ["bird", "dog", "cat"]).labels == (2, 1)
    (root / "classes.json").write_text(json.dumps({"dog": 4, "cat": 9}))
    assert LabelledFolder(root).labels == (9, 4)
    (root / "classes.json").write_text(json.dumps(["dog"]))
    with pytest.raises(FileError, match=r"cat \(no such class in classes\.json\)"):
        LabelledFolder(root)
    (root / "classes.json").write_text("{")
    with pytest.raises(FileError, match="expected class names"):
        LabelledFolder(root)


def test_every_format_is_read_and_a_class_without_photos_is_named(pairs):
    root = folder(pairs, "cat", "dog")
    for suffix in ("bmp", "ppm", "avif"):
        Image.new("RGB", (32, 32)).save(root / "dog" / f"more.{suffix}")
    assert LabelledFolder(root, size_px=32).labels == (0, 1, 1, 1, 1)
    pairs.photo("eel/below/p.png", height=32, width=32)
    with pytest.raises(FileError, match=r"eel \(no photo in it; folders below"):
        LabelledFolder(root)
    assert LabelledFolder(root, skip_problems=True).labels == (0, 1, 1, 1, 1)


def test_wordnet_ids_are_imagenets_classes(pairs):
    root = folder(pairs, "n02123045", "n01440764", "n15075141")
    found = LabelledFolder(root)
    assert found.labels == (0, 281, 999) and found.classes == 1000
    assert found.numbering == "the folders' WordNet ids, in ImageNet's order"
    assert LabelledFolder(root, classes=1000).labels == (0, 281, 999)
    three = LabelledFolder(root, classes=3)
    assert three.labels == (0, 1, 2) and three.numbering == "the folders in sorted order"
    with pytest.raises(FileError, match=r"among 7 classes .* try classes\.json"):
        LabelledFolder(root, classes=7)
    pairs.photo("n00000001/p.png", height=32, width=32)
    with pytest.raises(FileError, match="no such class in the folders' WordNet ids"):
        LabelledFolder(root)
    assert LabelledFolder(root, skip_problems=True).labels == (0, 281, 999)


def test_photos_may_begin_with_their_wordnet_id(pairs):
    for name in ("n02123045_tabby.png", "n01440764_12.png"):
        pairs.photo(name, height=32, width=32)
    found = LabelledFolder(pairs.root)
    assert found.labels == (0, 281) and found.numbering.startswith("the photos' WordNet ids")
    pairs.photo("other.png", height=32, width=32)
    with pytest.raises(FileError, match="a folder for each class"):
        LabelledFolder(pairs.root)


def test_names_whose_number_can_not_be_known_are_refused(pairs):
    root = folder(pairs, "cat", "dog")
    with pytest.raises(FileError, match=r"among 1000 classes .* got 2 named cat, dog, try classes\.json"):
        LabelledFolder(root, classes=1000)
    (root / "classes.json").write_text(json.dumps({"cat": 281, "dog": 207}))
    found = LabelledFolder(root, classes=1000)
    assert found.labels == (281, 207) and found.numbering == "classes.json"


def test_imagenets_table():
    numbers = imagenet_numbers()
    assert list(numbers) == sorted(numbers) and len(numbers) == 1000
    assert numbers["n01440764"] == 0 and numbers["n02123045"] == 281 and numbers["n15075141"] == 999
    assert wordnet_id("n01440764_tench.jpg") == "n01440764"
    assert wordnet_id("n014407645") is None and wordnet_id("tench") is None


def test_imagenets_table_is_torchvisions_order():
    """Names of the files beside their ids: n01440764_tench is class "tench" of torchvision."""
    photos = SHARED / "data" / "samples1000"
    if not photos.is_dir():
        pytest.skip("the samples of ImageNet's classes are not there")
    names = get_model_weights("mobilenet_v2").DEFAULT.meta["categories"]
    found = LabelledFolder(photos)
    assert len(found) == 1000 and sorted(found.labels) == list(range(1000))

    def plain(text):
        return "".join(letter for letter in text.lower() if letter.isalpha())

    alike = [plain(file.path.stem[10:]) == plain(names[file.label]) for file in found.files]
    assert sum(alike) > 900


def test_tables_of_other_columns(pairs):
    for name in ("a", "b"):
        pairs.photo(f"images/{name}.png", height=40, width=40)
    table(pairs.root, ("photo", "kind"), ("a.png", 6), ("b", 1))
    found = NeurIPS2017(pairs.root, columns=TableColumns("photo", "kind", first_class=1))
    assert found.labels == (5, 0) and found.numbering == "'kind' in images.csv, counted from 1"
    table(pairs.root, ("photo", "kind"), ("a.png", "n02123045"), ("b.png", "n00000001"))
    found = NeurIPS2017(pairs.root, columns=TableColumns("photo", "kind"), skip_problems=True)
    assert found.labels == (281,) and found.numbering.endswith("WordNet ids, in ImageNet's order")
    assert "a whole number or WordNet id" in found.problems[0].reason
    with pytest.raises(FileError, match="numbers of 10 classes"):
        NeurIPS2017(pairs.root, columns=TableColumns("photo", "kind"), classes=10, skip_problems=True)
    with pytest.raises(FileError, match="expected columns photo, class in"):
        NeurIPS2017(pairs.root, columns=TableColumns("photo", "class"))
    with pytest.raises(InputError, match="first class of 0 or 1"):
        TableColumns("photo", "kind", first_class=2)


def test_what_is_no_dataset(pairs):
    with pytest.raises(FileError, match="expected a folder for each class"):
        LabelledFolder(pairs.root)
    with pytest.raises(FileError, match=r"expected images\.csv"):
        NeurIPS2017(pairs.root)
    with pytest.raises(FileError, match="expected a folder"):
        NeurIPS2017(pairs.root / "none")
    table(pairs.root, ("name", "class"), ("a", 1))
    with pytest.raises(
        FileError, match=r"expected columns file, label or ImageId, TrueLabel .* got name, class"
    ):
        NeurIPS2017(pairs.root)
    table(pairs.root, ("file", "label"))
    with pytest.raises(FileError, match="got none"):
        NeurIPS2017(pairs.root)


@pytest.mark.parametrize(
    "name", ["../../secret.png", "/etc/passwd", "eval/../../x.png", "a\x00.png", "x" * 5000, "\u0663.png"]
)
def test_a_tables_names_never_leave_its_folder(name, pairs):
    pairs.photo("eval/good.png", height=40, width=40)
    for rows in (
        (("split", "file", "label"), ("eval", "good.png", 3), ("eval", name, 3)),
        (("split", "file", "label"), ("eval", "good.png", 3), (f"../{name}"[:90], "good.png", 3)),
        (("ImageId", "TrueLabel"), ("eval/good", 4), (name, 4)),
    ):
        table(pairs.root, *rows)
        found = NeurIPS2017(pairs.root, skip_problems=True)
        assert [file.path for file in found.files] == [pairs.root / "eval" / "good.png"]


def test_a_table_that_is_none_is_one_line(pairs):
    for data in (b"split,file,label\n\x00\xff", b"a" * 200_000 + b",b\n1,2\n", b'"' + b"x" * 200_000):
        (pairs.root / "images.csv").write_bytes(data)
        with pytest.raises(FileError) as caught:
            NeurIPS2017(pairs.root)
        assert len(str(caught.value)) < 1000 and "\n" not in str(caught.value)


@pytest.mark.parametrize("label", ["٣", "1_0", "1e3", "", "9" * 5000, "0x1"])
def test_a_label_is_a_whole_number_in_digits(label, pairs):
    pairs.photo("eval/good.png", height=40, width=40)
    pairs.photo("eval/a.png", height=40, width=40)
    table(pairs.root, ("split", "file", "label"), ("eval", "good.png", 3), ("eval", "a.png", label))
    assert NeurIPS2017(pairs.root, skip_problems=True).labels == (3,)

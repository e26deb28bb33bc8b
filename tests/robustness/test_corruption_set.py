"""A set of bokeh corruptions: its layout, its going on, and what classifiers make of it."""

import html
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from victims import labelled, open_tiny, photo

from cocnet.apps.cli.main import main
from cocnet.augment.corruptions import CONTROL, CORRUPTIONS
from cocnet.errors import FileError, InputError
from cocnet.files.shards import Part, samples, write_shard
from cocnet.imaging import read_photo, write_photo
from cocnet.robustness import corruption_set
from cocnet.robustness.corruption_scores import run_corruption_scores
from cocnet.robustness.corruption_set import run_corruption
from cocnet.robustness.corruption_settings import CorruptionEvaluation, CorruptionRun
from cocnet.robustness.corruption_sources import SourcePhoto, file_names

NAMES = ("near_focus", "cat_eye", CONTROL)


@pytest.fixture
def depths(tmp_path):
    """Depth files of the photos, so that nothing is estimated: a near square before far ground."""
    folder = tmp_path / "depths"
    folder.mkdir()
    plane = np.full((32, 32), 0.1, np.float32)
    plane[8:24, 8:24] = 1.0
    for number in range(5):
        np.save(folder / f"{number}.npy", plane)
    return folder


@pytest.fixture
def run(tmp_path, depths):
    return CorruptionRun(tmp_path / "set", NAMES, (0, 3, 5), 32, depths, "disparity")


def test_layout_and_manifest(run, tmp_path):
    photos = labelled(tmp_path / "photos")
    found = run_corruption(photos, run)
    for path in photos.glob("*/*.png"):
        folder, name = path.parent.name, path.name
        for other in ("near_focus/0", "clean/0"):
            assert np.array_equal(read_photo(run.out / other / folder / name).pixels, read_photo(path).pixels)
        assert not np.array_equal(
            read_photo(run.out / "near_focus/5" / folder / name).pixels, read_photo(path).pixels
        )
    assert found == json.loads((run.out / "manifest.json").read_text())
    coc = [one["mean_coc"] for one in found["photos"][0]["files"] if one["severity"] == 5]
    assert coc == pytest.approx([0.03] * 3, rel=1e-3) and len(found["photos"]) == 5


def test_a_stopped_set_goes_on_to_the_same_files(run, tmp_path, monkeypatch):
    photos, made = labelled(tmp_path / "photos"), []
    one = corruption_set._corrupt_one

    def stops(item):
        made.append(item["name"])
        if len(made) == 3:
            raise KeyboardInterrupt
        return one(item)

    monkeypatch.setattr(corruption_set, "_corrupt_one", stops)
    monkeypatch.setattr(corruption_set, "BATCH", 1)
    with pytest.raises(KeyboardInterrupt):
        run_corruption(photos, run)
    found = run_corruption(photos, run)
    assert len(found["photos"]) == 5 and len(made) == 3 + 3
    with pytest.raises(FileError, match="size_px"):
        run_corruption(photos, CorruptionRun(run.out, NAMES, (0, 3, 5), 64, run.depths, "disparity"))


def test_bad_photos_are_left_out_and_told(run, tmp_path):
    photos = labelled(tmp_path / "photos")
    broken = next(photos.glob("*/*.png"))
    broken.write_bytes(broken.read_bytes()[:100])
    found = run_corruption(photos, run)
    assert len(found["photos"]) == 4 and broken.name in found["left_out"][0]["problem"]


def test_photos_of_a_table_without_a_class_are_told(run, tmp_path, capsys):
    folder = tmp_path / "table"
    folder.mkdir()
    for number in range(3):
        write_photo(folder / f"{number}.png", photo(number))
    lines = ("split,file,label", ".,0.png,7", ".,1.png,1000", ".,2.png,cat", ".,3.png,7")
    (folder / "images.csv").write_text("\n".join(lines))
    given = [
        "corrupt",
        str(folder),
        "--depths",
        str(run.depths),
        "--depth-kind",
        "disparity",
        "--size-px",
        "32",
    ]
    assert main([*given, "--corruptions", "far_focus", "--severities", "4", "-o", str(run.out)]) == 0
    said = capsys.readouterr().err
    told = [row["problem"] for row in json.loads((run.out / "manifest.json").read_text())["left_out"]]
    assert len(told) == 3 and all(f"left out {one}" in said for one in told)
    assert any("label 1000 is not in 0..999" in one for one in told)


def test_photos_are_not_written_among(run, tmp_path):
    folder = labelled(tmp_path / "photos")
    before = sorted(folder.iterdir())
    with pytest.raises(FileError, match="output folder other than the photos'"):
        run_corruption(folder, replace(run, out=folder))
    assert sorted(folder.iterdir()) == before


def test_wrong_names_are_refused_before_work(run, tmp_path):
    with pytest.raises(InputError, match="near_focus"):
        run_corruption(labelled(tmp_path / "photos"), CorruptionRun(tmp_path / "set", ("fog",)))
    with pytest.raises(FileError):
        run_corruption(tmp_path / "nothing", run)
    assert not run.out.exists()


def test_scores(run, tmp_path, monkeypatch):
    monkeypatch.setattr("cocnet.robustness.sources.open_victim", open_tiny)
    run_corruption(labelled(tmp_path / "photos"), run)
    (score,) = run_corruption_scores(CorruptionEvaluation(run.out, tmp_path / "report", ("tiny",)))
    assert (
        score.clean.value == 1.0
        and set(score.accuracy) == set(NAMES)
        and set(score.accuracy[CONTROL]) == {3, 5}
    )
    for name in NAMES:
        assert score.effective(name) == pytest.approx(score.error(CONTROL) - score.error(name))
    assert score.mean_error == pytest.approx((score.error("near_focus") + score.error("cat_eye")) / 2)
    for severity in (3, 5):
        least = min(score.accuracy[name][severity].value for name in ("near_focus", "cat_eye"))
        assert score.always[severity].value <= least
    facts = json.loads((tmp_path / "report" / "tiny.json").read_text())
    assert facts["accuracy"][CONTROL]["3"]["count"] == 5
    assert "right under all of them" in (tmp_path / "report" / "corruptions.md").read_text()
    assert (tmp_path / "report" / "corruptions.html").read_text().count("<table>") == 1
    assert facts["numbering"] == score.numbering == "the folders' own numbers, from 0"
    for name in ("corruptions.md", "corruptions.html"):
        told = html.unescape((tmp_path / "report" / name).read_text())
        assert "classes are numbered by the folders' own numbers, from 0" in told


def test_photos_are_seen_at_the_sets_size(run, tmp_path, monkeypatch):
    sides = set()

    class Watching(torch.nn.Module):
        about, classes = "no weights", 5

        def forward(self, x):
            sides.add(x.shape[2:])
            return open_tiny("tiny")(x)

    monkeypatch.setattr("cocnet.robustness.sources.open_victim", lambda *args, **where: Watching().eval())
    photos = labelled(tmp_path / "photos", count=2)
    run = replace(run, corruptions=("near_focus",), severities=(3,))
    run_corruption(photos, run)
    run_corruption_scores(CorruptionEvaluation(run.out, tmp_path / "report", ("tiny",)))
    assert sides == {(32, 32)}
    own = replace(run, size_px=0, out=tmp_path / "own")
    run_corruption(photos, own)
    with pytest.raises(InputError, match="try cocnet corrupt --size-px 224"):
        run_corruption_scores(CorruptionEvaluation(own.out, tmp_path / "report", ("tiny",)))


def test_labels_that_are_off_by_one_are_refused(run, tmp_path, monkeypatch):
    class OneMore(torch.nn.Module):
        about, classes = "no weights", 6

        def forward(self, x):
            return torch.nn.functional.pad(open_tiny("tiny")(x), (0, 1), value=-1e6)

    monkeypatch.setattr("cocnet.robustness.sources.open_victim", lambda *args, **where: OneMore().eval())
    photos = labelled(tmp_path / "photos", count=16)
    for folder in sorted(photos.iterdir(), reverse=True):
        folder.rename(photos / str(int(folder.name) + 1))
    for number in range(5, 16):
        np.save(run.depths / f"{number}.npy", np.load(run.depths / "0.npy"))
    run_corruption(photos, replace(run, corruptions=("near_focus",), severities=(3,)))
    asked = CorruptionEvaluation(run.out, tmp_path / "report", ("tiny",))
    with pytest.raises(InputError, match=r"1-based .* try --first-class 1"):
        run_corruption_scores(asked)
    (found,) = run_corruption_scores(replace(asked, first_class=1))
    assert found.clean.value == 1.0 and found.numbering == "the folders' own numbers, from 1"
    with pytest.raises(InputError, match="first_class 0 or 1"):
        replace(asked, first_class=2)


def test_numbers_of_classes_go_with_the_set(run, tmp_path, monkeypatch):
    """classes.json numbers the classes in another order than their names'."""
    monkeypatch.setattr("cocnet.robustness.sources.open_victim", open_tiny)
    photos = labelled(tmp_path / "photos")
    numbers = {"zyxwvu"[int(folder.name)]: int(folder.name) for folder in photos.iterdir()}
    for name, number in numbers.items():
        (photos / str(number)).rename(photos / name)
    (photos / "classes.json").write_text(json.dumps(numbers))
    manifest = run_corruption(photos, run)
    assert manifest["classes"] == numbers
    (found,) = run_corruption_scores(CorruptionEvaluation(run.out, tmp_path / "report", ("tiny",)))
    assert found.clean.value == 1.0 and found.photos == 5


def test_what_the_manifest_says_is_what_is_measured(run, tmp_path, monkeypatch):
    monkeypatch.setattr("cocnet.robustness.sources.open_victim", open_tiny)
    photos = labelled(tmp_path / "photos")
    run_corruption(photos, run)
    kept = run_corruption(photos, replace(run, photos=2))["photos"]
    asked = CorruptionEvaluation(run.out, tmp_path / "report", ("tiny",), batch=1)
    (found,) = run_corruption_scores(asked)
    assert found.photos == found.accuracy[CONTROL][3].count == found.always[5].count == len(kept) == 2
    gone = run.out / "clean" / "0" / kept[0]["class"] / kept[0]["photo"]
    gone.unlink()
    with pytest.raises(FileError, match=f"got none at .*{gone.name}"):
        run_corruption_scores(asked)


def test_nothing_that_is_there_is_written_over(run, tmp_path):
    photos = labelled(tmp_path / "photos")
    run.out.mkdir()
    (run.out / "manifest.json").write_text("mine")
    with pytest.raises(FileError, match=r"a manifest\.json of its own"):
        run_corruption(photos, run)
    assert [path.name for path in run.out.iterdir()] == ["manifest.json"]
    with pytest.raises(InputError, match="photos from 1"):
        replace(run, photos=0)


def test_a_plan_that_fails_claims_no_folder(run, tmp_path):
    photos = labelled(tmp_path / "photos")
    with pytest.raises(FileError, match="depth file"):
        run_corruption(photos, replace(run, depths=tmp_path))
    assert not run.out.exists()
    assert len(run_corruption(photos, run)["photos"]) == 5


def test_a_depth_file_of_several_photos_is_refused(run, tmp_path):
    """Also where a sample of the photos has that name once, and in shards."""
    photos = labelled(tmp_path / "photos")
    folders = sorted(photos.iterdir())
    for folder in folders[:2]:
        write_photo(folder / "0.png", photo(7))
    with pytest.raises(FileError, match="several folders"):
        run_corruption(photos, replace(run, photos=1))
    shards = tmp_path / "shards"
    shards.mkdir()
    for number in range(2):
        write_shard(
            shards / f"{number}.tar", [("0.png", (folders[0] / "0.png").read_bytes()), ("0.cls", b"7")]
        )
    with pytest.raises(FileError, match="several folders"):
        run_corruption(shards, run)


def test_nothing_made_is_an_error(run, tmp_path, capsys):
    photos = labelled(tmp_path / "photos")
    given = ["corrupt", str(photos), "--estimator", "nope", "--severities", "1", "-o", str(run.out)]
    assert main(given) == 1
    assert "expected a photo that can be used" in capsys.readouterr().err


def test_a_set_without_corruptions_is_one_line(run, tmp_path, monkeypatch):
    monkeypatch.setattr("cocnet.robustness.sources.open_victim", open_tiny)
    run_corruption(labelled(tmp_path / "photos"), replace(run, severities=(0,)))
    with pytest.raises(FileError, match="severity 1 or more"):
        run_corruption_scores(CorruptionEvaluation(run.out, tmp_path / "report", ("tiny",)))


def test_commands(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("cocnet.robustness.sources.open_victim", open_tiny)
    photos = labelled(tmp_path / "photos")
    asked = [
        "--depths",
        str(run.depths),
        "--depth-kind",
        "disparity",
        "--size-px",
        "32",
        "--corruptions",
        "far_focus",
    ]
    assert main(["corrupt", str(photos), *asked, "--severities", "4", "-o", str(run.out)]) == 0
    assert (
        main(
            [
                "evaluate",
                "corruptions",
                "--data",
                str(run.out),
                "--victims",
                "tiny",
                "-o",
                str(tmp_path / "r"),
            ]
        )
        == 0
    )
    assert "mean corruption error" in capsys.readouterr().out
    assert main(["evaluate", "corruptions", "--data", str(photos), "--victims", "tiny"]) == 1
    assert "cocnet corrupt" in capsys.readouterr().err


def test_loose_photos_and_names_that_meet(tmp_path, run):
    folder = tmp_path / "loose"
    folder.mkdir()
    for name in ("1.png", "1.jpg", "2.png"):
        write_photo(folder / "x.png", photo(1))
        (folder / "x.png").rename(folder / name)
    found = run_corruption(folder, run)
    assert sorted(row["photo"] for row in found["photos"]) == ["1.jpg.png", "1.png.png", "2.png"]


def test_robustbench_reads_it(tmp_path, monkeypatch):
    data = pytest.importorskip("robustbench.data")
    loaders = pytest.importorskip("robustbench.loaders")
    photos = tmp_path / "photos"
    for number, folder in enumerate(("n01440764", "n01443537")):
        (photos / folder).mkdir(parents=True)
        write_photo(photos / folder / f"ILSVRC2012_val_0000000{number}.jpg", photo(number))
        (photos / folder / f"ILSVRC2012_val_0000000{number}.jpg").rename(
            photos / folder / f"ILSVRC2012_val_0000000{number}.JPEG"
        )
    out = tmp_path / "data" / "ImageNet-3DCC"
    run_corruption(photos, CorruptionRun(out, tuple(CORRUPTIONS), (5,), 32, format="jpeg"))
    names = [f"{path.parent.name}/{path.name}" for path in sorted(photos.glob("*/*"))]
    monkeypatch.setattr(
        loaders,
        "make_custom_dataset",
        lambda root, ids, classes: [(f"{root}/{name}", classes[name.split("/")[0]]) for name in names],
    )
    for corruption in ("near_focus", "far_focus"):
        x, y = data.load_imagenet3dcc(2, 5, str(tmp_path / "data"), corruptions=(corruption,), prepr=_as_is)
        assert x.shape == (2, 3, 32, 32) and y.tolist() == [0, 1]


def _as_is(picture):
    from torchvision.transforms.functional import to_tensor

    return to_tensor(picture)


def in_shards(folder, photos):
    """The photos of class folders in two shards, as webdataset has them."""
    folder.mkdir()
    paths = sorted(photos.glob("*/*.png"))
    for number, some in enumerate((paths[:3], paths[3:])):
        members = []
        for path in some:
            members += [
                (f"{path.stem}.png", path.read_bytes()),
                (f"{path.stem}.cls", b"c" + path.parent.name.encode()),
            ]
        write_shard(folder / f"in-{number}.tar", members)
    return folder


def test_shards_in_are_photos(run, tmp_path):
    photos = labelled(tmp_path / "photos")
    plain = run_corruption(photos, replace(run, out=tmp_path / "plain"))
    found = run_corruption(in_shards(tmp_path / "shards", photos), run)
    assert [row["photo"] for row in found["photos"]] == [row["photo"] for row in plain["photos"]]
    for row in found["photos"]:
        name = f"{row['class']}/{row['photo']}"
        ours, theirs = run.out / "cat_eye/5" / name, tmp_path / "plain/cat_eye/5" / name.removeprefix("c")
        assert np.array_equal(read_photo(ours).pixels, read_photo(theirs).pixels)


def test_photos_of_one_name_in_several_shards_are_all_kept():
    sources = [SourcePhoto(Path(f"{n}.tar"), Path("0000.jpg"), "") for n in range(3)]
    assert len({name.lower() for name in file_names(sources, "png")}) == 3
    assert len(set(file_names([*sources, SourcePhoto(Path("a"), Path("0000.JPG"), "")], "jpeg"))) == 4


def test_a_picture_that_is_gone_is_named_before_the_report(run, tmp_path, monkeypatch):
    monkeypatch.setattr("cocnet.robustness.sources.open_victim", open_tiny)
    run_corruption(labelled(tmp_path / "photos"), run)
    gone = next((run.out / "near_focus" / "3").glob("*/*.png"))
    gone.unlink()
    asked = CorruptionEvaluation(run.out, tmp_path / "report", ("tiny",))
    with pytest.raises(FileError, match=gone.name):
        run_corruption_scores(asked)
    with pytest.raises(InputError, match="a victim or more"):
        run_corruption_scores(replace(asked, victims=()))
    with pytest.raises(InputError, match="threads from 1"):
        run_corruption_scores(replace(asked, threads=0))


def test_a_stray_photo_is_told_without_an_option_that_is_not_there(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("cocnet.robustness.sources.open_victim", open_tiny)
    run_corruption(labelled(tmp_path / "photos"), run)
    write_photo(run.out / "clean" / "0" / "stray.png", photo(1))
    given = ["evaluate", "corruptions", "--data", str(run.out), "--victims", "tiny"]
    given += ["-o", str(tmp_path / "r")]
    assert main(given) == 1
    said = capsys.readouterr().err
    assert "stray.png (no label)" in said and "removing" in said and "--skip-problems" not in said


def test_shards_out_hold_the_set_and_go_on(run, tmp_path, monkeypatch):
    photos = labelled(tmp_path / "photos")
    plain = run_corruption(photos, replace(run, out=tmp_path / "plain"))
    asked, one, made = replace(run, shard=2), corruption_set._corrupt_one, []

    def stops(item):
        made.append(item["name"])
        if len(made) == 4:
            raise KeyboardInterrupt
        return one(item)

    monkeypatch.setattr(corruption_set, "_corrupt_one", stops)
    with pytest.raises(KeyboardInterrupt):
        run_corruption(photos, asked)
    (run.out / ".cocnet-shard-left").mkdir()
    found = run_corruption(photos, asked)
    assert len(made) == 4 + 3 and found["photos"] == plain["photos"]
    assert found["shards"] == [f"photos-00000{n}.tar" for n in range(3)]
    assert not list(run.out.glob(".cocnet-shard-*"))
    held: dict[str, dict[str, Part]] = {}
    for name in found["shards"]:
        held |= dict(samples(run.out / name))
    assert len(held) == 5 * (1 + 3 * 3)
    for key, sample in held.items():
        assert sample["png"].read() == (tmp_path / "plain" / f"{key}.png").read_bytes()
        assert sample["cls"].read() == key.split("/")[2].encode()
        assert json.loads(sample["json"].read())["corruption"] == key.split("/")[0]
    whole = run_corruption(photos, replace(asked, out=tmp_path / "whole"))
    for name in whole["shards"]:
        assert (tmp_path / "whole" / name).read_bytes() == (run.out / name).read_bytes()


def test_broken_shards_are_refused_before_work(run, tmp_path):
    shards = in_shards(tmp_path / "shards", labelled(tmp_path / "photos"))
    last = shards / "in-1.tar"
    last.write_bytes(last.read_bytes()[:-9000])
    with pytest.raises(FileError, match=r"in-1\.tar"):
        run_corruption(shards, run)
    for members, told in (
        ([("x.txt", b"1")], "one picture"),
        ([("x.jpg", b"1"), ("x.png", b"1")], "one picture"),
        ([("x.jpg", b"1"), ("x.cls", b"../up")], "class"),
    ):
        write_shard(last, members)
        with pytest.raises(FileError, match=told):
            run_corruption(last, run)
    assert not run.out.exists()
    write_shard(last, [("0.png", b"no picture"), ("0.cls", b"7")])
    found = run_corruption(last, run)
    assert "in-1.tar:0.png" in found["left_out"][0]["problem"]


def test_two_halves_are_merged_by_their_ledgers(run, tmp_path, monkeypatch):
    photos = labelled(tmp_path / "photos")
    for half in (2, 3):
        (tmp_path / str(half)).mkdir()
    for number, path in enumerate(sorted(photos.glob("*/*.png"))):
        folder = tmp_path / str(2 + number % 2) / path.parent.name
        folder.mkdir(exist_ok=True)
        (folder / path.name).write_bytes(path.read_bytes())
    lines = ""
    for half in (2, 3):
        out = tmp_path / f"out{half}"
        run_corruption(tmp_path / str(half), replace(run, out=out))
        lines += (out / "done.jsonl").read_text()
        for file in out.glob("*/*/*/*.png"):
            target = run.out / file.relative_to(out)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.rename(target)
    (run.out / "done.jsonl").write_text(lines)
    monkeypatch.setattr(corruption_set, "_corrupt_one", None)
    assert len(run_corruption(photos, run)["photos"]) == 5

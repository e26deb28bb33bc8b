"""Pairs as files: what is written for each layout, what follows from the seed, and what others read of it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from victims import photo

from cocnet.apps.cli.main import main
from cocnet.datasets import EBB
from cocnet.datasets.pairs.deblur_pairs import dpdd
from cocnet.errors import CocnetWarning, FileError, InputError
from cocnet.files.shards import samples, write_shard
from cocnet.imaging import linear_to_srgb, read_photo, srgb_to_linear, write_photo
from cocnet.optics import ThinLens
from cocnet.training.runs import pair_set
from cocnet.training.runs.pair_set import RENDERER, run_pairs
from cocnet.training.runs.pair_settings import PairRun


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (tmp_path / "depths").mkdir()
    plane = np.full((64, 64), 0.1, np.float32)
    plane[16:48, 16:48] = 1.0
    for number in range(5):
        write_photo(folder / f"p{number}.png", photo(number, 64))
        np.save(tmp_path / "depths" / f"p{number}.npy", plane)
    return folder


@pytest.fixture
def run(tmp_path):
    return PairRun(
        tmp_path / "pairs", f_number=(0.7, 2.0), noisy=0.0, depths=tmp_path / "depths", depth_kind="disparity"
    )


def pixels(path):
    return np.array(read_photo(path).pixels)


def test_a_pair_is_the_photo_and_its_bokeh(photos, run):
    found = run_pairs(photos, replace(run, held_out=0.0))
    assert len(found["pairs"]) == 5 and not found["left_out"]
    pair = found["pairs"][0]
    sharp = pixels(run.out / pair["target"])
    assert np.array_equal(sharp, pixels(photos / pair["photo"]))
    lens = ThinLens(0.075, pair["f_number"], pair["focus_m"], 0.036)
    inverse = torch.from_numpy(np.load(run.depths / "p0.npy"))[None, None]
    light = srgb_to_linear(torch.from_numpy(sharp).permute(2, 0, 1)[None] / 255)
    wanted = linear_to_srgb(RENDERER.render(light, inverse, lens)[0]).clamp(0, 1) * 255
    ours = torch.from_numpy(pixels(run.out / pair["input"])).permute(2, 0, 1)
    torch.testing.assert_close(ours.float(), wanted, atol=1.1, rtol=0)


def test_photos_are_not_written_among(photos, run):
    before = sorted(photos.iterdir())
    with pytest.raises(FileError, match="output folder other than the photos'"):
        run_pairs(photos, replace(run, out=photos / ".." / photos.name))
    assert sorted(photos.iterdir()) == before


@pytest.mark.parametrize(("bokeh", "told"), [("natural", 3), ("random", 2), ("adversarial", 0)])
def test_options_of_another_bokeh_are_told(bokeh, told):
    assert len(PairRun(bokeh=bokeh, epsilon=0.1, steps=3, victim="vgg16").ignored()) == told
    assert PairRun(bokeh=bokeh).ignored() == ()


def test_a_readme_of_ones_own_is_never_written_over(photos, run):
    run.out.mkdir()
    (run.out / "README.md").write_text("mine")
    with pytest.raises(FileError, match=r"a README\.md of its own"):
        run_pairs(photos, run)
    assert (run.out / "README.md").read_text() == "mine" and len(list(run.out.iterdir())) == 1


def test_same_seed_same_files_however_often_it_is_stopped(photos, run, tmp_path, monkeypatch):
    whole = run_pairs(photos, replace(run, each=2, noisy=1.0, out=tmp_path / "whole"))
    one, done = pair_set._pairs_of, []

    def stops(item):
        done.append(item)
        if len(done) == 4:
            raise KeyboardInterrupt
        return one(item)

    monkeypatch.setattr(pair_set, "_pairs_of", stops)
    with pytest.raises(KeyboardInterrupt):
        run_pairs(photos, replace(run, each=2, noisy=1.0))
    again = run_pairs(photos, replace(run, each=2, noisy=1.0))
    assert again["pairs"] == whole["pairs"] and len({pair["name"] for pair in again["pairs"]}) == 10
    for pair in again["pairs"]:
        assert np.array_equal(pixels(run.out / pair["input"]), pixels(tmp_path / "whole" / pair["input"]))
    lenses = {pair["f_number"] for pair in again["pairs"]}
    assert len(lenses) == 10


def test_another_photo_changes_no_pair(photos, run):
    kept = replace(run, noisy=1.0)
    before = {pair["name"]: pair for pair in run_pairs(photos, kept)["pairs"]}
    pixels_before = pixels(run.out / before["p3"]["input"])
    write_photo(photos / "a.png", photo(9, 64))
    np.save(run.depths / "a.npy", np.load(run.depths / "p0.npy"))
    after = {pair["name"]: pair for pair in run_pairs(photos, kept)["pairs"]}
    assert after.pop("a") and after == before
    assert np.array_equal(pixels(run.out / after["p3"]["input"]), pixels_before)
    assert len((run.out / "done.jsonl").read_text().splitlines()) == 6


def test_splits_are_by_photo(photos, run):
    found = run_pairs(photos, replace(run, each=3, held_out=0.5))
    splits: dict[str, set[str]] = {}
    for pair in found["pairs"]:
        splits.setdefault(pair["photo"], set()).add(pair["split"])
    assert all(len(each) == 1 for each in splits.values())
    assert {split for each in splits.values() for split in each} == {"train", "test"}


def test_dpdd_and_ebb_are_read_by_their_readers(photos, run, tmp_path):
    run_pairs(photos, replace(run, layout="dpdd", bits=16, held_out=0.0))
    pairs = dpdd(run.out, "train")
    assert "16 bit" in pairs.about and len(pairs) == 5
    assert not torch.equal(pairs[0].blurred, pairs[0].sharp)
    run_pairs(photos, replace(run, layout="ebb", held_out=0.0, out=tmp_path / "ebb"))
    ebb = EBB(tmp_path / "ebb" / "train", skip_problems=True)
    assert len(ebb) == 5 and ebb[0].image.shape == (3, 64, 64)


def test_linear_light_breathing_and_coc(photos, run, tmp_path):
    plain = run_pairs(photos, replace(run, bits=16, held_out=0.0))["pairs"][0]
    other = replace(run, bits=16, held_out=0.0, linear=True, coc=True, out=tmp_path / "linear")
    linear = run_pairs(photos, other)["pairs"][0]
    srgb = torch.from_numpy(pixels(run.out / plain["target"]).astype(np.float32)) / 65535
    light = torch.from_numpy(pixels(other.out / linear["target"]).astype(np.float32)) / 65535
    torch.testing.assert_close(light, srgb_to_linear(srgb), atol=2e-5, rtol=0)
    radius = np.load(other.out / linear["coc"]).astype(np.float32)
    assert np.abs(radius).mean() / 64 == pytest.approx(linear["mean_coc"], rel=1e-2)
    moved = pair_set._breathed(torch.from_numpy(photo(0, 64)).permute(2, 0, 1) / 255, 2.0)
    assert moved.shape == (3, 64, 64) and torch.equal(pair_set._breathed(moved, 1.0), moved)
    corner, middle = photo(0, 64)[16, 16], moved[:, 4, 4] * 255
    assert np.abs(corner - middle.numpy()).max() < 2


@pytest.mark.parametrize("bokeh", ["random", "adversarial"])
def test_depth_may_be_moved_at_random_or_against_a_classifier(photos, run, bokeh, monkeypatch, tmp_path):
    from victims import tiny

    monkeypatch.setattr(pair_set, "_victim", tiny)
    natural = run_pairs(photos, replace(run, held_out=0.0))["pairs"][0]
    other = replace(run, held_out=0.0, bokeh=bokeh, epsilon=0.3, steps=2, out=tmp_path / bokeh)
    found = run_pairs(photos, other)["pairs"][0]
    assert np.array_equal(pixels(run.out / natural["target"]), pixels(other.out / found["target"]))
    assert not np.array_equal(pixels(run.out / natural["input"]), pixels(other.out / found["input"]))


def test_a_classifier_in_training_mode_learns_nothing_of_the_pairs(photos, run, monkeypatch):
    network = torch.nn.Sequential(torch.nn.BatchNorm2d(3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    monkeypatch.setattr(pair_set, "_victim", lambda name: network)
    with pytest.warns(CocnetWarning, match="in training mode"):
        run_pairs(photos, replace(run, held_out=0.0, bokeh="adversarial", epsilon=0.3, steps=1))
    assert int(network[0].num_batches_tracked) == 0 and not network[0].running_mean.any()


def test_cards(photos, run):
    run_pairs(photos, replace(run, held_out=0.5))
    card = (run.out / "README.md").read_text()
    assert card.startswith("---") and "5 photos, 5 pairs" in card
    lines = (run.out / "train" / "metadata.jsonl").read_text().splitlines()
    for line in lines:
        facts = json.loads(line)
        assert (run.out / "train" / facts["input_file_name"]).is_file()
        assert (run.out / "train" / facts["target_file_name"]).is_file()
    options = (run.out / "options" / "nafnet.yml").read_text()
    assert f'dataroot_lq: "{run.out}/train/input"' in options and "filename_tmpl: '{}'" in options


def test_hugging_face_reads_it(photos, run, tmp_path):
    datasets = pytest.importorskip("datasets")
    if not hasattr(datasets, "load_dataset"):  # the folder of tests has that name, too
        pytest.skip("Hugging Face's datasets isn't installed")
    run_pairs(photos, replace(run, held_out=0.5))
    found = datasets.load_dataset(str(run.out), cache_dir=str(tmp_path / "cache"))
    row = found["train"][0]
    assert row["input"].size == (64, 64) and row["target"].size == (64, 64) and row["f_number"] > 0


def test_shards_in_and_out(photos, run, tmp_path):
    (tmp_path / "shards").mkdir()
    paths = sorted(photos.iterdir())
    write_shard(tmp_path / "shards" / "a.tar", [(f"{path.stem}.png", path.read_bytes()) for path in paths])
    asked = replace(run, each=2, held_out=0.5, coc=True)
    plain = run_pairs(photos, replace(asked, out=tmp_path / "plain"))
    found = run_pairs(tmp_path / "shards", replace(asked, shard=2))
    by_name = {pair["name"]: pair for pair in plain["pairs"]}
    splits = {
        split: sum(pair["split"] == split for pair in plain["pairs"]) // 2 for split in ("test", "train")
    }
    assert found["shards"] == [
        f"{s}-{n:06d}.tar" for s, count in splits.items() for n in range(-(-count // 2))
    ]
    for name in found["shards"]:
        for key, sample in samples(run.out / name):
            pair = by_name.pop(key)
            assert name.startswith(pair["split"])
            for role, kind in (("input", "png"), ("target", "png"), ("coc", "npy")):
                assert sample[f"{role}.{kind}"].read() == (tmp_path / "plain" / pair[role]).read_bytes()
            assert json.loads(sample["json"].read())["f_number"] == pair["f_number"]
    assert not by_name and [path.suffix for path in sorted(run.out.iterdir()) if path.is_dir()] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"shard": -1},
        {"shard": 10, "layout": "dpdd"},
        {"each": 0},
        {"longest_px": 10},
        {"noisy": 2.0},
        {"breathing": 0.5},
        {"layout": "ebb", "bits": 16},
        {"linear": True},
    ],
    ids=str,
)
def test_settings_that_cannot_be(changes):
    with pytest.raises(InputError):
        PairRun(**changes)


def test_command(photos, run, capsys):
    asked = ["--depths", str(run.depths), "--depth-kind", "disparity", "-o", str(run.out)]
    (photos / "bad.png").write_bytes(b"no picture")
    np.save(run.depths / "bad.npy", np.ones((4, 4), np.float32))
    assert main(["pairs", str(photos), *asked]) == 0
    printed = capsys.readouterr()
    assert "5 pairs" in printed.out and "bad.png" in printed.err

"""Training as a command: what networks see of pairs, where held-out pairs come from, whole runs on tiny data."""

import json
import re
import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scenes import SCENES

from cocnet import PhysicalRenderer, create_model, load_model, save_checkpoint
from cocnet.apps.cli.main import main
from cocnet.datasets.pairs.raytraced import read_scene
from cocnet.datasets.pairs.sample import sample_of
from cocnet.errors import CocnetWarning, DepthError, FileError, InputError
from cocnet.imaging import linear_to_srgb, srgb_to_linear, write_photo
from cocnet.networks import card_of, create_seeded
from cocnet.renderers import HybridRenderer, Physical
from cocnet.renderers.network import coc_map
from cocnet.training.engine.tensorboard import Board
from cocnet.training.recipes.bokeh_recipes import BokehRecipe, BokehStage
from cocnet.training.runs.bokeh_data import data_of
from cocnet.training.runs.bokeh_run import run_bokeh, starting_network
from cocnet.training.runs.bokeh_settings import BokehRun
from cocnet.training.runs.training_items import Items, Passes, Views, item_of, turned

TINY = {"channels": [4, 8], "groups": 1, "kernel_size": 3}


def test_what_each_network_sees():
    pair = read_scene(SCENES[0])
    sample = sample_of(pair)
    assert set(item_of(sample, card_of("cocnet-b3"))) == {"image", "bokeh"}
    near = item_of(sample, card_of("cocnet-b3-depth"))
    assert (
        float(near["depth"].min()) == 0
        and float(near["depth"].max()) == 1
        and float(near["image"].max()) <= 1
    )
    model = create_model("cocnet-b3-lens")
    lens = item_of(sample, card_of("cocnet-b3-lens"), model.config.radius_scale_px)
    assert torch.allclose(lens["depth"], coc_map(model, 1 / pair.depth_m[None], pair.lens)[0], atol=1e-5)
    hybrid = item_of(sample, card_of("cocnet-hybrid"), 32.0)
    rendered = linear_to_srgb(PhysicalRenderer(pair.lens)(pair.image[None], pair.depth_m[None]))[0]
    assert torch.allclose(hybrid["physical"], rendered, atol=1e-4)


@torch.no_grad()
def test_an_untrained_hybrid_evaluates_like_the_renderer():
    sample = sample_of(read_scene(SCENES[0]))
    found = sample.rendered_by(HybridRenderer(create_model("cocnet-hybrid", **TINY)))
    assert torch.allclose(found, sample.rendered_by(Physical()), atol=1e-4)


def test_the_hybrid_learns_on_scenes_and_goes_on(photos, capsys):
    tiny = photos / "tiny.safetensors"
    save_checkpoint(create_model("cocnet-hybrid", **TINY), tiny)
    command = [
        *("train", "hybrid", "--images", str(photos / "images"), "--masks", str(photos / "masks")),
        *("-o", str(photos / "run"), "--model", str(tiny), "--side-px", "32", "--radius-px", "1.5", "4"),
        *("--steps", "3", "--workers", "0", "--held-out", "2", "--device", "cpu", "--recipe.log-steps", "1"),
    ]
    assert main(command) == 0
    assert "dB, SSIM" in capsys.readouterr().out
    model = load_model(photos / "run" / "weights.safetensors")
    assert float(model.phi[0].weight.detach().abs().max()) > 0
    settings = json.loads((photos / "run" / "settings.json").read_text())
    assert settings["run"]["side_px"] == 32 and settings["recipe"]["stages"][0]["steps"] == 3
    assert len(settings["data"]) == 16 and "images" not in settings["run"]
    moved = photos.rename(photos.with_name("moved"))
    command = [part.replace(str(photos), str(moved)) for part in command]
    capsys.readouterr()
    assert main(command) == 0, capsys.readouterr().err
    assert main([*command, "--radius-px", "1.5", "5"]) == 1
    assert "got run.radius_px.1 5.0 for 4.0" in capsys.readouterr().err
    write_photo(moved / "images" / "00.png", np.zeros((48, 48, 3), np.uint8))
    assert main(command) == 1
    assert re.search(r"got data '[0-9a-f]{16}' for '[0-9a-f]{16}'", capsys.readouterr().err)


def test_a_hybrid_goes_on_with_more_channels(photos):
    tiny = photos / "tiny.safetensors"
    save_checkpoint(create_model("cocnet-hybrid", **TINY), tiny)
    start = starting_network(BokehRun(photos, str(tiny), widen=(6, 12)), 0)
    assert start.arguments["channels"] == [6, 12] and start.training
    start = starting_network(BokehRun(photos, str(tiny), widen=(TINY["channels"][0], 5, 6), renew_from=1), 0)
    assert start.arguments["channels"] == [TINY["channels"][0], 5, 6] and start.training
    with pytest.raises(InputError, match="begin with the 0 that are kept"):
        starting_network(BokehRun(photos, str(tiny), renew_from=0), 0)
    with pytest.raises(InputError, match="expected a cocnet-hybrid to widen"):
        other = photos / "other.safetensors"
        save_checkpoint(create_model("cocnet-b3-less", channels=[4, 8]), other)
        starting_network(BokehRun(photos, str(other), widen=(6, 12)), 0)
    with pytest.raises(InputError, match="expected a weight file to widen"):
        BokehRun(photos, data=photos, widen=(6, 12)).checked()


def test_pairs_in_folders(photos):
    run = BokehRun(
        photos / "run",
        "dmshn",
        data=photos / "images",
        bokeh=photos / "bokeh",
        side_px=32,
        held_out=4,
        workers=0,
    )
    items, held, about, _ = data_of(run, card_of("dmshn"))
    assert (len(items), len(held)) == (16, 4) and "images" in about
    assert not set(items.among) & set(held.among)
    assert items[(0, 3)]["image"].shape == (3, 32, 32)
    assert not torch.equal(items[(0, 3)]["image"], items[(1, 3)]["image"])
    with pytest.raises(DepthError, match="expected depth for cocnet-b3-depth"):
        data_of(run, card_of("cocnet-b3-depth"))[0][(0, 0)]
    recipe = BokehRecipe((BokehStage(steps=1),), start="xavier")
    tiny = photos / "tiny.safetensors"
    save_checkpoint(create_model("cocnet-b3", **TINY), tiny)
    run = BokehRun(
        photos / "run", str(tiny), data=photos / "images", bokeh=photos / "bokeh", side_px=32, workers=0
    )
    assert run_bokeh(run, recipe).pictures == 8


@pytest.mark.parametrize("start", ["xavier", "identity"])
def test_a_weight_file_is_gone_on_from_whatever_the_start(photos, start):
    before = create_seeded("cocnet-b3", 7, **TINY)
    save_checkpoint(before, photos / "tiny.safetensors")
    places: dict[str, Any] = {
        "data": photos / "images",
        "bokeh": photos / "bokeh",
        "side_px": 32,
        "workers": 0,
    }
    run = BokehRun(photos / "run", str(photos / "tiny.safetensors"), **places, held_out=1, device="cpu")
    run_bokeh(run, BokehRecipe((BokehStage(steps=1, learning_rate=1e-12),), start=start))
    after = load_model(photos / "run" / "weights.safetensors").state_dict()
    assert all(torch.allclose(after[name], value, atol=1e-6) for name, value in before.state_dict().items())


def test_pairs_are_checked_before_the_first_step(photos):
    for name in ("images", "bokeh"):
        write_photo(photos / name / "small.png", np.zeros((20, 60, 3), np.uint8))
    run = BokehRun(
        photos / "run", "dmshn", data=photos / "images", bokeh=photos / "bokeh", side_px=32, workers=0
    )
    with pytest.raises(FileError, match=r"small \(60 × 20, smaller than the crop of 32 × 32\)"):
        run_bokeh(run)
    with pytest.warns(CocnetWarning, match="left out 1 of .*small"):
        data = data_of(replace(run, skip_problems=True), card_of("dmshn"))
    assert len(data.items) + len(data.held_out) == 20
    with pytest.raises(InputError, match="of one size to train on whole ones, got 2 sizes"):
        run_bokeh(replace(run, side_px=0))
    assert not run.out.exists()


def test_masks_and_scenes_are_checked_before_the_first_step(photos):
    traced = photos / "rt"
    traced.mkdir()
    shutil.copy(SCENES[3], traced)
    (traced / "bad.npz").write_bytes(b"no scene")
    write_photo(photos / "masks" / "07.png", np.zeros((24, 24, 3), np.uint8))
    folders: dict[str, Any] = {"images": photos / "images", "masks": photos / "masks", "ray_traced": traced}
    run = BokehRun(photos / "run", "cocnet-hybrid", **folders, side_px=32, radius_px=(2.0, 4.0))
    with pytest.raises(FileError, match=r"07 \(photo 48 × 48, mask 24 × 24\)"):
        data_of(run, card_of("cocnet-hybrid"))
    with pytest.warns(CocnetWarning) as told:
        data_of(replace(run, skip_problems=True), card_of("cocnet-hybrid"))
    said = [str(one.message) for one in told]
    assert any("07 (" in one for one in said) and any("bad (" in one for one in said)


def test_photos_have_no_lens_to_learn():
    sample = sample_of(read_scene(SCENES[0]))
    with pytest.raises(InputError, match="pairs with a known lens"):
        item_of(type(sample)(**{**vars(sample), "assumed": True}), card_of("cocnet-hybrid"))


def test_what_cannot_be_is_said(tmp_path):
    for run in (BokehRun(tmp_path), BokehRun(tmp_path, images=tmp_path, masks=tmp_path, data=tmp_path)):
        with pytest.raises(InputError, match="expected --images with --masks, or --data"):
            run_bokeh(run)


def test_networks_without_a_lens_see_one_lens(photos):
    run = BokehRun(
        photos / "run", images=photos / "images", masks=photos / "masks", side_px=32, radius_px=(2, 6)
    )
    items, held, about, _ = data_of(run, card_of("cocnet-b3-depth"))
    assert "'fixed'" in about and len(held) == 8
    item, pair = items[(0, 1)], items.source[1]
    assert float(item["image"].max()) <= 1 and (float(item["depth"].min()), float(item["depth"].max())) == (
        0,
        1,
    )
    radius = pair.lens.coc_radius_px(1 / pair.depth_m, 32)
    assert float(radius[item["depth"] == 1].abs().max()) < 0.01 and 2 < float(radius.max()) <= 6.01


def test_networks_without_depth_also_see_photos_blurred_behind_their_subject(photos):
    places = {"images": photos / "images", "masks": photos / "masks", "side_px": 48, "radius_px": (4, 4)}
    items, held, about, _ = data_of(
        BokehRun(photos / "run", portraits=0.5, **places), card_of("cocnet-b3-less")
    )
    assert "50% are photos blurred behind their own subject" in about and len(held) == 8
    names = [items.source[i].name for i in range(10)]
    assert sum("portrait" in name for name in names) == 5
    place = next(i for i, name in enumerate(names) if "portrait" in name)
    pair, again = items.source[place], items.source[place]
    assert torch.equal(pair.bokeh, again.bokeh)
    radius = pair.lens.coc_radius_px(1 / pair.depth_m, 48).abs()
    assert float(radius.max()) == pytest.approx(4, abs=0.01)
    change = (pair.image - pair.bokeh).abs().mean(0, keepdim=True)
    assert float(change[radius < 0.05].mean()) < 0.3 * float(change[radius > 3].mean())
    plain, _, about, _ = data_of(BokehRun(photos / "run", portraits=0.0, **places), card_of("cocnet-b3-less"))
    assert "portrait" not in plain.source[place].name and "behind" not in about
    with pytest.raises(InputError, match=r"expected portraits in 0\.\.1, got 2\.0"):
        run_bokeh(BokehRun(photos / "run", portraits=2.0, **places))


def test_ray_traced_scenes_among_others(photos):
    places = {"images": photos / "images", "masks": photos / "masks", "side_px": 64, "radius_px": (2, 6)}
    run = BokehRun(photos / "run", ray_traced=SCENES[0].parent, **places)
    items, held, about, _ = data_of(run, card_of("cocnet-b3-less-lens"), 32.0)
    assert f"25% are crops of {len(SCENES)} ray-traced scenes" in about
    assert sum("scene_" in items.source[i].name for i in range(8)) == 2 and len(held) == 8
    assert {items[(0, i)]["image"].shape for i in range(8)} == {(3, 64, 64)}
    with pytest.raises(InputError, match="expected --images with --ray-traced"):
        run_bokeh(BokehRun(photos / "run", data=photos / "images", ray_traced=SCENES[0].parent))
    with pytest.raises(InputError, match="a network that sees a lens"):
        data_of(run, card_of("cocnet-b3-less"))


def test_ray_traced_scenes_as_pairs_are_cropped_or_of_one_size(tmp_path):
    small = SCENES[0].parent
    run = BokehRun(tmp_path / "run", data=small, side_px=48, held_out=1)
    items, held, _, files = data_of(run, card_of("cocnet-b3-less-lens"), 32.0)
    assert items[(0, 0)]["image"].shape == held[0]["image"].shape == (3, 48, 48)
    assert not torch.equal(items[(0, 0)]["image"], items[(1, 0)]["image"])
    assert set(files) == set(SCENES)
    scene = dict(np.load(SCENES[0]))
    for name in ("all_in_focus", "bokeh", "depth_m"):
        scene[name] = scene[name][:64, :80]
    (tmp_path / "scenes").mkdir()
    np.savez(tmp_path / "scenes" / "small.npz", **scene)
    shutil.copy(SCENES[0], tmp_path / "scenes" / "whole.npz")
    with pytest.raises(InputError, match="one size to train on whole ones, got 2 sizes"):
        data_of(replace(run, data=tmp_path / "scenes", side_px=0), card_of("cocnet-b3-less-lens"), 32.0)


def test_a_hybrid_sees_windows_of_scenes_that_were_rendered_whole(photos):
    places = {"images": photos / "images", "masks": photos / "masks", "side_px": 64, "radius_px": (2, 6)}
    run = BokehRun(photos / "run", ray_traced=SCENES[0].parent, ray_traced_part=0.5, window_px=32, **places)
    items, held, about, _ = data_of(run, card_of("cocnet-hybrid"), 32.0)
    assert f"windows of 32² px, 50% of them in {len(SCENES)} ray-traced scenes" in about
    assert held[0]["image"].shape == (3, 64, 64)
    for index in range(4):
        item, again = items[(0, index)], items[(0, index)]
        assert all(torch.equal(item[name], again[name]) for name in item)
        assert item["physical"].shape == item["bokeh"].shape == (3, 32, 32) and item["depth"].shape == (
            1,
            32,
            32,
        )
        assert not torch.equal(item["image"], items[(1, index)]["image"])


def test_a_part_has_poor_depth_and_the_same_truth(photos):
    places = {"images": photos / "images", "masks": photos / "masks", "side_px": 64, "radius_px": (2, 6)}
    exact, *_ = data_of(BokehRun(photos / "run", **places), card_of("cocnet-hybrid"), 32.0)
    poor, _, about, _ = data_of(
        BokehRun(photos / "run", poor_depth=0.5, **places), card_of("cocnet-hybrid"), 32.0
    )
    assert "50% with depth as an estimator gives it" in about
    worse = [not torch.equal(poor.items[i]["depth"], exact.items[i]["depth"]) for i in range(8)]
    assert 0 < sum(worse) < 8
    for index in range(8):
        assert torch.equal(poor.items[index]["bokeh"], exact.items[index]["bokeh"])
        same = torch.equal(poor.items[index]["physical"], exact.items[index]["physical"])
        assert same is not worse[index]
    with pytest.raises(InputError, match="cocnet-hybrid for --poor-depth, got cocnet-b3-less"):
        data_of(BokehRun(photos / "run", poor_depth=0.5, **places), card_of("cocnet-b3-less"))


def test_a_discriminator_is_trained_beside_and_thrown_away(photos, capsys):
    tiny = photos / "tiny.safetensors"
    save_checkpoint(create_model("cocnet-hybrid", **TINY), tiny)

    def weights(name, *steps):
        for count in steps:
            command = [
                *("train", "hybrid", "--images", str(photos / "images"), "--masks", str(photos / "masks")),
                *("--model", str(tiny), "--side-px", "32", "--radius-px", "1.5", "4", "--workers", "0"),
                *("--held-out", "1", "--device", "cpu", "--recipe.stages.0.loss.adversarial", "0.1"),
                *("--recipe.stages.0.schedule", "constant", "--recipe.no-bfloat16"),
                *("--steps", count, "-o", str(photos / name)),
            ]
            assert main(command) == 0, capsys.readouterr().err
        return load_model(photos / name / "weights.safetensors").state_dict()

    whole, stopped = weights("whole", "4"), weights("stopped", "2", "4")
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)
    plain = [name for name in whole if "discriminator" in name]
    assert not plain


def whole_items(count=2):
    return Items([read_scene(path) for path in SCENES[:count]], card_of("cocnet-hybrid"), 32.0)


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_another_light_and_side_are_still_a_picture_and_its_bokeh(seed):
    """What a turned item holds is what rendering its turned photo gives."""
    pair = read_scene(SCENES[0])
    lens = pair.lens.at(blades=0)
    item = item_of(sample_of(pair._replace(lens=lens)), card_of("cocnet-hybrid"), 32.0)
    seen = turned(item, np.random.default_rng(seed))
    inverse = 1 / lens.focus_distance_m - 32 * seen["depth"] * lens.sensor_width_m / 256 / lens.gain_m2
    rendered = PhysicalRenderer(lens).from_inverse_depth(srgb_to_linear(seen["image"])[None], inverse[None])
    cut = [linear_to_srgb(x).clamp(0, 1) for x in (rendered[0], srgb_to_linear(seen["physical"]))]
    assert float((cut[0] - cut[1]).abs().mean()) < 2e-3
    assert float((seen["physical"] - item["physical"]).abs().mean()) > 0.02


def test_windows_lie_at_silhouettes():
    items = whole_items()
    views = Views(items, 64, 32.0, seed=0)
    steps = [float((views[i % 2]["depth"].diff(dim=2).abs() > 1 / 32).float().mean()) for i in range(2)]
    whole = [float((items[i]["depth"].diff(dim=2).abs() > 1 / 32).float().mean()) for i in range(2)]
    assert all(window > of for window, of in zip(steps, whole, strict=True))


def test_passes_make_each_item_once(monkeypatch):
    items = whole_items()
    made = []
    original = Items.__getitem__
    monkeypatch.setattr(Items, "__getitem__", lambda self, key: made.append(key) or original(self, key))
    passes = Passes(items, count=6)
    names = [float(passes[i]["image"].mean()) for i in range(6)]
    assert sorted(made) == [0, 1] and len(set(names)) == 2
    assert all(len(set(names[i : i + 2])) == 2 for i in (0, 2, 4))
    assert torch.allclose(passes[0]["physical"], original(items, made[0])["physical"], rtol=1e-3, atol=1e-3)
    with pytest.raises(IndexError):
        passes[6]


def test_interrupted_by_hand(photos, capsys, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cocnet.training.runs.bokeh_run.data_of", stop)
    places = ["--images", str(photos / "images"), "--masks", str(photos / "masks"), "-o", str(photos / "run")]
    assert main(["train", "dmshn", *places]) == 130
    assert "goes on where it stood" in capsys.readouterr().err


def test_curves(tmp_path):
    pytest.importorskip("tensorboard", reason="the extra train is not installed")
    Board(tmp_path).add(1, {"loss": 0.5})
    assert list((tmp_path / "tensorboard").glob("events*"))


@pytest.mark.parametrize("name", ["subject", "cocnet", "pynet", "hybrid"])
def test_commands_of_two_words(name, capsys):
    assert main(["train", name, "--help"]) == 0
    assert f"cocnet train {name}" in capsys.readouterr().out

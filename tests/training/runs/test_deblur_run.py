"""Deblurring trained as a command: on scenes and on DPDD, it goes on where it stood, IFAN with its own loss."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scenes import SCENES

from cocnet import create_model, load_model, save_checkpoint
from cocnet.apps.cli.main import main
from cocnet.errors import FileError, InputError
from cocnet.imaging import write_photo
from cocnet.networks.architectures.ifan_reblurring import shrunk
from cocnet.training.engine.deblur_objective import (
    LEAST_ERROR,
    DeblurObjective,
    WithReblurring,
    score_deblurring,
)
from cocnet.training.engine.task import Step
from cocnet.training.recipes.deblur_recipe import IFAN, SHORT, recipe_for
from cocnet.training.runs.deblur_run import data_of, run_deblur, starting_network
from cocnet.training.runs.deblur_settings import DeblurRun

TINY = {"widths": [4, 4], "blocks": [1, 1], "radii_px": [1.5]}


@pytest.fixture
def tiny(tmp_path):
    torch.manual_seed(0)
    return save_checkpoint(create_model("deblur-hybrid", **TINY), tmp_path / "tiny.safetensors")


@pytest.fixture
def dpdd_root(tmp_path):
    for split in ("train", "val"):
        for place, folder in enumerate(("inputC", "target", "inputL", "inputR")):
            for number in range(2):
                path = tmp_path / "DPDD" / split / folder / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = np.random.default_rng(place).integers(0, 256, (40, 48, 3)).astype(np.uint8)
                write_photo(path, pixels)
    return tmp_path / "DPDD"


def test_the_command_trains_on_scenes_and_goes_on(photos, tiny, capsys):
    command = ["train", "deblur", "--images", photos / "images", "--masks", photos / "masks", "--model", tiny]
    command += ["--side-px", "32", "--radius-px", "1", "4", "--held-out", "2", "--recipe.log-steps", "1"]
    command += ["-o", photos / "run"]

    def run(steps):
        assert main([str(part) for part in [*command, "--steps", steps]]) == 0
        return [json.loads(line) for line in (photos / "run" / "log.jsonl").read_text().splitlines()]

    assert run(2)[0]["gain"] == pytest.approx(0, abs=1e-3)  # it starts as the picture itself
    assert [line["step"] for line in run(3)] == [0, 1, 2, 3]
    assert "dB over the blurred picture" in capsys.readouterr().out
    assert load_model(photos / "run" / "weights.safetensors").name == "deblur-hybrid"
    assert list((photos / "run" / "samples").iterdir())


def test_other_photos_of_the_same_count_are_another_run(photos, tiny):
    run = DeblurRun(
        photos / "run", str(tiny), photos / "images", photos / "masks", side_px=32, held_out=1, steps=1
    )
    run_deblur(run)
    moved = photos / "elsewhere.safetensors"
    shutil.copy(tiny, moved)
    write_photo(photos / "images" / "03.png", np.zeros((48, 48, 3), np.uint8))
    with pytest.raises(FileError, match="files"):
        run_deblur(replace(run, steps=2, model=str(moved)))


def test_other_blurs_are_another_run(photos, tiny):
    places = {"images": photos / "images", "masks": photos / "masks"}
    run = DeblurRun(photos / "run", str(tiny), **places, side_px=32, held_out=1, steps=1)
    run_deblur(run)
    with pytest.raises(FileError, match=r"run\.radius_px\.0 8\.0 for 0\.5"):
        run_deblur(replace(run, radius_px=(8.0, 16.0), steps=2))


def test_another_spelling_of_a_folder_is_the_same_run(dpdd_root, tiny, monkeypatch):
    monkeypatch.chdir(dpdd_root.parent)
    run = DeblurRun(Path("run"), str(tiny), data=Path("DPDD"), side_px=32, held_out=1, steps=1)
    run_deblur(run)
    run_deblur(replace(run, data=dpdd_root, steps=2))


def test_ifan_goes_on_with_the_same_reblurring_network(tmp_path):
    path = save_checkpoint(create_model("ifan-lite"), tmp_path / "ifan.safetensors")
    one, same, other = (starting_network(str(path), seed).reblurring.state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_a_seed_of_the_recipe_is_the_runs(photos, tiny, monkeypatch):
    asked: dict[str, Any] = {}
    monkeypatch.setattr(
        "cocnet.training.runs.deblur_run.run_deblur",
        lambda run, recipe, progress: asked.update(r=run, c=recipe),
    )
    given = ["--images", "a", "--masks", "b", "--model", "ifan", "--recipe.seed", "5"]
    assert main(["train", "deblur", *given]) == 0
    assert asked["r"].seed == 5 and asked["c"]("ifan") == replace(IFAN, seed=5)
    assert main(["train", "deblur", *given, "--recipe.clip", "2", "--recipe.stages.0.batch", "4"]) == 0
    found = asked["c"]("ifan")
    assert found == replace(
        IFAN, seed=5, clip=2.0, stages=(replace(IFAN.stages[0], batch=4), *IFAN.stages[1:])
    )
    assert asked["c"]("deblur-hybrid").stages[0] == replace(SHORT.stages[0], batch=4)


def test_a_set_without_val_is_validated_on_its_test_split(dpdd_root, tiny):
    (dpdd_root / "val").rename(dpdd_root / "test")
    run = DeblurRun(dpdd_root.parent / "run", str(tiny), data=dpdd_root, side_px=32, held_out=1, steps=1)
    assert run_deblur(run).pictures == 1


def test_a_seed_below_zero_is_one_line():
    with pytest.raises(InputError, match="expected a seed from 0, got -1"):
        DeblurRun(data=Path("DPDD"), seed=-1).checked()


def test_ray_traced_scenes_are_every_other_pair(photos):
    folder = photos / "rt"
    folder.mkdir()
    shutil.copy(SCENES[3], folder)
    run = DeblurRun(images=photos / "images", masks=photos / "masks", ray_traced=folder, side_px=32, seed=3)
    items, held_out, about = data_of(run.checked())
    alone, _, _ = data_of(replace(run, ray_traced=None))
    assert torch.equal(items[4]["image"], alone[2]["image"]) and "1 ray-traced scenes" in about
    assert not torch.equal(items[5]["image"], alone[2]["image"]) and len(held_out) == run.held_out
    with pytest.raises(InputError, match="--ray-traced"):
        DeblurRun(data=folder, ray_traced=folder).checked()


def test_what_cannot_be_used_is_named_before_the_first_step_or_left_out(dpdd_root, photos, tiny, capsys):
    small = dpdd_root / "train" / "target" / "1.png"
    write_photo(small, np.zeros((24, 24, 3), np.uint8))
    traced = photos / "rt"
    traced.mkdir()
    shutil.copy(SCENES[3], traced)
    (traced / "bad.npz").write_bytes(b"no scene")
    write_photo(photos / "masks" / "07.png", np.zeros((24, 24, 3), np.uint8))
    scenes = ["--images", photos / "images", "--masks", photos / "masks", "--ray-traced", traced]
    for data, told in ((["--data", dpdd_root], "1 (blurred 48 × 40, sharp 24 × 24)"), (scenes, "07 (")):
        given = ["train", "deblur", *data, "--model", tiny, "--side-px", 32, "--steps", 1, "--held-out", 1]
        given += ["-o", photos / told[:1]]
        assert main([str(part) for part in given]) == 1
        stopped = capsys.readouterr().err
        assert told in stopped and "--skip-problems" in stopped
        assert main([str(part) for part in [*given, "--skip-problems"]]) == 0
        left_out = capsys.readouterr().err
        assert told in left_out and "left out 1 of" in left_out
    assert "bad (" in left_out


def test_ifan_learns_from_both_views_where_there_are_any(dpdd_root):
    run = DeblurRun(model="ifan-lite", data=dpdd_root, side_px=32, held_out=1).checked()
    items, held_out, about = data_of(run, with_views=True)
    assert set(items[(0, 0)]) == {"image", "sharp", "views", "has_views"} and len(held_out) == 1
    assert "8 bit" in about
    network = starting_network("ifan-lite", 0)
    assert isinstance(network, WithReblurring)
    objective = DeblurObjective([held_out[0]], IFAN)
    batch = {name: x[None] for name, x in items[0].items()}
    step = Step(IFAN.stages[0], 0, torch.autocast("cpu", enabled=False))
    loss = float(objective.loss(network, batch, step).detach())
    batch["has_views"][:] = False
    assert loss > float(objective.loss(network, batch, step).detach()) > 0
    assert objective.score(network).gain == pytest.approx(0, abs=1e-3)
    other, _, _ = data_of(DeblurRun(data=dpdd_root, side_px=32).checked())
    assert set(other[0]) == {"image", "sharp"}


def test_ifan_by_decibels_begins_at_none_won():
    torch.manual_seed(0)
    network = starting_network("ifan-lite", 0)
    batch = {"image": torch.rand(2, 3, 32, 32), "sharp": torch.rand(2, 3, 32, 32)}
    step = Step(SHORT.stages[0], 0, torch.autocast("cpu", enabled=False))
    by_decibels, by_squares = (
        float(DeblurObjective([], replace(SHORT, loss=loss)).loss(network, batch, step).detach())
        for loss in ("gain", "l2")
    )
    assert by_squares > 0.1
    with torch.no_grad():
        small = [shrunk(batch[name]) for name in ("image", "sharp")]
        again = network.reblurring(small[1], network.model.found(batch["image"]).filters)
        won = [(x - small[0]).square().mean((1, 2, 3)) + LEAST_ERROR for x in (again, small[1])]
    assert by_decibels == pytest.approx(float((won[0] / won[1]).log().mean()), abs=1e-4)


def test_decay_alone_does_not_end_ifans_weights():
    """A last layer of zeros leaves the others without a gradient of the loss."""
    network = starting_network("ifan-lite", 0)
    optimiser = DeblurObjective([], SHORT).optimiser(network)
    optimiser.param_groups[0]["lr"] = 1e-2
    first = network.model.features.levels[0][0].weight
    before = first.detach().clone()
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for _ in range(20):
        optimiser.step()
    assert torch.allclose(first.detach(), before * (1 - 1e-2 * SHORT.weight_decay) ** 20, atol=1e-6)


def test_a_step_of_ifan_leaves_weights_of_the_deblurring_part(dpdd_root, tmp_path):
    run = DeblurRun(tmp_path / "run", "ifan-lite", data=dpdd_root, side_px=32, held_out=1, steps=3)
    assert run_deblur(run).pictures == 1
    assert (
        sum(p.numel() for p in load_model(tmp_path / "run" / "weights.safetensors").parameters()) == 660_084
    )


def test_the_gain_is_a_logarithm_of_what_is_left():
    torch.manual_seed(0)
    sharp, image = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    model = create_model("deblur-hybrid", **TINY)
    step = Step(SHORT.stages[0], 0, torch.autocast("cpu", enabled=False))
    objective = DeblurObjective([], SHORT)
    assert float(objective.loss(model, {"image": image, "sharp": sharp}, step)) == pytest.approx(0, abs=1e-6)
    halfway = lambda x: (x + sharp) / 2  # noqa: E731
    found = float(objective.loss(halfway, {"image": image, "sharp": sharp}, step))
    assert found == pytest.approx(-np.log(4), abs=1e-3)
    item = {"image": image[0], "sharp": sharp[0]}
    score = score_deblurring(model, [item])
    assert score.gain == pytest.approx(0, abs=1e-3) and score.pictures == 1


def test_recipes_and_impossible_runs(photos, dpdd_root):
    assert recipe_for("ifan") is IFAN
    assert all(recipe_for(name) is SHORT for name in ("ifan-lite", "deblur-hybrid"))
    assert sum(stage.steps for stage in IFAN.stages) == 600_000
    for bad in (
        {},
        {"data": dpdd_root, "images": photos, "masks": photos},
        {"data": dpdd_root, "side_px": 36},
    ):
        with pytest.raises(InputError, match="expected"):
            DeblurRun(**bad).checked()
    with pytest.raises(InputError, match="deblurring network, got dbsi"):
        starting_network("dbsi", 0)

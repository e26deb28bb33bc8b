"""The loop: what is learnt, what lies in the folder; killed and continued, or in two processes, it is the same."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import chain

import pytest
import torch
import toys
from safetensors.torch import load_file
from toys import TINY, Noise, toy_task

from cocnet import create_model, load_model
from cocnet.errors import CocnetError, FileError, InputError
from cocnet.files.run_folder import locked
from cocnet.training.engine.batches import Batches, BatchSampler, key_at
from cocnet.training.engine.bokeh_objective import BokehObjective, called, sized
from cocnet.training.engine.distributed import World
from cocnet.training.engine.loop import learning_rate, train
from cocnet.training.engine.starts import at_identity, xavier
from cocnet.training.recipes.bokeh_recipes import BokehRecipe, BokehStage, LossWeights
from cocnet.training.runs.bokeh_run import with_discriminator


def process(*arguments, ranks=1):
    """toys.py as a process, or as several."""
    launcher = (
        ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks > 1 else []
    )
    command = [sys.executable, *launcher, toys.__file__, *map(str, arguments)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})


def lines(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_it_learns_and_leaves_a_model(tmp_path):
    score = train(toy_task(tmp_path, steps=(60,)))
    log = lines(tmp_path)
    losses = [line["loss"] for line in log if "loss" in line]
    assert len(losses) == 60 and sum(losses[-5:]) < 0.6 * sum(losses[:5])
    assert {"items_per_second", "wait_share", "rate", "seconds", "stage"} <= set(log[1])
    assert [line["step"] for line in log] == list(range(61)) and log[0]["psnr"] < log[60][
        "psnr"
    ] == score.psnr
    model = load_model(tmp_path / "weights.safetensors")
    item = Noise()[(9, 0)]
    with torch.no_grad():
        out = model(item["image"][None], item["depth"][None]).clamp(0, 1)
    error = (out - item["bokeh"]).square().mean()
    assert score.psnr == pytest.approx(float(-10 * error.log10()), abs=0.01) and score.pictures == 1
    assert (tmp_path / "samples" / "0000060.png").is_file()
    assert json.loads((tmp_path / "settings.json").read_text())["recipe"]["clip"] == 1.0


def test_killed_and_continued_is_the_same_training(tmp_path):
    train(toy_task(tmp_path / "whole", 2, (14, 10)))
    running = process(tmp_path / "parts", 2, 14, 10)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and running.poll() is None:
        log = tmp_path / "parts" / "log.jsonl"
        if log.is_file() and log.read_text().count("\n") > 4 and (log.parent / "state.safetensors").is_file():
            break
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert not (tmp_path / "parts" / "weights.safetensors").exists()
    train(toy_task(tmp_path / "parts", 2, (14, 10)))
    one, other = (load_file(tmp_path / name / "state.safetensors") for name in ("whole", "parts"))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    assert [line["step"] for line in lines(tmp_path / "parts") if "loss" in line] == list(range(1, 25))


def test_two_processes_are_one_with_twice_the_batch(tmp_path):
    running = process(tmp_path / "two", 2, 5, ranks=2)
    train(toy_task(tmp_path / "one", 4, (5,)))
    assert running.wait(300) == 0
    item, found = Noise()[(9, 0)], []
    for name in ("one", "two"):
        with torch.no_grad():
            model = load_model(tmp_path / name / "weights.safetensors")
            found.append(model(item["image"][None], item["depth"][None]))
    start = item["image"]
    assert (found[0] - start).abs().max() > 1e-3 and torch.allclose(found[0], found[1], atol=1e-4)
    losses = [[line["loss"] for line in lines(tmp_path / name) if "loss" in line] for name in ("one", "two")]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_workers_change_nothing_and_starts_anywhere():
    for workers in (0, 2):
        whole = [
            b["image"]
            for b in Batches(Noise(), BatchSampler(0, 6, 4, World(), 10, 3), workers, torch.device("cpu"))
        ]
        rest = [
            b["image"]
            for b in Batches(Noise(), BatchSampler(12, 3, 4, World(), 10, 3), workers, torch.device("cpu"))
        ]
        assert len(whole) == 6 and all(torch.equal(a, b) for a, b in zip(whole[3:], rest, strict=True))
    halves = [list(BatchSampler(4, 2, 2, World(rank, 2), 10, 3)) for rank in (0, 1)]
    assert sorted(chain(*halves[0], *halves[1])) == sorted(chain(*BatchSampler(4, 2, 4, World(), 10, 3)))
    assert sorted(key_at(i, 10, 3) for i in range(10, 20)) == [(1, i) for i in range(10)]


def test_other_settings_and_other_items_are_refused(tmp_path):
    train(toy_task(tmp_path, steps=(1,)))
    other = replace(toy_task(tmp_path, steps=(1,)).recipe, clip=2.0)
    with pytest.raises(FileError, match=r"got recipe\.clip 2\.0 for 1\.0, try those, or a new folder"):
        train(toy_task(tmp_path, recipe=other))
    with pytest.raises(CocnetError, match="at least one stage"):
        BokehRecipe(())
    with pytest.raises(CocnetError, match="at least one step"):
        BokehStage(steps=0)
    for wrong in ({"clip": 0.0}, {"clip": -1.0}, {"seed": -1}):
        with pytest.raises(CocnetError, match="a seed from 0, clip above 0"):
            BokehRecipe(**wrong)
    with pytest.raises(CocnetError, match="a weight that isn't 0"):
        BokehStage(loss=LossWeights(l1=0.0, ssim=0.0))
    with pytest.raises(InputError, match="a network with levels"):
        train(toy_task(tmp_path / "level", recipe=BokehRecipe((BokehStage(steps=1, level=5),))))
    with pytest.raises(InputError, match="a device that is there"):
        train(toy_task(tmp_path / "device", device="cuda:77"))


def test_identity_start(tmp_path):
    task = toy_task(tmp_path)
    random = create_model("cocnet-b3-less-lens", **TINY)
    recipe = BokehRecipe((BokehStage(steps=1, learning_rate=1e-9),), start="identity")
    train(replace(task, network=random, recipe=recipe))
    item = Noise()[(0, 0)]
    with torch.no_grad():
        found = load_model(tmp_path / "weights.safetensors")(item["image"][None], item["depth"][None])
    assert torch.allclose(found[0], item["image"], atol=1e-5)
    beside = with_discriminator(create_model("cocnet-b3-less-lens", **TINY), 0)
    at_identity(beside)
    with torch.no_grad():
        found = beside.model(item["image"][None], item["depth"][None])
    assert torch.allclose(found[0], item["image"], atol=1e-5)
    plain = create_model("dmshn")
    with pytest.raises(InputError, match=r"a network of Eq\. 17"):
        train(replace(task, network=plain, recipe=recipe, folder=tmp_path / "dmshn"))


def test_half_precision_and_data_without_bokeh(tmp_path):
    recipe = replace(toy_task(tmp_path).recipe, bfloat16=True)
    assert math.isfinite(train(toy_task(tmp_path, recipe=recipe)).psnr)

    class Half(Noise):
        def __getitem__(self, key):
            return {"image": super().__getitem__(key)["image"]}

    with pytest.raises(InputError, match="items with image and bokeh"):
        train(toy_task(tmp_path / "half", data=Half()))


def test_what_a_later_stage_lacks_is_said_at_once(tmp_path, monkeypatch):
    small = BokehRecipe((BokehStage(steps=1), BokehStage(steps=1, loss=LossWeights(ms_ssim=1.0))))
    with pytest.raises(InputError, match="at least 176 px"):
        train(toy_task(tmp_path / "small", recipe=small))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(FileError, match="VGG-19"):
        train(
            toy_task(
                tmp_path / "vgg",
                recipe=BokehRecipe((BokehStage(steps=1), BokehStage(steps=1, loss=LossWeights(vgg=1.0)))),
            )
        )
    assert not list(tmp_path.glob("*/*"))


def test_xavier_and_schedules():
    one, two = (create_model("dbsi") for _ in range(2))
    xavier(one, 3), xavier(two, 3)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    stage = BokehStage(steps=100, learning_rate=1.0, schedule="cosine")
    rates = [learning_rate(stage, n / 100) for n in range(100)]
    assert rates[0] == pytest.approx(0.5, abs=0.01) and max(rates) > 0.99 and rates[-1] < 1e-3
    assert learning_rate(BokehStage(learning_rate=0.3), 0.7) == 0.3


@torch.no_grad()
def test_pynet_level_by_level():
    network, item = create_model("pynet"), Noise(side=128)[(0, 0)]
    given = {name: tensor[None] for name, tensor in item.items() if name != "bokeh"}
    for level in (5, 4):
        output, own = called(network, given, item["bokeh"][None], BokehStage(level=level))
        target = sized(item["bokeh"][None], output)
        assert float(own) == 0 and output.shape == target.shape == (
            1,
            3,
            128 >> (level + 1),
            128 >> (level + 1),
        )
        assert torch.allclose(target.mean(), item["bokeh"].mean(), atol=1e-6)
    with pytest.raises(InputError, match="multiples of 64 px from 128 px"):
        small = {name: tensor[..., :64] for name, tensor in given.items()}
        called(network, small, item["bokeh"][None], BokehStage(level=5))


def test_mpfnet_supervises_its_fusion_weights(tmp_path):
    network, item = create_model("mpfnet"), Noise(side=32)[(0, 0)]
    given, truth = {"image": item["image"][None]}, item["bokeh"][None]
    output, own = called(network, given, truth, BokehStage(loss=LossWeights(fusion=0.5)))
    assert torch.allclose(output, network(**given), atol=1e-6)
    assert torch.allclose(own, 0.5 * network.supervised(given["image"], truth)[1]) and bool(own > 0)
    own.backward()
    assert all(float(fusion[0].weight.grad.abs().max()) > 0 for fusion in network.fusions)
    with pytest.raises(InputError, match="multiples of 16"):
        called(network, {"image": given["image"][..., :20]}, truth, BokehStage(loss=LossWeights(fusion=1.0)))
    with pytest.raises(InputError, match="expected mpfnet"):
        train(toy_task(tmp_path, recipe=BokehRecipe((BokehStage(steps=1, loss=LossWeights(fusion=1.0)),))))
    for weights in (LossWeights(gain=1.0), LossWeights(parts=1.0)):
        with pytest.raises(InputError, match="expected cocnet-hybrid for a loss of gain"):
            train(toy_task(tmp_path, recipe=BokehRecipe((BokehStage(steps=1, loss=weights),))))


def test_the_hybrid_s_own_loss():
    network = create_model("cocnet-hybrid", channels=[4, 8], groups=1, kernel_size=3)
    made = torch.Generator().manual_seed(1)
    item = {
        n: torch.rand(2, c, 48, 48, generator=made) for n, c in (("image", 3), ("depth", 1), ("physical", 3))
    }
    truth = 0.5 * (item["image"] + item["physical"])
    found = [
        called(network, item, truth, BokehStage(loss=LossWeights(l1=0.0, ssim=0.0, **weights)))[1]
        for weights in ({"gain": 1.0}, {"parts": 0.2}, {"gain": 1.0, "parts": 0.2})
    ]
    assert torch.allclose(found[0] + found[1], found[2]) and found[0].shape == found[1].shape == ()
    found[1].backward()
    assert float(network.phi[0].weight.grad.abs().max()) > 0


def test_more_steps_and_other_intervals_go_on(tmp_path):
    """As if it had been planned so: the rate is constant, the data and Adam's moments go on."""
    recipe = replace(toy_task(tmp_path).recipe, stages=(BokehStage(steps=9, batch=2, learning_rate=1e-3),))
    shorter = replace(recipe, stages=(replace(recipe.stages[0], steps=4),), log_steps=2)
    train(toy_task(tmp_path / "whole", recipe=recipe))
    train(toy_task(tmp_path / "parts", recipe=shorter))
    train(toy_task(tmp_path / "parts", recipe=recipe))
    one, other = (load_file(tmp_path / name / "state.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert [line["step"] for line in lines(tmp_path / "parts")] == [0, 2, 4, 5, 6, 7, 8, 9]
    with pytest.raises(FileError, match=r"recipe\.stages\.0\.steps 4 for 9"):
        train(toy_task(tmp_path / "parts", recipe=shorter))


def test_a_stage_that_is_over_gets_no_more_steps(tmp_path):
    stages = tuple(BokehStage(steps=2, batch=2, learning_rate=1e-3) for _ in range(2))
    recipe = replace(toy_task(tmp_path).recipe, stages=stages)
    train(toy_task(tmp_path / "run", recipe=recipe))
    longer = replace(stages[0], steps=4)
    with pytest.raises(FileError, match=r"recipe\.stages\.0\.steps 4 for 2"):
        train(toy_task(tmp_path / "run", recipe=replace(recipe, stages=(longer, longer))))
    train(toy_task(tmp_path / "run", recipe=replace(recipe, stages=(stages[0], longer))))
    assert lines(tmp_path / "run")[-1]["step"] == 6


def test_the_log_is_appended_and_never_rewritten(tmp_path):
    def stop(done, facts):
        if facts["step"] == 4:
            raise KeyboardInterrupt

    task = toy_task(tmp_path, steps=(6,))
    task = replace(task, recipe=replace(task.recipe, save_seconds=1e9))
    with pytest.raises(KeyboardInterrupt):
        train(task, stop)
    log = tmp_path / "log.jsonl"
    before = log.read_bytes()
    assert not (tmp_path / "state.safetensors").exists() and before.count(b"\n") == 5
    log.write_bytes(before + b'{"step": 4, "lo')
    train(replace(toy_task(tmp_path, steps=(6,)), recipe=task.recipe))
    assert log.read_bytes().startswith(before)
    assert [line["step"] for line in lines(tmp_path)] == list(range(7))
    finished = log.read_bytes()
    train(replace(toy_task(tmp_path, steps=(6,)), recipe=task.recipe))
    assert log.read_bytes() == finished


def test_a_folder_is_worked_in_by_one_process(tmp_path):
    running = process(tmp_path, 2, 400)
    deadline = time.monotonic() + 120
    while not (tmp_path / "log.jsonl").is_file() and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.02)
    try:
        with pytest.raises(FileError, match="another process works"):
            train(toy_task(tmp_path, steps=(400,)))
    finally:
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    with locked(tmp_path):
        pass


class Broken(Noise):
    """One item can't be read."""

    def __getitem__(self, key):
        if key[1] == 7:
            raise FileError("expected a photo, got '7.png', try another")
        return super().__getitem__(key)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_a_worker_is_one_line(tmp_path, workers):
    with pytest.raises(FileError) as caught:
        train(toy_task(tmp_path, data=Broken(), workers=workers))
    assert str(caught.value) == "expected a photo, got '7.png', try another"


def test_the_clock_can_end_a_stage(tmp_path):
    recipe = toy_task(tmp_path).recipe
    stage = BokehStage(steps=10_000, minutes=1e-6, schedule="cosine")
    train(toy_task(tmp_path, recipe=replace(recipe, stages=(stage, BokehStage(steps=2)))))
    stages = [line["stage"] for line in lines(tmp_path) if "loss" in line]
    assert 1 <= stages.count(0) <= 2 and stages.count(1) == 2


def test_rates_may_differ_by_group(tmp_path):
    class Shares(BokehObjective):
        def optimiser(self, network):
            first, *others = network.parameters()
            return torch.optim.Adam([{"params": [first], "share": 0.0}, {"params": others}])

    task = toy_task(tmp_path, steps=(2,))
    before = [p.detach().clone() for p in task.network.parameters()]
    train(replace(task, objective=Shares(task.objective.held_out)))
    same = [torch.equal(a, b) for a, b in zip(before, task.network.parameters(), strict=True)]
    assert same[0] and not all(same[1:])

"""The loss and scores of masks; a training that is interrupted goes on as if it hadn't been."""

import json
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import Dataset

from cocnet.errors import FileError
from cocnet.networks.architectures.depth_subject_net import DepthSubjectNet
from cocnet.training.engine.loop import train
from cocnet.training.engine.mask_losses import mask_loss, score_masks
from cocnet.training.engine.subject_objective import SubjectObjective
from cocnet.training.engine.task import Step, Task
from cocnet.training.recipes.subject_recipe import subject_recipe


def disc(side=32, radius=9):
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return ((rows - side / 2).square() + (columns - side / 2).square() < radius**2).float()[None, None]


def test_scores_of_known_masks():
    right = disc()
    assert score_masks(right, right).iou == 1 and score_masks(right, right).mae_all == 0
    shifted = torch.roll(right, 4, -1)
    both, either = (right * shifted).sum(), torch.maximum(right, shifted).sum()
    assert score_masks(shifted, right).iou == pytest.approx(float(both / either))
    none = score_masks(right, torch.zeros_like(right))
    assert none.photos == 0 and none.photos_all == 1 and none.mae_all == pytest.approx(float(right.mean()))


def test_the_loss_is_least_at_the_truth_and_has_gradients_everywhere():
    target = disc()
    exact, wrong = (target - 0.5) * 20, torch.zeros_like(target)
    assert mask_loss(exact, target) < 0.01 < mask_loss(wrong, target) < mask_loss(-exact, target)
    logits = torch.zeros(2, 1, 32, 32, requires_grad=True)
    mask_loss(logits, torch.cat([target, torch.zeros_like(target)])).backward()
    assert (logits.grad[0, 0, 16, 16] < 0) and (logits.grad[1] > 0).all()


class Discs(Dataset):
    """Bright discs on grey noise, somewhere."""

    def __len__(self):
        return 6

    def __getitem__(self, key):
        generator = torch.Generator().manual_seed(100 * key[0] + key[1])
        mask = torch.roll(disc(64, 16), int(torch.randint(-9, 9, (1,), generator=generator)), -1)[0]
        noise = 0.1 * torch.rand(3, 64, 64, generator=generator)
        return {"image": (0.2 + 0.6 * mask + noise).clamp(0, 1), "mask": mask}


def task(folder, steps, sides_px=(), **changes):
    torch.manual_seed(0)
    network = DepthSubjectNet("lite0")
    network.freeze_early()
    recipe = replace(subject_recipe(steps, batch=2), bfloat16=False, save_seconds=0.0, **changes)
    held = [Discs()[(9, i)] for i in range(2)]
    held_out = tuple(torch.stack([item[name] for item in held]) for name in ("image", "mask"))
    return Task(network, Discs(), SubjectObjective(held_out, recipe, sides_px), recipe, folder)


def test_interrupted_and_continued_is_the_same_training(tmp_path):
    def stop(done, facts):
        if facts["step"] == 3:
            raise KeyboardInterrupt

    whole = train(task(tmp_path / "whole", 6))
    with pytest.raises(KeyboardInterrupt):
        train(task(tmp_path / "parts", 6), stop)
    assert not (tmp_path / "parts" / "weights.safetensors").exists()
    assert train(task(tmp_path / "parts", 6)) == whole
    one, other = (load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(one[key], other[key]) for key in one)
    half = load_file(tmp_path / "whole" / "depth_subject.safetensors")
    assert torch.allclose(half["heads.0.weight"].float(), one["heads.0.weight"], atol=1e-3)
    assert json.loads((tmp_path / "whole" / "settings.json").read_text())["recipe"]["stages"][0]["steps"] == 6
    last = json.loads((tmp_path / "whole" / "log.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 6 and last["iou"] == whole.iou and 0 <= whole.iou <= 1


def test_sizes_take_turns_and_the_encoder_is_slower(tmp_path):
    one = task(tmp_path, 2, (32, 64))
    seen = []
    one.network.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-1]))
    batch = {name: x[None].repeat(2, 1, 1, 1) for name, x in Discs()[(0, 0)].items()}
    for number in range(3):
        one.objective.loss(one.network.train(), batch, Step(one.recipe.stages[0], number, nullcontext()))
    assert seen == [32, 64, 32]
    groups = one.objective.optimiser(one.network).param_groups
    assert [(group["share"], group["weight_decay"]) for group in groups] == [
        (0.1, 0.05),
        (0.1, 0.0),
        (1.0, 0.05),
        (1.0, 0.0),
    ]
    counted = sum(len(group["params"]) for group in groups)
    assert counted == len([p for p in one.network.parameters() if p.requires_grad])


def test_disparity_counts_by_its_weight(tmp_path):
    batch = {name: x[None].repeat(2, 1, 1, 1) for name, x in Discs()[(0, 0)].items()}
    batch |= {"disparity": batch["mask"].clone(), "known": torch.ones_like(batch["mask"])}
    losses = []
    for weight in (0.0, 1.0, 3.0):
        one = task(tmp_path, 2, disparity_weight=weight)
        torch.manual_seed(1)
        step = Step(one.recipe.stages[0], 0, nullcontext())
        losses.append(one.objective.loss(one.network.eval(), batch, step).item())
    without, once, thrice = losses
    assert once - without > 0.1
    assert thrice - without == pytest.approx(3 * (once - without), rel=1e-4)


def test_another_file_is_refused(tmp_path):
    train(task(tmp_path, 1))
    (tmp_path / "state.safetensors").write_bytes(b"123456789")
    with pytest.raises(FileError, match="expected a training's state"):
        train(task(tmp_path, 1))

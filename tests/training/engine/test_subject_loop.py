"""The loss and scores of masks; a training that is interrupted goes on as if it hadn't been."""

import json

import pytest
import torch
from safetensors.torch import load_file

from cocnet.errors import FileError, InputError
from cocnet.networks.architectures.subject_net import SubjectNet
from cocnet.training.engine.mask_losses import mask_loss, score_masks
from cocnet.training.engine.subject_loop import SubjectRecipe, train_subject


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


def batch(number):
    generator = torch.Generator().manual_seed(number)
    mask = torch.roll(disc(64, 16), int(torch.randint(-9, 9, (1,), generator=generator)), -1).repeat(
        2, 1, 1, 1
    )
    return (0.2 + 0.6 * mask + 0.1 * torch.rand(2, 3, 64, 64, generator=generator)).clamp(0, 1), mask


def run(folder, steps, stop_after=None, recipe=None, **changes):
    torch.manual_seed(0)
    network = SubjectNet("lite0")
    network.freeze_early()
    recipe = recipe or SubjectRecipe(
        steps=steps, bfloat16=False, save_seconds=0.0, score_seconds=1e9, **changes
    )

    def stop(done, facts):
        if facts["step"] == stop_after:
            raise KeyboardInterrupt

    return train_subject(network, batch, batch(99), recipe, folder, on_progress=stop)


def test_interrupted_and_continued_is_the_same_training(tmp_path):
    whole = run(tmp_path / "whole", 6)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", 6, stop_after=3)
    assert not (tmp_path / "parts" / "last.safetensors").exists()
    parts = run(tmp_path / "parts", 6)
    assert parts == whole
    one, other = (load_file(tmp_path / name / "last.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert json.loads((tmp_path / "whole" / "settings.json").read_text())["recipe"]["steps"] == 6
    lines = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 6 and 0 <= lines[-1]["iou"] <= 1


def test_other_settings_and_other_files_are_refused(tmp_path):
    run(tmp_path, 1)
    with pytest.raises(FileError, match="try a new folder"):
        run(tmp_path, 2)
    (tmp_path / "state.safetensors").write_bytes(b"123456789")
    with pytest.raises(FileError, match="expected a training's state"):
        run(tmp_path, 1)
    with pytest.raises(InputError, match="at least one step"):
        run(tmp_path / "new", 0)


def test_the_clock_can_end_it(tmp_path):
    recipe = SubjectRecipe(steps=10_000, minutes=1e-6, bfloat16=False)
    run(tmp_path, None, recipe=recipe)
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["step"] <= 2

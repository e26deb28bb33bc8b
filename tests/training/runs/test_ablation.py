"""The ablation: the same start and scenes for all, paired differences, what is finished isn't trained again."""

import json
import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from cocnet.apps.cli.main import main
from cocnet.errors import FileError, InputError
from cocnet.imaging import write_photo
from cocnet.training.engine.starts import at_identity
from cocnet.training.runs.ablation import VARIANTS, AblationRun, network_of, recipe_of, run_ablation
from cocnet.training.runs.ablation_report import FinishedTraining, ablation_lines, differences, finished


@pytest.mark.parametrize("name", VARIANTS)
def test_all_variants_start_alike(name):
    recipe, network = recipe_of(VARIANTS[name], 10, 3), network_of(name).eval()
    assert (recipe.start == "own") == (name == "dmshn-os")
    if recipe.start == "identity":
        at_identity(network)
        image = torch.rand(1, 3, 16, 32)
        depth = None if network.card.conditioning == "none" else torch.rand(1, 1, 16, 32)
        assert torch.equal(network(image, depth), image)
    assert (recipe.seed, recipe.stages[0].steps, recipe.stages[0].batch) == (3, 10, 2)
    assert VARIANTS[name].of in {"", *VARIANTS}


def test_seeds_are_other_weights():
    one, same, other = (network_of("b3-less", seed) for seed in (0, 0, 1))
    assert torch.equal(one.phi[0].weight, same.phi[0].weight)
    assert not torch.equal(one.phi[0].weight, other.phi[0].weight)


def test_an_ablation_grows_and_is_not_trained_twice(photos, tmp_path, capsys):
    out = tmp_path / "run"
    command = ["train", "ablation", "--images", str(photos / "images"), "--masks", str(photos / "masks")]
    command += ["-o", str(out), "--steps", "1", "--side-px", "32", "--radius-px", "3", "--held-out", "3"]
    command += ["--workers", "0", "--device", "cpu"]
    assert main([*command, "--variants", "b2-less", "less-depth"]) == 0
    assert "| b2-less | 1.37 | 1 |" in capsys.readouterr().out
    kept = (out / "b2-less-0" / "weights.safetensors").stat().st_mtime_ns
    assert main([*command, "--variants", "b2-less", "b3-less"]) == 0
    assert (out / "b2-less-0" / "weights.safetensors").stat().st_mtime_ns == kept
    found = json.loads((out / "ablation.json").read_text())
    assert [one["variant"] for one in found["trainings"]] == ["b3-less", "b2-less", "less-depth"]
    assert [(one["variant"], one["of"]) for one in found["differences"]] == [("less-depth", "b3-less")]
    assert found["controls"]["untouched"][0] < found["controls"]["physical"][0]
    assert (out / "ablation.png").is_file() and "less-depth − b3-less" in (out / "ablation.md").read_text()
    for other in (("--steps", "2"), ("--held-out", "4"), ("--side-px", "48")):
        assert main([*command, *other, "--variants", "b2-less"]) == 1
        assert "expected the same settings" in capsys.readouterr().err


def test_other_photos_of_the_same_count_are_another_ablation(photos, tmp_path):
    sizes: dict[str, Any] = {"steps": 1, "side_px": 32, "radius_px": 3.0, "held_out": 3, "workers": 0}
    run = AblationRun(
        photos / "images", photos / "masks", tmp_path / "run", ("b2-less",), device="cpu", **sizes
    )
    run_ablation(run)
    for folder in ("images", "masks"):
        shutil.copytree(photos / folder, tmp_path / "moved" / folder)
    moved = replace(run, images=tmp_path / "moved" / "images", masks=tmp_path / "moved" / "masks")
    assert len(run_ablation(moved)) == 1
    for path in (photos / "images").iterdir():
        write_photo(path, np.zeros((48, 48, 3), np.uint8))
    with pytest.raises(FileError, match=r"same settings.*files"):
        run_ablation(replace(run, seeds=(0, 1)))


def test_a_mask_of_another_size_is_named_before_the_first_training(photos, tmp_path):
    write_photo(photos / "masks" / "07.png", np.zeros((24, 24, 3), np.uint8))
    run = AblationRun(photos / "images", photos / "masks", tmp_path / "run", side_px=32, radius_px=3.0)
    with pytest.raises(FileError, match=r"07 \(photo 48 × 48, mask 24 × 24\)"):
        run_ablation(run)
    assert not run.out.exists()


def test_differences_are_paired_by_seed_and_scene():
    one = FinishedTraining("b3-less", 0, 1_900_000, 10, 60.0, (20.0, 30.0), (0.8, 0.9))
    found = [
        one,
        replace(one, seed=1, psnr=(22.0, 32.0)),
        replace(one, variant="less-dir", psnr=(19.0, 30.0)),
    ]
    found.append(replace(one, variant="less-dir", seed=1, psnr=(22.0, 31.0)))
    (only,) = differences(found)
    assert (only.variant, only.of, only.gain) == ("less-dir", "b3-less", pytest.approx(-0.5))
    assert only.seeds == pytest.approx((-0.5, -0.5)) and only.error == pytest.approx(0.0)
    assert not differences([one, replace(one, variant="less-dir", seed=2)])
    lines = "\n".join(ablation_lines(found, {"physical": (35.0, 0.96)}, "scenes"))
    assert "| physical |  |  | 35.00 |" in lines and "| 26.00 | 25.00, 27.00 |" in lines
    assert "| less-dir − b3-less | -0.50 ± 0.00 | -0.50, -0.50 |" in lines


def test_what_cannot_be_is_said(photos, tmp_path):
    run = AblationRun(photos / "images", photos / "masks", tmp_path)
    with pytest.raises(InputError, match="got b4"):
        run_ablation(replace(run, variants=("b4",)))
    with pytest.raises(InputError, match="seeds from 0"):
        run_ablation(replace(run, seeds=(0, -1)))
    with pytest.raises(FileError, match="got none"):
        finished(tmp_path)

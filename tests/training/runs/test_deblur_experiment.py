"""The experiment on tiny data: four ways from one start, what is there isn't done again, and what it says."""

import json
import shutil

import numpy as np
import pytest
import torch
from scenes import SCENES

from cocnet import create_model, save_checkpoint
from cocnet.apps.cli.main import main
from cocnet.datasets.pairs.raytraced import read_scene
from cocnet.datasets.synthetic.bokeh_augmentation import BokehAugmentation
from cocnet.datasets.synthetic.sensor_noise import CameraSettings
from cocnet.errors import InputError
from cocnet.imaging import write_photo
from cocnet.metrics.image import psnr
from cocnet.training.recipes.adversarial_depth import AdversarialDepth
from cocnet.training.runs.deblur_experiment_report import differences, report_lines, verdict
from cocnet.training.runs.deblur_settings import DeblurExperiment

TINY = {"widths": [4, 4], "blocks": [1, 1], "radii_px": [1.5]}
CLEAN = CameraSettings(noisy=0, compressed=0)


@pytest.fixture
def start(tmp_path):
    torch.manual_seed(0)
    model = create_model("deblur-hybrid", **TINY)
    torch.nn.init.normal_(model.last.weight, std=0.02)
    return save_checkpoint(model, tmp_path / "start.safetensors")


@pytest.fixture
def command(photos, start):
    for folder in ("real", "rt"):
        (photos / folder).mkdir()
    shutil.copy(SCENES[3], photos / "rt")
    for name, seed in (("0_input", 1), ("0_sharp", 2)):
        pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3)).astype(np.uint8)
        write_photo(photos / "real" / f"{name}.png", pixels)
    folders = {"images": "images", "masks": "masks", "ray-traced": "rt", "real": "real", "out": "out"}
    flags = [text for flag, name in folders.items() for text in (f"--{flag}", str(photos / name))]
    sizes = {"steps": 2, "batch": 2, "pictures": 4, "side-px": 32, "attack-steps": 1, "metrics": "psnr"}
    small = [text for flag, value in sizes.items() for text in (f"--{flag}", str(value))]
    small += ["--seeds", "0", "1"]
    return ["train", "deblur-experiment", "--start", str(start), *flags, *small]


def test_four_ways_from_one_start_and_nothing_twice(command, photos, capsys):
    assert main(command) == 0
    first = capsys.readouterr().out
    out = photos / "out"
    ways = [f"{way}-{seed}" for way in ("none", "natural", "random", "adversarial") for seed in (0, 1)]
    scores = {name: json.loads((out / name / "scores.json").read_text()) for name in [*ways, "start"]}
    assert all(set(found) == {"real", "ray-traced"} for name, found in scores.items() if name != "start")
    assert scores["none-0"] != scores["natural-0"] != scores["adversarial-0"]
    assert "On real pairs adversarial bokeh" in first and first == (out / "experiment.md").read_text()
    times = {path: path.stat().st_mtime_ns for path in out.rglob("scores.json")}
    assert main(command) == 0 and capsys.readouterr().out == first
    assert times == {path: path.stat().st_mtime_ns for path in out.rglob("scores.json")}
    assert main([*command, "--epsilon", "0.1"]) == 1 and "same settings" in capsys.readouterr().err


def test_other_files_are_another_experiment_and_other_places_are_not(
    command, photos, start, monkeypatch, capsys
):
    monkeypatch.setattr("cocnet.training.runs.deblur_experiment._scored", lambda *given: None)
    report = photos / "out" / "experiment.md"
    monkeypatch.setattr(
        "cocnet.training.runs.deblur_experiment_report.write_report",
        lambda *given: report.write_text("done") and report,
    )
    assert main(command) == 0
    monkeypatch.chdir(photos)
    here = [text.removeprefix(f"{photos}/") for text in command]
    assert here != command and main(here) == 0

    def refused(told):
        assert main(command) == 1
        said = capsys.readouterr().err
        assert "expected the same settings" in said and told in said

    (photos / "rt" / "bad.npz").write_bytes(b"no scene")
    assert main(command) == 1 and "bad (" in capsys.readouterr().err
    assert main([*command, "--skip-problems"]) == 0 and "left out 1" in capsys.readouterr().err
    (photos / "rt" / "bad.npz").unlink()
    kept = start.read_bytes()
    save_checkpoint(create_model("deblur-hybrid", **TINY), start)
    refused("start")
    start.write_bytes(kept)
    for folder in ("images", "masks"):
        shutil.copy(photos / folder / "00.png", photos / folder / "20.png")
    refused("files")
    start.unlink()
    assert main(command) == 1 and "expected a weight file to start from" in capsys.readouterr().err


def test_the_attack_makes_it_harder_than_chance_and_leaves_the_network():
    torch.manual_seed(0)
    model = create_model("deblur-hybrid", **TINY).eval()
    source = [read_scene(SCENES[3])]
    attack = AdversarialDepth(model, epsilon=0.1, steps=2)
    before = {name: x.clone() for name, x in model.state_dict().items()}

    def error(depth):
        pair = BokehAugmentation(source, depth, epsilon=0.1, camera=CLEAN)[0]
        with torch.no_grad():
            return float(psnr(model(pair.blurred[None]), pair.sharp[None]))

    assert error(attack) < error("random") - 0.05 and error(attack) < error("natural")
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())


def made_up(folder, values):
    for name, value in values.items():
        path = folder / name / "scores.json"
        path.parent.mkdir(parents=True)
        found = {"real": {"a": {"psnr": value}, "b": {"psnr": value + 2}}}
        if name == "start":
            found["real, blurred"] = found["real"]
        path.write_text(json.dumps(found))


@pytest.mark.parametrize(
    ("gains", "said"),
    [((0.30, 0.31, 0.32), "helps"), ((-0.30, -0.31, -0.32), "harms"), ((0.5, -0.4, 0.0), "no difference")],
)
def test_what_it_says_follows_from_the_interval(tmp_path, gains, said):
    values = {"start": 20.0}
    for seed, gain in enumerate(gains):
        values |= {f"none-{seed}": 20.0 + seed, f"adversarial-{seed}": 20.0 + seed + gain}
        values |= {f"natural-{seed}": 20.1 + seed, f"random-{seed}": 20.0 + seed}
    made_up(tmp_path, values)
    assert said in verdict(tmp_path, "real", (0, 1, 2))
    found, half = differences(tmp_path, "real", "adversarial", (0, 1, 2), "psnr")
    assert found == pytest.approx(np.mean(gains))
    assert half == pytest.approx(4.303 * np.std(gains, ddof=1) / np.sqrt(3), rel=1e-3)
    lines = "\n".join(report_lines(tmp_path, (0, 1, 2), ("psnr",)))
    assert "| natural bokeh | +0.1000 ± 0.0000 |" in lines and "### Real pairs (2)" in lines


def test_impossible_numbers_are_refused(tmp_path):
    with pytest.raises(InputError, match="multiples of 8"):
        DeblurExperiment(tmp_path, tmp_path, tmp_path, tmp_path, tmp_path, side_px=30)

"""The examples run, and end where their last line says."""

import importlib.util
import os
import sys

import numpy as np
import pytest
import torch
from paths import ROOT
from PIL import Image
from torchvision.models.detection import ssdlite320_mobilenet_v3_large
from torchvision.models.segmentation import lraspp_mobilenet_v3_large


def example(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_render_photo(tmp_path):
    example("render_photo").main(folder=str(tmp_path / "out"))
    near, far = (np.asarray(Image.open(tmp_path / "out" / f"{name}.png"), float) for name in ("near", "far"))
    stripes = np.s_[20:60, 200:300]
    assert near[stripes].std() < 0.5 * far[stripes].std()
    assert (tmp_path / "out" / "near.png.json").is_file()


@pytest.mark.slow
def test_recover_lens():
    focus_m, f_number = example("recover_lens").recover()
    assert focus_m == pytest.approx(1.4, rel=0.02) and f_number == pytest.approx(1.8, rel=0.03)


@pytest.mark.slow
def test_train_tiny(tmp_path):
    before, after = example("train_tiny").train(str(tmp_path / "tiny.safetensors"))
    assert after < 0.6 * before and (tmp_path / "tiny.safetensors").is_file()


def test_attack_classifier():
    accuracy, _ = example("attack_classifier").attack()
    assert accuracy == 0


def test_attack_segmenter():
    one = example("attack_segmenter")
    random, attacked = one.attack(one.Textured().eval())
    assert attacked > 0.4 > 3 * random


def test_attack_detector():
    one = example("attack_detector")
    natural, attacked = one.attack(one.Spots().eval())
    assert natural > 0.9 and attacked < 0.5


def drawn(make, **options):
    """A network of torchvision with weights of a moment."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make(weights=None, weights_backbone=None, **options).eval()


def test_a_segmenter_of_torchvision_takes_the_toys_place():
    network = drawn(lraspp_mobilenet_v3_large, num_classes=3)
    random, attacked = example("attack_segmenter").attack(network, steps=3)
    assert 0 <= random <= 1 and 0 <= attacked <= 1


@pytest.mark.parametrize("least_score", [0.001, 0.99], ids=["much is found", "nothing is found"])
def test_a_detector_of_torchvision_takes_the_toys_place(least_score):
    kept = {
        "score_thresh": least_score,
        "topk_candidates": 4000,
        "detections_per_img": 4000,
        "nms_thresh": 1.0,
    }
    network = drawn(ssdlite320_mobilenet_v3_large, num_classes=3, **kept)
    natural, attacked = example("attack_detector").attack(network, steps=2)
    assert 0 <= attacked <= 1 and (natural > 0) == (least_score < 0.5)


def test_a_detector_that_stops_finding_is_an_attack_that_wins():
    one = example("attack_detector")
    scores = torch.tensor([0.9], requires_grad=True)
    none = {"boxes": torch.zeros(0, 4), "scores": scores[:0], "labels": torch.zeros(0, dtype=torch.int64)}
    goal = torch.tensor([[16.0, 16.0, 32.0, 32.0]])
    assert one.success([none], goal).tolist() == [True]
    (gradient,) = torch.autograd.grad(one.loss([none], goal).sum(), scores)
    assert gradient.tolist() == [0.0]


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    nbclient, nbformat = (pytest.importorskip(name) for name in ("nbclient", "nbformat"))
    source = str(ROOT / "src")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([source, os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(ROOT / "examples" / "lens_in_python.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "kept without outputs: they are made here"
    run = nbclient.NotebookClient(
        notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    run.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
    said = "".join(output.get("text", "") for output in outputs if output.output_type == "stream")
    assert "focus at 1.00 m and 4.00 m" in said and "class 0 became 1" in said

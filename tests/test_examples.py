"""The examples run, and end where their last line says."""

import importlib.util
import os
import sys

import numpy as np
import pytest
from paths import ROOT
from PIL import Image


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
    random, attacked = example("attack_segmenter").attack()
    assert attacked > 0.4 > 3 * random


def test_attack_detector():
    natural, attacked = example("attack_detector").attack()
    assert natural > 0.9 and attacked < 0.5


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

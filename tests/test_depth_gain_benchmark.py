"""Gain against steps of a tiny training, as benchmarks/depth_gain.py prints and draws it."""

import json
import sys
from dataclasses import replace

import pytest
import torch
from paths import ROOT
from toys import toy_task

from cocnet.errors import FileError
from cocnet.robustness.run_layout import RunLayout, save_picture, save_plane
from cocnet.training.engine.loop import train


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import depth_gain

    yield depth_gain
    sys.modules.pop("depth_gain")


def test_the_gain_of_every_kept_weight_file(benchmark, tmp_path, capsys):
    task = toy_task(tmp_path / "training", steps=(4,))
    train(replace(task, recipe=replace(task.recipe, sample_steps=2, keep_weights=True)))
    kept = sorted(path.name for path in task.folder.glob("weights-*.safetensors"))
    assert kept == ["weights-0000002.safetensors", "weights-0000004.safetensors"]
    train(task)  # the same training goes on without keeping them
    assert [steps for _, steps in benchmark.checkpoints(str(task.folder))] == [2, 4]
    layout = RunLayout(tmp_path / "run")
    for stem in ("a", "b"):
        save_picture(layout.photo(stem), torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0)))
        save_plane(layout.depth(stem), torch.linspace(0, 1, 32).expand(1, 32, 32).contiguous())
    out = tmp_path / "gain.png"
    stored = tmp_path / "gain.json"
    benchmark.main([str(layout.root), str(task.folder), "physical", "-o", str(out), "--json", str(stored)])
    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")][2:]
    assert [row[:2] for row in rows] == [["training", "2"], ["training", "4"], ["physical", ""]]
    facts = json.loads(stored.read_text())
    assert facts["rows"] == rows and [steps for steps, _ in facts["curves"]["training"]] == [2, 4]
    assert all(float(row[3]) >= float(row[2]) > 0 for row in rows) and out.stat().st_size > 1000
    with pytest.raises(FileError, match="keep-weights"):
        benchmark.checkpoints(str(tmp_path / "run"))
    with pytest.raises(FileError, match="a run with photos"):
        benchmark.photos(tmp_path / "nothing", 2)

"""Table I: what is printed, what is counted, what is measured where it can be."""

import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from cocnet import create_model, save_checkpoint
from cocnet.apps.cli.main import main
from cocnet.datasets import ImageBokehFolder
from cocnet.errors import InputError
from cocnet.evaluation.published_table1 import TABLE_1
from cocnet.evaluation.table1 import table_1, table_lines
from cocnet.networks import list_models


@pytest.fixture
def pairs(tmp_path):
    for part in ("original", "bokeh"):
        (tmp_path / part).mkdir()
        plane = np.random.default_rng(1).integers(0, 255, (40, 40, 3)).astype(np.uint8)
        Image.fromarray(plane).save(tmp_path / part / "0.png")
    return ImageBokehFolder(tmp_path / "original", tmp_path / "bokeh")


def test_every_row_has_a_network_and_the_printed_size():
    assert len(TABLE_1) == 12 and {row.model for row in TABLE_1} <= {card.name for card in list_models()}
    for row in table_1():
        assert row.scores == {"psnr": None, "ssim": None, "lpips": None}
        if row.parameters is not None:
            assert row.parameters == pytest.approx(row.published.parameters, abs=0.06)
        assert "no trained weights" in row.note or "no EBB! data" in row.note
    best = max(TABLE_1, key=lambda row: row.psnr)
    assert (best.name, best.psnr, best.ssim, best.lpips) == ("CoCNet-b3-depth", 24.81, 0.8607, 0.0624)


def test_trained_weights_are_measured(pairs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    torch.manual_seed(0)
    network = create_model("cocnet-b3-less", channels=[4, 8, 8], groups=1, kernel_size=3).start_at_identity()
    save_checkpoint(network, tmp_path / "cocnet-b3-less.safetensors")
    rows = {row.published.name: row for row in table_1(pairs, tmp_path)}
    measured = rows["CoCNet-b3-less"]
    assert measured.scores["lpips"] is None and "no lpips: expected" in measured.note
    assert measured.scores["ssim"] == pytest.approx(1) and "original" in measured.note
    assert rows["CoCNet-b3"].scores["ssim"] is None and "no trained weights" in rows["CoCNet-b3"].note
    line = next(line for line in table_lines(tuple(rows.values())) if line.startswith("| CoCNet-b3-less"))
    assert "0.8597 / 1.0000" in line
    with pytest.raises(InputError, match="folder of weights"):
        table_1(pairs, tmp_path / "missing")


def test_pairs_that_cannot_be_used_stop_the_table_or_are_counted(pairs, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "lpips", None)
    Image.new("RGB", (40, 40)).save(tmp_path / "original" / "1.png")
    Image.new("RGB", (20, 40)).save(tmp_path / "bokeh" / "1.png")
    network = create_model("cocnet-b3-less", channels=[4, 8, 8], groups=1, kernel_size=3).start_at_identity()
    save_checkpoint(network, tmp_path / "cocnet-b3-less.safetensors")
    command = ["tables", "1", "--data", str(tmp_path), "--weights", str(tmp_path), "--native"]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "1 (photo 40 × 40, bokeh 20 × 40)" in said and "--skip-problems" in said
    assert main([*command, "--skip-problems"]) == 0 and "; 1 left out" in capsys.readouterr().out


def test_the_command(tmp_path, capsys):
    assert main(["tables", "1", "-o", str(tmp_path / "table.md")]) == 0
    printed = capsys.readouterr().out
    assert "| CoCNet-b3 | 7.34 / 7.34 | 24.78 / – |" in printed
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == printed
    assert main(["tables", "1", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 12
    assert main(["tables", "7"]) == 1 and "try cocnet tables 1" in capsys.readouterr().err

"""Table IV: what is printed, what is measured, and the photo as it is beside it."""

import json
import sys

import numpy as np
import pytest
import torch

from cocnet import create_model, save_checkpoint
from cocnet.apps.cli.main import main
from cocnet.datasets.pairs.deblur_pairs import open_deblur_pairs
from cocnet.errors import InputError
from cocnet.evaluation.table4 import TABLE_4, table_4
from cocnet.imaging import write_photo
from cocnet.metrics.deblurring import measure_deblurring
from cocnet.metrics.image import psnr, ssim


@pytest.fixture
def folder(tmp_path):
    """One pair, the blurred one 10 codes darker."""
    sharp = np.random.default_rng(0).integers(20, 256, (24, 32, 3)).astype(np.uint8)
    (tmp_path / "pairs").mkdir()
    write_photo(tmp_path / "pairs" / "0_sharp.png", sharp)
    write_photo(tmp_path / "pairs" / "0_input.png", sharp - 10)
    return tmp_path / "pairs"


@pytest.fixture
def weights(tmp_path):
    """Two networks that add 10 codes and none."""
    (tmp_path / "weights").mkdir()
    for name, codes in (("ifan", 10), ("mine", 0)):
        model = create_model("ifan-lite")
        model.start_at_identity()
        torch.nn.init.constant_(model.reconstruct.last.bias, codes / 255)
        save_checkpoint(model, tmp_path / "weights" / f"{name}.safetensors")
    return tmp_path / "weights"


def test_what_the_paper_prints():
    assert [(r.name, r.psnr, r.ssim, r.lpips) for r in TABLE_4] == [
        ("IFAN", 25.36620, 0.78885, 0.21739),
        ("F-IFAN", 25.38111, 0.78887, 0.21836),
    ]


def test_pairs_that_cannot_be_used_stop_the_table_or_are_counted(folder, capsys):
    write_photo(folder / "1_sharp.png", np.zeros((24, 32, 3), np.uint8))
    command = ["tables", "4", "--data", str(folder)]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "1 (no blurred photo)" in said and "--skip-problems" in said
    assert main([*command, "--skip-problems"]) == 0 and "1 left out" in capsys.readouterr().out


def test_a_pair_that_is_damaged_behind_its_header_is_left_out_too(folder, capsys):
    pixels = np.random.default_rng(1).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    for name in ("1_sharp.png", "1_input.png"):
        write_photo(folder / name, pixels)
    (folder / "1_input.png").write_bytes((folder / "1_input.png").read_bytes()[:60_000])
    command = ["tables", "4", "--data", str(folder)]
    assert main(command) == 1 and "1_input.png" in capsys.readouterr().err
    assert main([*command, "--skip-problems"]) == 0 and "1 left out" in capsys.readouterr().out


def test_scores_are_those_of_8_bit_pictures(folder, weights, monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    rows = {row.name: row for row in table_4(open_deblur_pairs(folder), weights)}
    assert rows["IFAN"].scores["psnr"] == float("inf") and rows["IFAN"].scores["ssim"] == pytest.approx(1)
    untouched, mine = rows["the photo as it is"], rows["mine"]
    blurred, sharp = (x[None].double() for x in open_deblur_pairs(folder)[0][:2])
    assert untouched.scores["psnr"] == pytest.approx(float(psnr(blurred, sharp)), abs=1e-4)
    assert untouched.scores["ssim"] == pytest.approx(float(ssim(sharp, blurred)), abs=1e-5)
    assert untouched.parameters is None
    assert mine.scores == untouched.scores and mine.printed["psnr"] is None
    assert rows["F-IFAN"].scores["psnr"] is None and "no trained weights" in rows["F-IFAN"].note
    assert rows["F-IFAN"].parameters == pytest.approx(10.476996)
    assert "no lpips" in mine.note and "8 bit" in mine.note


def test_other_networks_and_empty_sets_are_refused(folder, tmp_path):
    with pytest.raises(InputError, match="folder of weights"):
        table_4(None, tmp_path / "none")
    save_checkpoint(create_model("dbsi", kernels=[3]), tmp_path / "bokeh.safetensors")
    with pytest.raises(InputError, match="deblurring networks alone, got dbsi"):
        table_4(open_deblur_pairs(folder), tmp_path)
    with pytest.raises(Exception, match="expected pairs to measure on"):
        measure_deblurring(None, [])


def test_the_command(run_main, folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    out = tmp_path / "table4.md"
    code, printed = run_main("tables", "4", "-o", out)
    assert (
        code == 0 and "| IFAN | 10.48 | 25.37 / – |" in printed and out.read_text(encoding="utf-8") == printed
    )
    code, printed = run_main("tables", "4", "--data", folder, "--json")
    assert code == 0
    rows = {row["name"]: row for row in json.loads(printed)}
    assert rows["the photo as it is"]["scores"]["psnr"] > 20


@pytest.fixture
def run_main(capsys):
    from cocnet.apps.cli.main import main

    def call(*arguments):
        code = main([str(a) for a in arguments])
        return code, capsys.readouterr().out

    return call

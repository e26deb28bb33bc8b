"""A run that takes a second."""

import pytest
from victims import labelled, open_tiny

from cocnet.robustness import sources, summary
from cocnet.robustness.run_settings import RobustnessRun


@pytest.fixture(autouse=True)
def tiny_victims(monkeypatch):
    monkeypatch.setattr(sources, "open_victim", open_tiny)
    monkeypatch.setattr(summary, "DRAWS", 50)


@pytest.fixture
def run(tmp_path):
    return RobustnessRun(
        labelled(tmp_path / "photos"),
        tmp_path / "run",
        victims=("tiny", "tiny2"),
        methods=("bokeh", "gda@0.3", "pgd-rgb@0.3"),
        batch=2,
        steps=3,
        size_px=32,
        metrics=("psnr", "ssim"),
        pictures=1,
    )

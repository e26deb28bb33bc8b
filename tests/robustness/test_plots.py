"""Plots: files of the right size, what they show, one line where matplotlib is missing."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from cocnet.errors import MissingExtraError
from cocnet.imaging import read_photo
from cocnet.robustness.curves import Curve
from cocnet.robustness.measurement import Point
from cocnet.robustness.plots import plot_effort, plot_epsilon, plot_similarity, plot_survival, styled

YES, MIXED = (True,) * 8, (True, False) * 4
POINTS = tuple(
    Point(
        "gda", e, n, 1, YES, YES, right, (db,) * 8, (n,) * 8, {"float": (YES, right), "png8": (MIXED, right)}
    )
    for e, n, right, db in ((1e-4, 10, YES, float("inf")), (1e-3, 50, YES, 60.0), (1e-2, 100, MIXED, 40.0))
)
CURVES = (
    Curve("gda", POINTS),
    Curve("random", tuple(replace(one, ways={}) for one in POINTS)),
    Curve("sm-gda", POINTS),
)


@pytest.mark.parametrize(
    ("plot", "what"),
    [(plot_epsilon, CURVES), (plot_similarity, CURVES), (plot_effort, CURVES[:1]), (plot_survival, POINTS)],
)
def test_a_picture_is_drawn(plot, what, tmp_path):
    pytest.importorskip("matplotlib")
    plot(tmp_path / "plot.png", what, "title")
    pixels = np.array(read_photo(tmp_path / "plot.png").pixels)
    assert pixels.shape == (840, 1400, 3) and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


def test_a_yardstick_looks_like_its_attack():
    gda, random, smooth = (style for _, style in styled(CURVES))
    assert gda["color"] == random["color"] != smooth["color"] and random["linestyle"] == "--"


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'cocnet\[plots\]'"):
        plot_epsilon(tmp_path / "plot.png", CURVES, "title")
    assert not list(tmp_path.iterdir())

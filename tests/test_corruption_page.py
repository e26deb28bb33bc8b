"""docs/bokeh-corruptions.md is what its stored reports say; verdicts turn with the figures."""

import sys
from dataclasses import replace

import pytest
from paths import ROOT

from cocnet.augment.corruptions import CONTROL
from cocnet.metrics import wilson


@pytest.fixture(scope="module")
def maker():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import corruption_page

        return corruption_page
    finally:
        sys.path.pop(0)


def test_the_page_is_what_the_reports_say(maker):
    scores = maker.read_scores()
    assert scores and maker.PAGE.read_text(encoding="utf-8") == maker.page(scores)
    for score in scores:
        assert (maker.PICTURES / maker.picture(score.victim)).is_file()


def test_verdicts_turn_with_the_figures(maker):
    first = maker.read_scores()[0]
    severities = first.accuracy[CONTROL]

    def told(near, far, control):
        right = {"near_focus": near, "far_focus": far, CONTROL: control}
        accuracy = {name: {s: wilson(count, 100) for s in severities} for name, count in right.items()}
        return maker.verdicts([replace(first, accuracy=accuracy), replace(first, accuracy=accuracy)])

    worse, depth, *_ = told(80, 60, 50)
    assert "far_focus is worse than near_focus** for all 2" in worse and "+20.0 to +20.0" in worse
    assert "hurts less" in depth and "+20.0" in depth
    assert "far_focus (+1.0 points)" in told(80, 60, 59)[2] and "near_focus" not in told(80, 60, 59)[2]
    worse, depth, *_ = told(60, 80, 90)
    assert "near_focus is worse than far_focus" in worse and "hurts more" in depth and "-20.0" in depth

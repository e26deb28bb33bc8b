"""The printed line, read by the parser, gives the options back."""

import shlex

import pytest

from cocnet.apps.cli import render_command
from cocnet.apps.cli.main import main
from cocnet.apps.cli.spelled import command_of
from cocnet.pipeline.options import RenderOptions


@pytest.mark.parametrize(
    "options",
    [
        RenderOptions(),
        RenderOptions(focus_point=(0.1 + 0.2, 1 / 3), f_number=1.8, max_mem_mb=900, preview=True),
        RenderOptions(focus_m=2.5, highlights=(0.85, 6.0), depth_kind="metric", mode="eq8", axial_ca=-0.02),
        RenderOptions(highlights="off", grain="off", estimator="builtin", aperture_blades=7, near_m=1e-3),
    ],
)
def test_round_trip(options, monkeypatch):
    seen: dict[str, object] = {}
    monkeypatch.setattr(render_command, "render", _recording(seen, render_command.render))
    line = command_of("-a b.jpg", "it's.npy", options, "out.jpg", 90)
    assert main(shlex.split(line)[1:]) == 0
    assert seen["rendering"] == options and str(seen["photo"]) == "-a b.jpg"
    assert str(seen["depth"]) == "it's.npy" and str(seen["out"]) == "out.jpg" and seen["quality"] == 90


def _recording(seen, command):
    import functools
    import inspect

    @functools.wraps(command)
    def render(*arguments, **named):
        seen.update(inspect.signature(command).bind(*arguments, **named).arguments)

    return render

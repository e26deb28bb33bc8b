"""`cocnet depth` and `cocnet render` on photos that bring no depth."""

import json
import shutil

import numpy as np
import pytest

from cocnet.depth.network_view import WEIGHTS, load_network
from cocnet.imaging import read_depth, read_photo


def test_render_works_on_any_photo(files, run):
    out = files.folder / "photo-bokeh.jpg"
    outcome = run("render", files.photo(height=60, width=90))
    assert outcome.code == 0, outcome.err
    assert read_photo(out).pixels.shape == (60, 90, 3)
    assert "note: depth: built-in network: found" in outcome.err and "distances are chosen" in outcome.err


@pytest.mark.parametrize("name", ["depth.png", "depth.npy", "depth.pfm"])
def test_depth_files_read_back_as_what_they_are(files, run, name):
    out = files.folder / name
    outcome = run("depth", files.photo(height=60, width=90), "-o", out, "--json")
    assert outcome.code == 0, outcome.err
    facts = json.loads(outcome.out)
    depth = read_depth(out)
    assert "--near-m" not in outcome.err + outcome.out
    assert depth.kind == facts["kind"] == "relative_disparity" and depth.values.shape == (60, 90)
    assert "built-in" in depth.source and "distances are chosen" in facts["source"]


def test_from_its_own_depth_file_a_photo_is_rendered_as_without(files, run):
    photo, depth = files.photo(height=60, width=90), files.folder / "depth.png"
    run("depth", photo, "-o", depth)
    seen = []
    for given in ((), ("--depth", depth)):
        outcome = run("render", photo, *given, "--focus-point", "0.5,0.5", "--json")
        seen.append(json.loads(outcome.out))
    for name in ("nearest_m", "farthest_m", "largest_blur_radius_px"):
        assert seen[1][name] == pytest.approx(seen[0][name], rel=5e-3)
    assert seen[1]["focus_m"]["value"] == pytest.approx(seen[0]["focus_m"]["value"], rel=5e-3)


def test_weights_of_ones_own_find_subjects(files, run, monkeypatch):
    mine, seen = files.folder / "mine.safetensors", []
    shutil.copy(WEIGHTS, mine)
    monkeypatch.setattr(
        "cocnet.pipeline.depth_source.load_network", lambda path: seen.append(path) or load_network(path)
    )
    outcome = run("render", files.photo(height=60, width=90), "--estimator", mine)
    assert outcome.code == 0 and "depth: network 'mine.safetensors'" in outcome.err, outcome.err
    assert set(seen) == {mine}
    broken = files.write("broken.safetensors", b"no weights")
    outcome = run("depth", files.photo(), "--estimator", broken, "-o", files.folder / "d.npy")
    assert (
        outcome.code == 1
        and len(outcome.errors) == 1
        and "try the depth_subject.safetensors of" in outcome.err
    )


def test_depth_in_the_photo_comes_first_unless_an_estimator_is_named(files, run):
    out = files.folder / "d.npy"
    assert run("depth", files.gdepth(), "-o", out).code == 0
    assert read_depth(out).kind == "metric"
    assert run("depth", files.gdepth(), "--estimator", "builtin", "-o", out).code == 0
    assert read_depth(out).kind == "relative_disparity"


def test_a_sidecar_replaces_only_depth_s(files, run, monkeypatch):
    photo, theirs = files.photo(), files.write("d.png.json", b'{"mine": 1}')
    monkeypatch.setattr("cocnet.pipeline.scene.find_depth", None)  # refused before
    for arguments in (
        ("depth", photo, "-o", files.folder / "d.png"),
        ("render", photo, "--save-depth", files.folder / "d.png"),
    ):
        outcome = run(*arguments)
        assert outcome.code == 1 and "d.png.json" in outcome.errors[0]
    assert theirs.read_bytes() == b'{"mine": 1}'


@pytest.mark.parametrize("arguments", [("d.jpg",), ("d.png", "--coloured")])
def test_a_coloured_picture(files, run, arguments):
    out = files.folder / arguments[0]
    outcome = run("depth", files.gdepth(), "-o", out, *arguments[1:])
    assert outcome.code == 0 and "picture" in outcome.out
    assert np.ptp(read_photo(out).pixels.astype(int), axis=2).max() > 30


def test_refined_depth_is_disparity_of_the_photos_size(files, run):
    out = files.folder / "d.npy"
    assert run("depth", files.gdepth(), "--refine", "-o", out).code == 0
    assert read_depth(out).kind == "disparity" and read_depth(out).values.shape == (18, 24)


def test_an_ending_that_is_no_depth_files_is_told_before_the_work(files, run, monkeypatch):
    monkeypatch.setattr("cocnet.pipeline.scene.depth_of", None)
    photo = files.photo()
    for name, more in (("d.tif", ()), ("d.gif", ()), ("d.npy", ("--coloured",))):
        outcome = run("depth", photo, *more, "-o", files.folder / name)
        assert outcome.code == 1 and "expected a" in outcome.errors[0] and len(outcome.errors) == 1


def test_refined_depth_without_scale_has_none_in_its_file(files, run):
    photo, out = files.photo(), files.folder / "d.npy"
    assert run("depth", photo, "--estimator", "builtin", "--refine", "-o", out).code == 0
    found = read_depth(out)
    assert found.kind == "relative_disparity" and found.span_m is not None
    outcome = run("render", photo, "--depth", out, "-o", files.folder / "out.jpg")
    assert outcome.code == 0 and "its distances are relative" in outcome.err


def test_an_estimator_that_cannot_run_is_one_line(files, run):
    outcome = run("depth", files.photo(), "--estimator", "depth-pro", "-o", files.folder / "d.npy")
    assert "--depth " not in outcome.err
    assert outcome.code == 1 and len(outcome.errors) == 1 and "Depth Pro" in outcome.err

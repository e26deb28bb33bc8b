"""`-` is standard input and standard output; names that start with a dash come after `--`."""

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from cocnet.imaging import read_photo


@pytest.fixture
def piped(monkeypatch):
    """Standard input of these bytes; returns what is written to standard output."""

    def start(data):
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        text = io.TextIOWrapper(written, write_through=True)
        monkeypatch.setattr(sys, "stdout", text)
        return written

    return start


def test_a_photo_goes_through(files, run, piped):
    photo, depth = files.photo(), files.depth()
    written = piped(photo.read_bytes())
    outcome = run("render", "-", "--depth", depth, "--depth-kind", "metric", "--focus-m", 1.5, "-o", "-")
    assert outcome.code == 0, outcome.err
    assert read_photo(written.getvalue()).pixels.shape == (18, 24, 3)
    assert "-: 50 mm f/1.8" in outcome.err and files.names() == ["depth.npy", "photo.jpg"]


def test_without_an_output_it_goes_where_it_came_from(files, run, piped):
    written = piped(files.gdepth().read_bytes())
    assert run("render", "-", "--focus-m", 1).code == 0
    assert written.getvalue().startswith(b"\x89PNG")


def test_depth_comes_through_a_pipe_too(files, run, piped):
    photo, depth, out = files.photo(), files.depth(), files.folder / "out.png"
    piped(depth.read_bytes())
    outcome = run("render", photo, "--depth", "-", "--depth-kind", "metric", "--focus-m", 1.5, "-o", out)
    assert outcome.code == 0, outcome.err
    assert out.is_file()


@pytest.mark.parametrize(("command", "name"), [("render", "photo-bokeh.jpg"), ("deblur", "photo-sharp.jpg")])
def test_a_picture_that_nobody_named_replaces_only_ours(command, name, files, run):
    photo, theirs = files.photo(), files.photo(name)
    before = theirs.read_bytes()
    outcome = run(command, photo)
    assert outcome.code == 1 and name in outcome.errors[0] and "try -o" in outcome.err
    assert theirs.read_bytes() == before
    files.write(f"{name}.json", b'{"options": {}}')
    assert "expected a quality" in run(command, photo, "--quality", 0).err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("render", "-", "--json"), "one thing on standard output"),
        (("depth", "-", "-o", "-"), "sidecar"),
        (("render", "-", "-o", "-"), "empty"),
    ],
)
def test_what_a_stream_can_t_do_is_one_line(arguments, told, run, piped):
    written = piped(b"")
    outcome = run(*arguments)
    assert outcome.code == 1 and len(outcome.errors) == 1 and told in outcome.err
    assert written.getvalue() == b""


def test_no_picture_is_written_to_a_terminal(run, piped, monkeypatch, files):
    piped(files.photo().read_bytes())
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert "the terminal, try -o FILE" in run("render", "-").err


def test_names_with_dashes(files, run, monkeypatch):
    monkeypatch.chdir(files.folder)
    files.photo("--photo.jpg")
    files.depth("-d.npy")
    options = ("--depth=-d.npy", "--depth-kind", "metric", "--focus-m", 1.5, "--out=-out.png")
    outcome = run("render", *options, "--", "--photo.jpg")
    assert outcome.code == 0, outcome.err
    assert np.array_equal(read_photo(files.folder / "-out.png").pixels.shape, (18, 24, 3))

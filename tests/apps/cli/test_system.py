"""Names, folders and devices as systems have them: a picture, or one line."""

import json
import os
import sys

import pytest

LINUX = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="names of bytes and /dev/full are Linux's"
)


@pytest.fixture
def options(files):
    return ("--depth", files.depth(), "--depth-kind", "metric", "--focus-m", 1.5)


@LINUX
def test_names_that_are_not_utf_8_render_and_are_written_as_codes(files, run, options):
    photo = files.folder / os.fsdecode(b"ph\xffto.jpg")
    photo.write_bytes(files.photo().read_bytes())
    out = files.folder / os.fsdecode(b"o\xfe.png")
    outcome = run("render", photo, *options, "--json", "-o", out)
    assert outcome.code == 0 and out.is_file() and r"ph\udcffto.jpg" in outcome.out
    settings = out.with_name(out.name + ".json").read_text(encoding="utf-8")
    assert json.loads(settings)["photo"] == str(photo)
    missing = run("render", files.folder / os.fsdecode(b"n\xff.jpg"), *options, "-o", out)
    assert missing.code == 1 and r"n\udcff.jpg" in missing.err


@pytest.mark.parametrize("which", ["photo", "depth", "out"])
def test_names_that_are_too_long_are_the_ones_named(which, files, run, options):
    long, photo, out = files.folder / ("x" * 300 + ".png"), files.photo(), files.folder / "o.png"
    out.write_bytes(b"old")
    arguments = {
        "photo": (long, *options, "-o", out),
        "depth": (photo, "--depth", long, "--depth-kind", "metric", "-o", out),
        "out": (photo, *options, "-o", long),
    }
    outcome = run("render", *arguments[which])
    assert outcome.code == 1 and len(outcome.errors) == 1 and "x" * 300 in outcome.errors[0]
    assert out.read_bytes() == b"old"


@LINUX
def test_a_full_device_is_one_line(files, capsys, monkeypatch):
    from cocnet.apps.cli.main import main

    photo = files.photo()
    with open("/dev/full", "w", buffering=1) as full:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", full)
        code = main(["depth-info", str(photo)])
        monkeypatch.undo()
        with pytest.raises(OSError):
            full.close()
    assert code == 1 and "No space left" in (err := capsys.readouterr().err) and err.count("\n") == 1


@pytest.mark.parametrize("home", ["/proc/none", "/dev/null"])
def test_no_home_and_no_cache_are_needed(home, files, run, monkeypatch):
    """As in containers: a photo renders there."""
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("COCNET_CACHE", home)
    out = files.folder / "o.png"
    outcome = run("render", files.photo(), "-o", out)
    assert outcome.code == 0 and out.is_file() and "Traceback" not in outcome.err


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="the super user may all")
def test_folders_without_permission(files, run, options):
    folder = files.folder / "locked"
    folder.mkdir(mode=0o500)
    outcome = run("render", files.photo(), *options, "-o", folder / "o.png")
    assert outcome.code == 1 and "permissions" in outcome.err


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize(
    "damage", ["[" * 2000, "{}", "[]", '{"run": 3}', '{"run": {"victims": [1]}, "scores": 5}']
)
def test_a_damaged_run_is_one_line(number, damage, tmp_path, run):
    (tmp_path / "robustness.json").write_text(damage)
    outcome = run("tables", number, "--run", tmp_path)
    assert outcome.code == 1 and len(outcome.errors) == 1 and "expected a finished run" in outcome.errors[0]

"""A whole batch: what it leaves, what it keeps, what it does about bad files and its own death."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cocnet.apps.batch.run import run_batch
from cocnet.apps.batch.settings import BatchRun
from cocnet.errors import CocnetWarning, FileError
from cocnet.files.run_folder import locked
from cocnet.imaging import read_photo
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.render_photo import render

OPTIONS = RenderOptions(depth_kind="metric", f_number=1.0)


class Here:
    """Does in this process what a worker does in another; counts its calls."""

    calls = 0

    def __init__(self, limits):
        pass

    def call(self, function, *arguments):
        Here.calls += 1
        return function(*arguments)

    def kill(self):
        pass

    close = kill


@pytest.fixture
def batch(files):
    """Three photos with depth; a function that runs a batch of them in this process, and counts renders."""
    (files.folder / "photos").mkdir()
    (files.folder / "depth").mkdir()
    for n in range(3):
        files.photo(f"photos/{n}.jpg", height=18 + n)
        files.depth(f"depth/{n}.npy", height=18 + n)

    def run(options=OPTIONS, **changes):
        Here.calls = 0
        settings = BatchRun(**{"out": files.folder / "out", "depth": files.folder / "depth", **changes})
        return run_batch([str(files.folder / "photos")], settings, options, make_worker=Here)

    return run


def test_each_picture_is_that_of_render(batch, files):
    report = batch(format="png", workers=2)
    assert (report.made, report.kept, report.failed) == (3, 0, ())
    for n in range(3):
        alone = render(files.folder / f"photos/{n}.jpg", files.folder / f"depth/{n}.npy", OPTIONS)
        written = read_photo(files.folder / f"out/{n}.png").pixels
        assert np.array_equal(written, alone.pixels)
        assert json.loads((files.folder / f"out/{n}.png.json").read_text())["options"]["f_number"] == 1.0


def test_photos_that_are_given_are_never_written_over(batch, files):
    """A folder of photos that is the output as well, beside another one."""
    (files.folder / "out").mkdir()
    for n in range(3):
        files.photo(f"out/{n}.jpg", height=18 + n)
    before = {path: path.read_bytes() for path in (files.folder / "out").iterdir()}
    given = [str(files.folder / name) for name in ("photos", "out")]
    with pytest.raises(FileError, match="outside of the output folder"):
        run_batch(given, BatchRun(out=files.folder / "out"), OPTIONS, make_worker=Here)
    assert {path: path.read_bytes() for path in (files.folder / "out").iterdir()} == before


def test_a_second_batch_into_the_folder_is_told(batch, files):
    with locked(files.folder / "out"), pytest.raises(FileError, match="another process works"):
        batch()


def test_what_is_done_is_kept_and_what_changed_is_made_again(batch, files):
    batch(contact_sheet=False)
    assert Here.calls == 3
    assert batch(contact_sheet=False).kept == 3 and Here.calls == 0
    files.photo("photos/1.jpg", height=19, quality=30)
    assert batch(contact_sheet=False).made == 1
    np.save(files.folder / "depth/0.npy", np.full((18, 24), 4, np.float32))
    assert batch(contact_sheet=False).made == 1
    (files.folder / "out/2.jpg").unlink()
    assert batch(contact_sheet=False).made == 1
    assert batch(OPTIONS.changed(f_number=2.0), contact_sheet=False).made == 3
    assert batch(OPTIONS.changed(f_number=2.0), quality=80, contact_sheet=False).made == 3


def test_a_kept_picture_that_cannot_be_read_is_missing_on_the_sheet_alone(batch, files):
    batch()
    path = files.folder / "out/1.jpg"
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.warns(CocnetWarning, match=r"damaged .*1\.jpg"):
        report = batch()
    assert report.kept == 3 and report.contact_sheet is not None


def test_a_mask_that_changes_makes_the_pictures_anew(batch, files):
    for n in (1, 2):
        (files.folder / f"photos/{n}.jpg").unlink()
    mask = files.folder / "mask.png"
    Image.fromarray(np.full((18, 24), 255, np.uint8)).save(mask)
    options = OPTIONS.changed(keep=str(mask))
    assert batch(options, contact_sheet=False).made == 1 and batch(options, contact_sheet=False).kept == 1
    Image.fromarray(np.eye(18, 24, dtype=np.uint8) * 255).save(mask)
    assert batch(options, contact_sheet=False).made == 1


def test_the_sheet_takes_no_pictures_place(batch, files):
    files.photo("photos/contact-sheet.jpg", height=30)
    files.depth("depth/contact-sheet.npy", height=30)
    report = batch()
    assert report.contact_sheet == str(files.folder / "out/contact-sheet-2.jpg")
    assert read_photo(files.folder / "out/contact-sheet.jpg").height == 30
    assert batch().kept == 4


def test_files_that_no_render_wrote_stay(batch, files):
    """An original, another program's JSON beside a name, a picture called like the sheet."""
    (files.folder / "out").mkdir()
    theirs = [files.photo("out/0.jpg"), files.photo("out/contact-sheet.jpg"), files.folder / "out/1.jpg.json"]
    theirs[2].write_text('{"title": "1.jpg"}')
    before = [path.read_bytes() for path in theirs]
    for made in (1, 0):
        report = batch()
        assert (report.made, [failure.photo for failure in report.failed]) == (made, ["0.jpg", "1.jpg"])
        assert "is no render's" in report.failed[0].reason
        assert report.contact_sheet == str(files.folder / "out/contact-sheet-2.jpg")
    assert [path.read_bytes() for path in theirs] == before
    (files.folder / "other").mkdir()
    files.write("other/batch.json", b"[1]")
    with pytest.raises(FileError, match="a batch's report"):
        batch(out=files.folder / "other")


def test_a_picture_that_was_edited_is_kept_and_told(batch, files):
    batch(contact_sheet=False)
    edited = files.photo("out/1.jpg", height=5).read_bytes()
    for options in (OPTIONS, OPTIONS.changed(f_number=2.0)):
        with pytest.warns(CocnetWarning, match=r"1\.jpg: changed since rendered, kept"):
            batch(options, contact_sheet=False, workers=1)  # filters of warnings are one for all threads
        assert (files.folder / "out/1.jpg").read_bytes() == edited


def test_views_are_held_for_the_sheet_alone(files):
    views, held = [], []

    class Seen(Here):
        def call(self, function, *arguments):
            made = Here.call(self, function, *arguments)
            views.append(weakref.ref(made.view))
            return made

    (files.folder / "photos").mkdir()
    for n in range(5):
        files.photo(f"photos/{n}.jpg")
    run_batch(
        [str(files.folder / "photos")],
        BatchRun(out=files.folder / "out", workers=1, contact_sheet=False),
        RenderOptions(model="identity"),
        lambda done, count: held.append(sum(view() is not None for view in views)),
        Seen,
    )
    assert held[-1] <= 2


def test_what_is_lost_on_writing_is_told_of_its_photo(batch, files):
    rgba = np.dstack([np.full((18, 24, 3), 90, np.uint8), np.full((18, 24), 100, np.uint8)])
    (files.folder / "photos/0.jpg").unlink()
    Image.fromarray(rgba).save(files.folder / "photos/0.png")
    with warnings.catch_warnings(record=True) as printed:
        batch(format="jpg", workers=1)  # filters of warnings are one for all threads
    assert not [one for one in printed if issubclass(one.category, CocnetWarning)]
    pictures = json.loads((files.folder / "out/batch.json").read_text())["pictures"]
    told = {one["photo"]: " ".join(one["notes"]) for one in pictures}
    assert "transparency was dropped" in told["0.png"] and "transparency" not in told["1.jpg"]


def test_bad_files_are_listed_and_the_others_made(batch, files):
    (files.folder / "photos/1.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (files.folder / "depth/2.npy").unlink()
    report = batch()
    assert report.made == 1 and [failure.photo for failure in report.failed] == ["1.jpg", "2.jpg"]
    assert "damaged" in report.failed[0].reason and "2.png" in report.failed[1].reason
    assert not (files.folder / "out/1.jpg").exists()
    told = json.loads((files.folder / "out/batch.json").read_text())
    assert [one["photo"] for one in told["failed"]] == ["1.jpg", "2.jpg"]
    assert [one["photo"] for one in told["pictures"]] == ["0.jpg"]


def test_a_line_that_was_cut_off_counts_for_nothing(batch, files):
    batch(contact_sheet=False)
    manifest = files.folder / "out/manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-20])
    report = batch(contact_sheet=False)
    assert (report.made, report.kept) == (1, 2)
    assert len(manifest.read_text().splitlines()) == 3


def test_the_contact_sheet_shows_every_picture_also_the_kept_ones(batch, files):
    first = read_photo(batch().contact_sheet).pixels
    again = read_photo(batch().contact_sheet).pixels
    assert first.shape == again.shape and abs(first.astype(int) - again).mean() < 2
    assert (first.reshape(-1, 3).min(1) < 200).mean() > 0.005


def test_the_command_reports_and_fails_where_photos_were_left_out(run, files, monkeypatch):
    monkeypatch.setattr("cocnet.apps.batch.run.Worker", Here)
    (files.folder / "photos").mkdir()
    files.photo("photos/a.jpg")
    files.write("photos/b.jpg", b"nothing")
    found = run(
        "batch", files.folder / "photos", "--estimator", "builtin", "--json", "-o", files.folder / "out"
    )
    assert found.code == 1 and "left out b.jpg" in found.err
    told = json.loads(found.out)
    assert told["made"] == 1 and told["failed"][0]["photo"] == "b.jpg"


def test_what_goes_wrong_with_every_photo_is_told_once(run, files, monkeypatch):
    monkeypatch.setattr("cocnet.apps.batch.run.Worker", Here)
    (files.folder / "photos").mkdir()
    for n in range(5):
        files.photo(f"photos/{n}.jpg")
    mask = files.photo("mask.png", height=40)
    found = run("batch", files.folder / "photos", "--keep", mask, "-o", files.folder / "out")
    told = [line for line in found.err.splitlines() if "left out" in line]
    assert found.code == 1 and len(told) == 1 and "0.jpg, 1.jpg, 2.jpg and 2 more: expected" in told[0]


@pytest.mark.parametrize(
    "options",
    [
        ("--estimator", "nonsense"),
        ("--estimator", "none.safetensors"),
        ("--model", "none.safetensors"),
        ("--device", "gpu"),
        ("--keep", "none.png"),
        ("--subject", "none.png"),
        ("--depth", "none"),
        ("--depth", __file__),
        ("--deblur-first", "--deblur-model", "none.safetensors"),
    ],
)
def test_what_is_right_for_no_photo_is_one_line_and_makes_nothing(options, run, files, monkeypatch):
    monkeypatch.setattr("cocnet.apps.batch.run.Worker", None)
    files.photo("a.jpg")
    found = run("batch", files.folder, *options, "-o", files.folder / "out")
    assert found.code == 1 and len(found.errors) == 1 and options[-1] in found.err
    assert files.names() == ["a.jpg"]


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_with_nothing_lost_or_doubled(files):
    (files.folder / "photos").mkdir()
    for n in range(6):
        files.photo(f"photos/{n}.jpg")
    out = files.folder / "out"
    command = [
        sys.executable,
        "-m",
        "cocnet",
        "batch",
        str(files.folder / "photos"),
        "--estimator",
        "builtin",
    ]
    command += ["--workers", "1", "-o", str(out)]
    paths = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths})
    manifest = out / "manifest.jsonl"
    while not (manifest.is_file() and len(manifest.read_bytes().splitlines()) >= 2):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {json.loads(line)["output"] for line in manifest.read_text().splitlines()}
    stamps = {name: (out / name).stat().st_mtime_ns for name in done}
    assert 2 <= len(done) < 6
    settings = BatchRun(out)
    again = run_batch([command[4]], settings, RenderOptions(estimator="builtin"), make_worker=Here)
    assert again.kept == len(done)
    records = [json.loads(line)["output"] for line in manifest.read_text().splitlines()]
    assert sorted(records) == [f"{n}.jpg" for n in range(6)]
    assert all((out / name).stat().st_mtime_ns == stamp for name, stamp in stamps.items())
    assert not [path for path in Path(out).iterdir() if path.name.startswith(".cocnet-")]

"""What killed processes leave is no data and goes; what is being written stays; who is asked to end cleans up."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from cocnet.errors import FileError
from cocnet.files import leftovers
from cocnet.files.atomic import atomic_path, check_output, write_json
from cocnet.files.listing import listed

WRITER = """
    import sys, time
    from cocnet.files.atomic import atomic_path
    from cocnet.files.interrupt import clean_end

    with clean_end(), atomic_path(sys.argv[1]) as temporary:
        temporary.write_text("half")
        print("ready", flush=True)
        time.sleep(60)
"""


@pytest.fixture
def writer(tmp_path):
    """Another process that is in the middle of writing a.txt."""
    started = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path / "a.txt")],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert started.stdout.readline() == b"ready\n"
    yield started
    started.kill()
    started.wait()
    started.stdout.close()


def hidden(folder):
    return [path for path in folder.iterdir() if path.name.startswith(".cocnet-")]


def write(path, monkeypatch):
    monkeypatch.setattr(leftovers, "_tidied", set())  # as a new process
    with atomic_path(path) as temporary:
        temporary.write_text("whole")


def test_a_killed_writer_leaves_what_the_next_run_removes(tmp_path, writer, monkeypatch):
    write(tmp_path / "b.txt", monkeypatch)
    assert len(hidden(tmp_path)) == 1, "it is still being written"
    assert [path.name for path in listed(tmp_path)] == ["b.txt"]
    writer.kill()
    writer.wait()
    assert len(hidden(tmp_path)) == 1
    write(tmp_path / "c.txt", monkeypatch)
    assert not hidden(tmp_path)
    assert [path.name for path in listed(tmp_path)] == ["b.txt", "c.txt"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_writer_that_is_asked_to_end_leaves_nothing(tmp_path, writer, number):
    (tmp_path / "a.txt").write_text("old")
    writer.send_signal(number)
    assert writer.wait(timeout=20) == 128 + number
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_file_within_a_file_stays_its_writers(tmp_path, monkeypatch):
    """Settings wait for their picture, and another process begins to write in that folder meanwhile."""
    with atomic_path(tmp_path / "a.json") as temporary:
        write_json(temporary, {"a": 1})
        write(tmp_path / "b.txt", monkeypatch)
        assert hidden(tmp_path) == [temporary]
    assert (tmp_path / "a.json").read_text() == '{\n  "a": 1\n}\n' and not hidden(tmp_path)


def test_a_folder_is_looked_through_once(tmp_path, monkeypatch):
    write(tmp_path / "a.txt", monkeypatch)
    (tmp_path / ".cocnet-0").touch()
    with atomic_path(tmp_path / "b.txt") as temporary:
        temporary.write_text("whole")
    assert hidden(tmp_path)


def test_only_our_own_plain_files_go(tmp_path, monkeypatch):
    (tmp_path / ".cocnet-folder").mkdir()
    (tmp_path / ".keep").touch()
    (tmp_path / ".cocnet-link").symlink_to(tmp_path / ".keep")
    (tmp_path / ".cocnet-left").touch()
    write(tmp_path / "a.txt", monkeypatch)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".cocnet-folder", ".cocnet-link", ".keep", "a.txt"]


def test_a_writer_that_puts_its_own_file_there_still_holds_it(tmp_path):
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.unlink()
        temporary.write_text("whole")
    assert not temporary.exists()
    assert (tmp_path / "a.txt").read_text() == "whole"


def test_an_output_that_cannot_be_written_is_found_before_the_work(tmp_path):
    check_output(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
    os.mkfifo(tmp_path / "pipe.png")
    long = tmp_path / ("x" * 300 + ".png")
    for path in ("/proc/a.png", "/dev/full", "/dev/null", tmp_path / "pipe.png", long):
        with pytest.raises(FileError) as caught:
            check_output(path)
        assert "\n" not in str(caught.value) and "expected" in str(caught.value)
    with pytest.raises(FileError, match="null"):
        check_output(tmp_path / "a\x00.png")


def test_listed_is_sorted_and_shows_nothing_hidden(tmp_path):
    for name in ("b.png", "a.png", ".cocnet-1.png", "._a.png", "in/c.png", ".git/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in listed(tmp_path, "*.png")] == ["a.png", "b.png"]
    assert [path.name for path in listed(tmp_path, "**/*.png")] == ["a.png", "b.png", "c.png"]

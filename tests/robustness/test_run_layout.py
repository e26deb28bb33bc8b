"""Names of photos, which come from tables and from runs' files, never leave the run's folder."""

from pathlib import Path

import pytest

from cocnet.errors import FileError
from cocnet.robustness.run_layout import RunLayout

LAYOUT = RunLayout(Path("run"))


@pytest.mark.parametrize("stem", ["../a", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "a\x00"])
def test_names_that_leave_their_folder(stem):
    for place in (LAYOUT.photo, LAYOUT.depth, LAYOUT.natural, lambda name: LAYOUT.picture("v", "m", name)):
        with pytest.raises(FileError, match="photo's name"):
            place(stem)


def test_other_names_stay_as_they_are():
    assert LAYOUT.photo("img 1.x") == Path("run/photos/img 1.x.png")
    assert LAYOUT.picture("../v", "m", "a").resolve().is_relative_to(Path("run/attacks").resolve())

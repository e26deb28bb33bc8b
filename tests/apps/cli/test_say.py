"""What is printed moves no cursor and changes no colour."""

import io

import pytest

from cocnet.apps.cli.main import main
from cocnet.apps.cli.say import begin, note, one_line, say


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\x1b[31mred\x07", r"a\x1b[31mred\x07"),
        ("photo\u202egpj.exe", r"photo\u202egpj.exe"),
        ("two\nlines\tand\r more", "two lines and more"),
        ("not utf-8: \udcff", r"not utf-8: \udcff"),
        ("Größe × 2", "Größe × 2"),
    ],
)
def test_what_can_t_be_seen_is_written_as_its_code(text, line):
    assert one_line(text) == line
    out = io.StringIO()
    say(text, out)
    assert out.getvalue() == line + "\n"


def test_names_in_errors(capsys):
    assert main(["depth-info", "a\x1b[2J.jpg"]) == 1
    assert "\x1b" not in (err := capsys.readouterr().err) and r"a\x1b[2J.jpg" in err


def test_of_notes_alike_only_a_few_are_printed(capsys):
    begin()
    for number in range(20):
        note(f"left out 'photo {number}.png': {number} × 3 px are too few")
    note("left out 'b.png': damaged")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 7 and lines[5] == "note: … and more like that" and lines[6].endswith("damaged")
    begin()
    note("left out 'photo 0.png': 0 × 3 px are too few")
    assert len(capsys.readouterr().err.splitlines()) == 1

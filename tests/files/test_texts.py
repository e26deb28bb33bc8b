"""Names from strangers as text: in Markdown, in tables for spreadsheets, as paths."""

import csv

import pytest

from cocnet.files.csv_file import write_csv
from cocnet.files.inside import inside
from cocnet.files.markdown import plain, table


def test_no_cell_is_a_formula(tmp_path):
    rows = [{"name": '=HYPERLINK("x")', "a": 1.5}, {"name": "@SUM(A1)", "b": -2}, {"name": "photo.png"}]
    write_csv(tmp_path / "a.csv", rows)
    with (tmp_path / "a.csv").open(newline="") as file:
        found = list(csv.reader(file))
    assert found == [
        ["name", "a", "b"],
        ['\'=HYPERLINK("x")', "1.5", ""],
        ["'@SUM(A1)", "", "-2"],
        ["photo.png", "", ""],
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("![x](http://evil/x.png)", r"!\[x\](http://evil/x.png)".replace(r"!\[", r"\![")),
        ("[x](javascript:y)", r"[x\](javascript:y)"),
        ("[x]: http://evil", r"[x\]: http://evil"),
        ("<img src=x>", r"\<img src=x>"),
        ("a\n# heading", "a # heading"),
        ("`code`", r"\`code\`"),
        ("mobilenet_v2: 0.5 [0.4, 0.6]", "mobilenet_v2: 0.5 [0.4, 0.6]"),
    ],
)
def test_names_stay_text_in_markdown(name, text):
    assert plain(name) == text


def test_a_bar_makes_no_cell():
    assert table(["a|b", "c"], [["1|2", "3"]]) == [r"| a\|b | c |", "| --- | --- |", r"| 1\|2 | 3 |"]


@pytest.mark.parametrize(
    "names", [("..", "a"), ("a", "../../b"), ("/etc/passwd",), ("C:\\x",), ("a\\..\\b",), ("a\x00",)]
)
def test_names_never_leave_their_folder(names, tmp_path):
    with pytest.raises(ValueError, match="leaves its folder"):
        inside(tmp_path, *names)


def test_names_that_stay(tmp_path):
    assert inside(tmp_path, "a", "b..c/d.png") == tmp_path / "a" / "b..c" / "d.png"

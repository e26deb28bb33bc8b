"""The table of commands says what the commands themselves say, and loads only the one that is asked for."""

import inspect
import json
import re
import subprocess
import sys

import pytest

from cocnet.apps.cli.commands import all_commands, known, load, overview
from cocnet.apps.cli.main import main


@pytest.mark.parametrize("name", all_commands())
def test_a_command_s_line_is_the_first_of_its_help(name):
    assert inspect.getdoc(load(name)).split("\n")[0] == all_commands()[name].summary


@pytest.mark.parametrize("name", all_commands())
def test_help_names_every_default_once(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    assert main([*name.split(), "--help"]) == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "(default: None)" not in text and "(default: )" not in text and "(default: False)" not in text
    assert not re.search(r"\(default: [^()]*\)\.? \(default:", text)


def test_help_is_wrapped_to_the_terminal_alone(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "500")
    assert main(["render", "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("HEIC" in line and "the photo that --settings names" in line for line in lines)
    assert any(
        "white = subject, or a cut-out PNG" in line and "Mask of the subject" in line for line in lines
    )


def test_unknown_names_are_no_commands():
    assert known("render") and known("train hybrid") and not known("train x") and not known("train")
    assert all(line.startswith("  train ") for line in overview("train ").splitlines())


@pytest.mark.parametrize("arguments", [["--help"], ["render", "--help"]])
def test_only_what_is_asked_for_is_imported(arguments):
    code = f"import json, sys; from cocnet.apps.cli.main import main; main({arguments}); "
    code += "print(json.dumps(list(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rooms = {name.split(".")[1] for name in json.loads(done.stderr) if name.startswith("cocnet.")}
    others = {"torch", "numpy"} & set(json.loads(done.stderr))
    assert (
        not rooms & {"robustness", "evaluation", "attacks", "datasets", "networks", "imaging"} and not others
    )
    assert "training" not in rooms or arguments == ["--help"]

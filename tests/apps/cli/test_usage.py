"""What no command takes is one line that names what was meant, and comes before PyTorch is loaded."""

import os
import subprocess
import sys

import pytest

from cocnet.apps.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["render", "a.jpg", "--f-stop", "2"], "got '--f-stop', try --f-number"),
        (["render", "a.jpg", "--focus-pont", "1,2"], "got '--focus-pont', try --focus-point"),
        (["models", "--jsn"], "got '--jsn', try --json"),
        (["rendr", "a.jpg"], "expected a command, got 'rendr', try render"),
        (
            ["train", "hybrid", "--recipe.stages.0.loss.gain", "1", "--no-recipe.bfloat16"],
            "got '--no-recipe.bfloat16', try --recipe.no-bfloat16",
        ),
        (["train", "hybrid", "--recipe.stages.0.loss.gian", "1"], "try --recipe.stages.0.loss.gain"),
        (["render", "-photo.jpg"], "got '-photo.jpg', try -- before a file of that name"),
        (["render"], "`cocnet render --help` lists all options"),
        (["render", "a.jpg", "--f-number", "abc"], "expected a number for --f-number, got 'abc', try"),
        (["serve", "--port", "x"], "expected a whole number for --port, got 'x', try"),
        (["depth", "a.jpg"], "expected --out, got none, try `cocnet depth --help`"),
        (["train", "subject", "-o", "x"], "expected --images and --masks, got none, try"),
        (["export"], "expected MODEL and OUT, got none, try"),
        (["depth", "a.jpg", "-o"], "expected a value for -o/--out, got none, try"),
        (["render", "a.jpg", "b.jpg", "c.jpg"], "expected no further arguments, got 'b.jpg, c.jpg', try"),
        (["render", "a.jpg", "--depth-kind", "metrc"], "relative_disparity, got 'metrc', try metric"),
        (
            ["render", "a.jpg", "--max-mem", "2000.5"],
            "expected a whole number for --max-mem, got '2000.5', try",
        ),
        (["render", "a.jpg", "--quality", "high"], "expected a whole number for --quality, got 'high', try"),
        (
            ["pairs", "a", "--f-number", "1.4,8"],
            "with a space for --f-number, got '1.4,8', try --f-number 1.4 8",
        ),
        (
            ["pairs", "a", "--mean-coc", "0.01", "0.02"],
            "with a comma for --mean-coc, got '0.01 0.02', try --mean-coc 0.01,0.02",
        ),
        (["render", "a.jpg", "--focus-range", "3"], "for --focus-range, got '3', try 1.5,3"),
        (["render", "a.jpg", "--focus-range", "3,1"], "try 1.5,3"),
        (["render", "a.jpg", "--highlights", "3,1"], "try 0.85,6"),
        (["render", "a.jpg", "--max-mem", "0"], "expected --max-mem above 0, got 0"),
        (["render", "a.jpg", "--blur", "4", "--f-number", "2"], "one of blur and --f-number, got both"),
        (["train", "hybird"], "expected something to train, got 'hybird', try hybrid"),
    ],
    ids=" ".join,
)
def test_one_line(arguments, told, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert not printed.out and told in printed.err
    assert printed.err.count("\n") == 1 and printed.err.startswith("cocnet: ")


def test_before_torch_and_with_an_exit_code():
    code = "import sys; from cocnet.apps.cli.main import main; code = main(['render', 'a.jpg', '--f-stop', '2']); "
    code += "sys.exit(9 if 'torch' in sys.modules else code)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 2
    module = [sys.executable, "-m", "cocnet", "rendr"]
    assert subprocess.run(module, capture_output=True, env={**os.environ}).returncode == 2


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--highlights", "on"], "expected auto, off or two numbers with a comma for --highlights, got 'on'"),
        (["--f-number", "2", "--focus-range=near"], "expected two numbers with a comma for --focus-range"),
    ],
)
def test_a_pair_that_is_none_names_its_option_and_what_else_it_takes(given, told, capsys):
    assert main(["render", "no.jpg", *given]) == 2
    refused = capsys.readouterr().err
    assert told in refused and refused.count("\n") == 1
    option, example = given[-1].split("=")[0] if "=" in given[-1] else given[0], refused.split("try ")[1]
    assert main(["render", "no.jpg", option, example.strip()]) == 1
    assert "got 'no.jpg'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(13, "Permission denied", "/locked"), "got '/locked' (Permission denied)"),
        (
            UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"),
            "expected text that is UTF-8",
        ),
    ],
)
def test_what_nobody_else_handles_is_one_line_too(error, told, monkeypatch, tmp_path, capsys):
    def fail(*_):
        raise error

    monkeypatch.setattr("cocnet.imaging.describe_depth", fail)
    assert main(["depth-info", str(tmp_path)]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(("command", "flag"), [("batch", "--no-contact-sheet"), ("video", "--no-steady")])
def test_a_flag_that_turns_off_says_so(command, flag, run):
    told = " ".join(run(command, "--help").out.replace("│", " ").split()).partition(flag)[2]
    assert "(yes, unless this is given)" in told and "(default: yes)" not in told

"""The commands that docs and `--help` show parse; links in docs lead to files that are there."""

import inspect
import re
import shlex

import pytest
from paths import ROOT

from cocnet.apps.cli.commands import all_commands, load
from cocnet.apps.cli.main import one_command
from cocnet.apps.cli.parse import parsed

PAGES = {path.name: path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]}
HELPS = {f"--help of {name}": inspect.getdoc(load(name)) or "" for name in all_commands()}
TEXTS = {name: path.read_text(encoding="utf-8") for name, path in PAGES.items()} | HELPS
NOT_WHOLE = ("…", "...", "COMMAND", "RECIPE", "[")


def commands_in(text):
    """Whole command lines, of blocks and in backquotes, as arguments; those that only name a command are left out."""
    lines = re.sub(r"\\\n\s*", " ", text)
    lines = re.sub(r"(?m)^( +cocnet .*)\n\s{4,}(?=--)", r"\1 ", lines)
    found = re.findall(r"(?m)^\s*(?:torchrun .* -m )?cocnet (\S.*)$", lines) + re.findall(
        r"`cocnet ([^`]+?)(?: --[a-z-]+)?`", " ".join(text.split())
    )
    for line in found:
        arguments = shlex.split(line, comments=True)
        if "|" in arguments:
            arguments = arguments[: arguments.index("|")]
        if len(arguments) > 1 and not any(sign in line for sign in NOT_WHOLE):
            yield one_command(arguments)


@pytest.mark.parametrize("name", TEXTS)
def test_commands_parse(name):
    for arguments in commands_in(TEXTS[name]):
        if len(arguments) > 1 and arguments != ["--version"] and "--help" not in arguments:
            try:
                parsed(arguments)
            except (SystemExit, KeyError) as error:
                pytest.fail(f"cocnet {shlex.join(arguments)}: {error!r}")


def test_the_commands_are_found():
    found = [tuple(arguments) for text in TEXTS.values() for arguments in commands_in(text)]
    assert len(found) > 100 and {arguments[0] for arguments in found} >= {"render", "train hybrid", "tables"}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGES[name].read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (PAGES[name].parent / target).exists(), f"{name}: {target}"

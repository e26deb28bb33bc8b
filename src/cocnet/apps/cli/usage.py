"""Arguments that no command takes, told in one line with what was probably meant.

Enters: arguments, what the parser printed. Leaves: a line "expected …, got …, try …".
"""

import difflib
import io
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Any

from cocnet.apps.cli.commands import all_commands
from cocnet.errors import CocnetError, InputError
from cocnet.pipeline.words_of_others import meant_by

_NEEDED = re.compile(r"(?:-\w(?: [A-Z.]+)?, )?(--[\w-]+)(?: [A-Z\[{]|$)|([A-Z][A-Z0-9_-]*)$")
_NUMBER = re.compile(r"[\d.]+(?:e-?\d+)?|inf")
Parse = Callable[[Sequence[str]], Any]


class UsageError(InputError):
    """Arguments that fit no use of a command, found only when all are known."""


def own_error(stop: BaseException | None) -> CocnetError | None:
    """Our own error, where options themselves refused a value and the parser exits for it."""
    while stop is not None and not isinstance(stop, CocnetError):
        stop = stop.__cause__ or stop.__context__
    return stop


def not_a_command(name: str) -> str:
    """One line for a command that there isn't."""
    near = difflib.get_close_matches(name, all_commands(), n=1)
    return f"expected a command, got '{name}', try {near[0] if near else 'cocnet --help, which lists them'}"


def not_to_train(name: str) -> str:
    """One line for what can't be trained."""
    names = [each.removeprefix("train ") for each in all_commands() if each.startswith("train ")]
    near = difflib.get_close_matches(name, names, n=1)
    return f"expected something to train, got '{name}', try {near[0] if near else 'cocnet train, which lists it'}"


def with_options(text: str, name: str, parse: Parse) -> str:
    """A line of a command's own checks, its fields (max_mem_mb) as they are written as options (--max-mem)."""
    known = _options(_help(name, parse))

    def option(found: re.Match[str]) -> str:
        flags = ("--" + field.replace("_", "-") for field in (found[0], found[0].removesuffix("_mb")))
        return next((flag for flag in flags if flag in known), found[0])

    return re.sub(r"(?<![\w'/.-])[a-z]+(?:_[a-z0-9]+)+(?![\w'/.-])", option, text)


def usage_error(arguments: Sequence[str], printed: str, parse: Parse) -> str:
    """One line for arguments that the parser refused. parse: runs it, which prints the help for `--help`."""
    name, shown = arguments[0], _help(arguments[0], parse)
    known = _options(shown)
    for given in (text.split("=")[0] for text in arguments[1:]):
        if re.fullmatch(r"--?[A-Za-z][\w-]*", given) and given not in known:
            meant = meant_by(given, known)
            near = [meant] if meant else difflib.get_close_matches(given, known, n=1)
            return (
                f"expected an option of `cocnet {name}`, got '{given}', try {near[0] if near else '--help'}"
            )
    dashed = [
        text
        for text in arguments[1:]
        if text.startswith("-") and "." in text and text.split("=")[0] not in known
    ]
    if dashed and "--" not in arguments:
        if near := difflib.get_close_matches(
            dashed[0].split("=")[0], [one for one in known if "." in one], n=1
        ):
            return f"expected an option of `cocnet {name}`, got '{dashed[0]}', try {near[0]}"
        return f"expected an option of `cocnet {name}`, got '{dashed[0]}', try -- before a file of that name"
    lines = _lines(printed)
    helped = f"try `cocnet {name} --help`"
    return _pair(arguments, lines, shown) or _refused(lines, helped) or f"{_complaint(lines)}; {helped}"


def _pair(arguments: Sequence[str], lines: list[str], shown: str) -> str | None:
    """The line for two numbers that are written as another option takes them; None for anything else."""
    if not re.search("Missing value|Unrecognized options", " ".join(lines)):
        return None
    for option, first, second in zip(arguments, arguments[1:], [*arguments[2:], "", ""], strict=False):
        with_comma = re.search(rf"{re.escape(option)} (\{{[^}}]*\}}\|)?A,B", shown)
        if with_comma and _NUMBER.fullmatch(first) and _NUMBER.fullmatch(second):
            got, example = f"{first} {second}", f"{first},{second}"
            return f"expected two numbers with a comma for {option}, got '{got}', try {option} {example}"
        parts = first.split(",")
        if f"{option} FLOAT FLOAT" in shown and len(parts) == 2 and all(map(_NUMBER.fullmatch, parts)):
            example = " ".join(parts)
            return f"expected two numbers with a space for {option}, got '{first}', try {option} {example}"
    return None


def _options(shown: str) -> list[str]:
    """The option names in a command's help."""
    return list(dict.fromkeys(re.findall(r"(?<![\w-])--?[a-z][\w-]*(?:\.[\w-]+)*", shown)))


def _help(name: str, parse: Parse) -> str:
    """What a command's help says."""
    shown = io.StringIO()
    with redirect_stdout(shown), redirect_stderr(io.StringIO()), suppress(SystemExit):
        parse([name, "--help"])
    return shown.getvalue()


def _refused(lines: list[str], helped: str) -> str | None:
    """The line for what parsers refuse most often, None for anything else."""
    text = " ".join(lines)
    if "Missing from" in text:
        needed = [found[1] or found[2] for line in lines if (found := _NEEDED.match(line))]
        return f"expected {' and '.join(needed)}, got none, {helped}" if needed else None
    if found := re.search(r"Error parsing (\S+): (.*?'([^']*)')", text):
        option, reason, given = found.groups()
        whole = "int()" in reason or "matching INT" in reason
        kind = "a whole number" if whole else "a number" if "FLOAT" in reason else "another value"
        return f"expected {kind} for {option}, got '{given}', {helped}"
    if found := re.search(r"invalid choice '(.*?)' for argument '(\S+)'\. Expected one of \((.*?)\)", text):
        choices = sorted(set(re.findall(r"'([^']+)'", found[3])) - {"None"})
        near = difflib.get_close_matches(found[1], choices, n=1) or choices[:1]
        return f"expected {found[2]} as one of {', '.join(choices)}, got '{found[1]}', try {near[0]}"
    if found := re.search(r"Missing value for argument '(\S+)'", text):
        return f"expected a value for {found[1]}, got none, {helped}"
    if found := re.search(r"Unrecognized options: (.*?)(?: For full helptext|$)", text):
        return f"expected no further arguments, got '{found[1].strip()}', {helped}"
    return None


def _complaint(lines: list[str]) -> str:
    told = " ".join(lines[:3])
    return told.split(" For full helptext")[0][:300] or "expected other arguments"


def _lines(printed: str) -> list[str]:
    """What the parser printed, without its frame, which may be of ASCII, and without colours."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed)
    inside = [line for line in text.splitlines() if not line.startswith(("╭", "╰", "+"))]
    lines = [" ".join(re.sub(r"^[│|]|[│|]$|─|-{4,}", " ", line).split()) for line in inside]
    return [line for line in lines if line]

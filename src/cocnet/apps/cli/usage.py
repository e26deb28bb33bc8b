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


def usage_error(arguments: Sequence[str], printed: str, parse: Parse) -> str:
    """One line for arguments that the parser refused. parse: runs it, which prints the help for `--help`."""
    name = arguments[0]
    known = _options(name, parse)
    for given in (text.split("=")[0] for text in arguments[1:]):
        if re.fullmatch(r"--?[A-Za-z][\w-]*", given) and given not in known:
            meant = meant_by(given, known)
            near = [meant] if meant else difflib.get_close_matches(given, known, n=1)
            return (
                f"expected an option of `cocnet {name}`, got '{given}', try {near[0] if near else '--help'}"
            )
    dashed = [text for text in arguments[1:] if text.startswith("-") and "." in text and "=" not in text]
    if dashed and "--" not in arguments:
        return f"expected an option of `cocnet {name}`, got '{dashed[0]}', try -- before a file of that name"
    reason = _plain(printed)
    return f"{reason}; `cocnet {name} --help` lists all options"


def _options(name: str, parse: Parse) -> list[str]:
    """The option names that a command's help lists."""
    shown = io.StringIO()
    with redirect_stdout(shown), redirect_stderr(io.StringIO()), suppress(SystemExit):
        parse([name, "--help"])
    return list(dict.fromkeys(re.findall(r"(?<![\w-])--?[a-z][\w-]*", shown.getvalue())))


def _plain(printed: str) -> str:
    """The parser's first complaint, without its frame and colours."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed)
    lines = [re.sub(r"[│╭╮╰╯─]", " ", line).strip() for line in text.splitlines()]
    kept = [
        line for line in lines if line and not line.lower().startswith(("parsing error", "required options"))
    ]
    told = " ".join(" ".join(kept[:3]).split())
    return told.split(" For full helptext")[0][:300] or "expected other arguments"

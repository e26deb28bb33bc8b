"""`-` where a command takes or writes a file: standard input and standard output.

Enters: paths as they were given. Leaves: paths, or "-" for what read_photo and write_photo know as a stream.
"""

import sys
from pathlib import Path

from cocnet.apps.cli.say import say
from cocnet.errors import FileError, InputError

STREAM = "-"


def source(given: Path) -> str | Path:
    """A photo's path, or "-" for standard input."""
    return STREAM if str(given) == STREAM else given


def target(out: Path | None, photo: Path, what: str, json: bool) -> str | Path:
    """Where a picture goes: `out`, else beside its photo; for a photo from standard input to standard output.

    Raises FileError where nobody named the file that it would replace and that isn't ours, InputError where standard
    output is a terminal, or wanted for JSON.
    """
    from cocnet.files.own_settings import are_settings
    from cocnet.pipeline.result_files import default_output, settings_path

    if str(out or photo) != STREAM:
        chosen = out or default_output(photo, what)
        if out is None and chosen.exists() and not are_settings(settings_path(chosen)):
            raise FileError(
                f"expected a new file, got '{chosen}', which has no settings beside it, try -o FILE"
            )
        return chosen
    if json:
        raise InputError("expected one thing on standard output, got the picture and --json, try -o FILE")
    if sys.stdout.isatty():
        raise InputError("expected a file or pipe for the picture, got the terminal, try -o FILE")
    return STREAM


def say_result(out: str | Path, line: str) -> None:
    """The line about a result: on standard output, unless the picture itself is there."""
    say(line, sys.stderr if out == STREAM else sys.stdout)

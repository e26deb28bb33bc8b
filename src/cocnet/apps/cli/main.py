"""The command line: finds the command, calls it, and says what went wrong.

Enters: arguments. Leaves: files, lines on stderr ("cocnet: " an error, "note: " something to know), one JSON
object on stdout where asked for. Exit codes: 0 done, 1 the input can't be rendered, 2 usage, 130 interrupted.
Only the command's own module is imported, and PyTorch only when there is something to do.
"""

import io
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from typing import TextIO

from cocnet import __version__
from cocnet.apps.cli.commands import HEAD, known, overview
from cocnet.apps.cli.given import remembered
from cocnet.apps.cli.say import begin, note, say
from cocnet.apps.cli.usage import (
    UsageError,
    not_a_command,
    not_to_train,
    own_error,
    usage_error,
    with_options,
)
from cocnet.apps.cli.waiting import choose_waiting
from cocnet.errors import CocnetError, CocnetWarning
from cocnet.files.interrupt import clean_end


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; every error a user can cause is one line on stderr and an exit code."""
    begin()
    choose_waiting()
    arguments = one_command(sys.argv[1:] if argv is None else argv)
    if arguments[:1] in ([], ["-h"], ["--help"]):
        print(HEAD + overview(), end="")
        return 0
    if arguments == ["--version"]:
        print(f"cocnet {__version__}")
        return 0
    if arguments[0] == "train":
        return _what_to_train(arguments[1:])
    if not known(arguments[0]):
        return _fail(not_a_command(arguments[0]), 2)
    try:
        call = _parsed(arguments)
        with remembered(arguments), clean_end(), warnings.catch_warnings():
            warnings.simplefilter("always", CocnetWarning)
            warnings.showwarning = _show_warning
            call()
    except UsageError as error:
        return _fail(str(error), 2)
    except CocnetError as error:
        return _fail(str(error), 1)
    except MemoryError:
        return _fail("expected enough memory for this photo, got too little, try --max-mem", 1)
    except KeyboardInterrupt as stop:
        return _fail(str(stop) or "interrupted, nothing was written", 130)
    except BrokenPipeError:
        return 1
    except UnicodeError as error:
        return _fail(f"expected text that is UTF-8, got {error}, try other names", 1)
    except OSError as error:
        what = f"'{error.filename}' ({error.strerror})" if error.filename else str(error)
        return _fail(f"expected files and folders that can be used, got {what}, try others", 1)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    return 0


def _parsed(arguments: Sequence[str]) -> Callable[[], None]:
    """The call that is asked for; raises UsageError for what the command doesn't take, SystemExit after --help."""
    from cocnet.apps.cli.parse import parsed

    printed = io.StringIO()
    try:
        with redirect_stderr(printed):
            return parsed(arguments)
    except SystemExit as stop:
        if not stop.code:
            raise
        refused = own_error(stop)
        raise UsageError(
            with_options(str(refused), arguments[0], parsed)
            if refused
            else usage_error(arguments, printed.getvalue(), parsed)
        ) from None
    except CocnetError as error:
        raise UsageError(str(error)) from None


def _what_to_train(arguments: Sequence[str]) -> int:
    """`cocnet train` without something to train, or with something else."""
    if arguments and arguments[0] not in ("-h", "--help"):
        return _fail(not_to_train(arguments[0]), 2)
    print(f"cocnet train WHAT --help lists the options of\n{overview('train ')}", end="")
    return 0


def one_command(arguments: Sequence[str]) -> list[str]:
    """A command of two words, such as `train subject`, as one argument."""
    both = " ".join(arguments[:2])
    return [both, *arguments[2:]] if len(arguments) > 1 and known(both) else list(arguments)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if issubclass(category, CocnetWarning):
        note(f"{message}")


def _fail(reason: str, code: int) -> int:
    say(f"cocnet: {reason}")
    return code


if __name__ == "__main__":
    sys.exit(main())

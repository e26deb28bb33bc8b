"""What is printed for people: names and reasons from strangers' files move no cursor and change no colour.

Enters: text. Leaves: one line, in which what can't be seen is written as its code.
"""

import sys
from typing import TextIO


def say(text: object, to: TextIO | None = None) -> None:
    """Print one line [on standard error]."""
    print(one_line(str(text)), file=to or sys.stderr)


def one_line(text: str) -> str:
    """Whitespace as single spaces; control characters, turned writing and halves of characters as \\x1b, \\u202e."""
    line = " ".join(text.split())
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)

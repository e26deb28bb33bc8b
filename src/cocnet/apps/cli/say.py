"""What is printed for people: names and reasons from strangers' files move no cursor and change no colour.

Enters: text. Leaves: one line, in which what can't be seen is written as its code.
"""

import json
import re
import sys
from collections import Counter
from typing import Any, TextIO

from cocnet.files.json_file import json_text

MOST_ALIKE = 5
_OWN = re.compile(r"'[^']*'|[\d.,]+")
_said: Counter[str] = Counter()


def begin() -> None:
    """Another command starts: notes are counted anew."""
    _said.clear()


def note(text: object) -> None:
    """Print a note on standard error; of those that differ by names and numbers only the first few."""
    kind = _OWN.sub("…", str(text).partition(": ")[2] or str(text))
    _said[kind] += 1
    if _said[kind] <= MOST_ALIKE:
        say(f"note: {text}")
    elif _said[kind] == MOST_ALIKE + 1:
        say("note: … and more like that")


def say(text: object, to: TextIO | None = None) -> None:
    """Print one line [on standard error]."""
    print(one_line(str(text)), file=to or sys.stderr)


def one_line(text: str) -> str:
    """Whitespace as single spaces; control characters, turned writing and halves of characters as \\x1b, \\u202e."""
    line = " ".join(text.split())
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


def print_json(facts: Any) -> None:
    """Print facts as one JSON object on standard output; what JSON doesn't know as text."""
    print(json_text(json.loads(json.dumps(facts, default=str))))

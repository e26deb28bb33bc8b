"""Markdown, in which names and reasons that come from strangers stay text.

Enters: texts. Leaves: lines of Markdown.
"""

import re
from collections.abc import Sequence

_MARKS = re.compile(r"[\\`<]|!(?=\[)|\](?=[\[(:])")


def plain(text: str) -> str:
    """A text as itself on one line: no link, picture, code or HTML is made of it, nor a heading of what follows."""
    return _MARKS.sub(lambda mark: "\\" + mark[0], " ".join(text.split()))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table; what is in its cells stays text."""
    lines = [[plain(cell).replace("|", "\\|") for cell in row] for row in (head, *rows)]
    lines.insert(1, ["---"] * len(head))
    return ["| " + " | ".join(cells) + " |" for cells in lines]

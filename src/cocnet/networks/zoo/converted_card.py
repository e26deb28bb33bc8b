"""The card beside converted weights, OUT.md: what they are, and which file they were made of.

Enters: the weight file's path, paragraphs, the published file. Leaves: the card, in place of an earlier one, never of
a text of one's own.
"""

from pathlib import Path

from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path, check_output
from cocnet.files.run_folder import file_hash

SUFFIX = ".md"
_LAST = "Converted from `"


def check_card(weights: Path) -> None:
    """Raise FileError where the card of a weight file can't be written, or would replace what is no such card."""
    card = weights.with_suffix(SUFFIX)
    check_output(card)
    if card.is_file():
        last = card.read_text(encoding="utf-8", errors="replace").rstrip().rpartition("\n")[2]
        if not last.startswith(_LAST):
            raise FileError(
                f"expected no '{card}', or a card of converted weights, got a text of another kind, "
                "try another name for the weight file"
            )


def write_card(weights: Path, paragraphs: tuple[str, ...], source: Path) -> None:
    """Write the card. Raises FileError."""
    text = "\n\n".join((*paragraphs, f"{_LAST}{source.name}` (SHA-256 `{file_hash(source)}`)."))
    with atomic_path(weights.with_suffix(SUFFIX)) as temporary:
        temporary.write_text(f"{text}\n", encoding="utf-8")

"""ImageNet's 1000 classes by WordNet id (n01440764, tench, is class 0): the numbering that its classifiers answer in.

Enters: names of folders or files. Leaves: the id that they begin with, and its class, 0-based.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

CLASSES = 1000
NUMBERING = "WordNet ids, in ImageNet's order"
_ID = re.compile(r"n\d{8}(?![0-9A-Za-z])")


def wordnet_id(name: str) -> str | None:
    """The id that a name is, or begins with: n01440764, n01440764_tench.jpg; None for others."""
    found = _ID.match(name)
    return found[0] if found else None


@cache
def imagenet_numbers() -> Mapping[str, int]:
    """Class by WordNet id."""
    text = (files("cocnet.datasets.labelled") / "imagenet_wordnet_ids.txt").read_text(encoding="utf-8")
    return {name: number for number, name in enumerate(text.split())}

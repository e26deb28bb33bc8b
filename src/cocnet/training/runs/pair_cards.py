"""What lies beside a set of pairs for those who train on it: a card, metadata, options for BasicSR and NAFNet.

Enters: a `PairRun`, the facts of its pairs. Leaves: README.md, SPLIT/metadata.jsonl, options/nafnet.yml.
"""

import json
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from cocnet import __version__
from cocnet.files.atomic import atomic_path
from cocnet.training.runs.pair_settings import PairRun

FOLDERS = {
    "basicsr": ("input", "target"),
    "dpdd": ("inputC", "target"),
    "ebb": ("bokeh", "original"),
}  # blurred, sharp
CARD = """---
task_categories: [image-to-image]
tags: [bokeh, defocus-deblurring]
configs:
  - config_name: default
    data_files:
{splits}
---

# Pairs of sharp photos and their bokeh

Made by cocnet {version}: {bokeh} bokeh of {photos} photos, {pairs} pairs. Splits are by photo: {counts}.
`input` is out of focus, `target` sharp; each line of SPLIT/metadata.jsonl has a pair's files, f-number, focus (m),
blades, cat-eye and mean circle of confusion (radius, of the width). All settings: pairs.json. The licence is that of
the photos.
"""


CARDS = ("README.md", "options/nafnet.yml")


def write_cards(run: PairRun, pairs: Sequence[dict[str, Any]]) -> None:
    """Write all cards. Raises FileError."""
    counts = Counter(str(pair["split"]) for pair in pairs)
    for split in counts:
        lines = [_line(pair) for pair in pairs if pair["split"] == split]
        _write(run.out / split / "metadata.jsonl", "".join(f"{line}\n" for line in lines))
    splits = [f"      - split: {split}\n        path: {split}/**" for split in counts]
    card = CARD.format(
        splits="\n".join(splits),
        version=__version__,
        bokeh=run.bokeh,
        photos=len({pair["photo"] for pair in pairs}),
        pairs=len(pairs),
        counts=", ".join(f"{split} {count}" for split, count in counts.items()),
    )
    _write(run.out / "README.md", card)
    blurred, sharp = FOLDERS[run.layout]
    roots = {
        f"{split}_{role}": json.dumps(str(run.out / split / folder))
        for split in ("train", "test")
        for role, folder in (("input", blurred), ("target", sharp))
    }
    (run.out / "options").mkdir(exist_ok=True)
    options = (files("cocnet.training.runs") / "nafnet.yml").read_text(encoding="utf-8")
    _write(run.out / "options" / "nafnet.yml", options.format(seed=run.seed, **roots))


def _line(pair: dict[str, Any]) -> str:
    """A pair as Hugging Face's image folders have it: columns NAME_file_name are pictures."""
    named = {
        f"{role}_file_name": Path(pair[role]).relative_to(pair["split"]).as_posix()
        for role in ("input", "target")
    }
    rest = {k: v for k, v in pair.items() if k not in ("input", "target", "split")}
    return json.dumps(named | rest, ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

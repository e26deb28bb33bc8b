"""The demo's six pictures are the ones that were looked at: means of 8 × 12 blocks, stored in tests/data/demo.json.

A renderer that draws them better changes them: look at them, then write new means (`python tests/apps/test_demo.py`).
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from paths import ROOT
from PIL import Image

from cocnet.apps.demo.__main__ import render_all

STORED = ROOT / "tests" / "data" / "demo.json"


def block_means(folder):
    """Of each picture, grey levels [8 12 3]; by name."""
    pytest.importorskip("skimage", reason="the extra demo is not installed")
    found = {}
    for path in render_all(Path(folder))[:-1]:
        pixels = np.asarray(Image.open(path), float)
        rows = [part.mean(0) for part in np.array_split(pixels, 8, axis=0)]
        blocks = [[part.mean(0) for part in np.array_split(row, 12, axis=0)] for row in rows]
        found[path.name] = np.array(blocks)
    return found


@pytest.mark.slow
def test_the_six_pictures(tmp_path):
    stored = json.loads(STORED.read_text())
    found = block_means(tmp_path)
    assert found.keys() == stored.keys() and len(found) == 6
    for name, blocks in found.items():
        assert np.abs(blocks - np.array(stored[name])).max() < 0.3, name
    assert (tmp_path / "contact-sheet.jpg").is_file()


if __name__ == "__main__":
    means = block_means(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
    STORED.write_text(json.dumps({name: blocks.round(2).tolist() for name, blocks in means.items()}) + "\n")

"""Small folders of pairs, made on the spot."""

import numpy as np
import pytest
from PIL import Image


class Pairs:
    """Writes pairs whose photo says where each pixel is: red its column, green its row, blue its number."""

    def __init__(self, root):
        self.root = root

    def photo(self, path, number=0, height=12, width=16, blur=0):
        rows, columns = np.mgrid[0:height, 0:width]
        rgb = np.stack([columns, rows, np.full_like(rows, number % 256)], -1).astype(np.uint8)
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rgb + np.uint8(blur)).save(self.root / path)
        return self.root / path

    def pair(self, name, number=0, **size):
        self.photo(f"original/{name}.png", number, **size)
        self.photo(f"bokeh/{name}.png", number, blur=1, **size)

    def depth(self, name, height=12, width=16):
        """Metres, 1 in the first column, 1/0.1 in the last, even in 1/m; a sidecar says so."""
        (self.root / "depth").mkdir(exist_ok=True)
        plane = np.tile(1 / np.linspace(1, 0.1, width), (height, 1)).astype(np.float32)
        np.save(self.root / "depth" / f"{name}.npy", plane)
        (self.root / "depth" / f"{name}.npy.json").write_text('{"kind": "metric"}')


@pytest.fixture
def pairs(tmp_path):
    return Pairs(tmp_path)

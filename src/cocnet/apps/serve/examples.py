"""Photos to try without one's own, of the scikit-image package (extra `serve`).

Leaves: names with files, those that are there. The motorcycle's depth was measured (Middlebury Stereo 2014).
"""

import io
from importlib.util import find_spec
from pathlib import Path

EXAMPLES = {
    "motorcycle": "motorcycle_left.png",
    "cat": "chelsea.png",
    "astronaut": "astronaut.png",
    "coffee": "coffee.png",
}
MEASURED = "motorcycle"


def example_files() -> dict[str, Path]:
    """The photos that are there, by name."""
    package = find_spec("skimage")
    folder = None if package is None or package.origin is None else Path(package.origin).parent / "data"
    return {} if folder is None else {n: folder / f for n, f in EXAMPLES.items() if (folder / f).is_file()}


def measured_depth() -> bytes:
    """The motorcycle's depth in metres, as a NumPy file."""
    import numpy as np

    from cocnet.apps.demo.motorcycle import motorcycle

    stream, depth = io.BytesIO(), motorcycle()[1]
    np.save(stream, np.where(depth.valid, depth.values, np.nan).astype(np.float32))
    return stream.getvalue()

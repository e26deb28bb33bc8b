"""How long a move of focus or aperture takes in the page, without the network: view, JPEG and all.

    python benchmarks/preview.py --photo PHOTO [--longest-px 1200] [--moves 12] [--between-px 720]

The first view opens the photo and finds its depth; the moves after it are measured, coarse (while something moves)
and fine, of focus and aperture, then of the aperture alone where the focus is found (auto). Prints median seconds and
CPU seconds a move, and the view's megapixels.
"""

import argparse
import io
import os
import statistics
import time
from pathlib import Path

from cocnet import RenderOptions, read_photo
from cocnet.apps.serve.studio import Upload, look


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--longest-px", type=int, default=1200)
    parser.add_argument("--moves", type=int, default=12)
    parser.add_argument("--between-px", type=int, help="look at this size, too, before each move")
    asked = parser.parse_args()
    upload = Upload(asked.photo, None, 1_000_000_000)
    cases = [(preview, auto) for auto in (False, True) for preview in (True, False)]
    for preview, auto in cases:
        name = ("coarse" if preview else "fine") + (", auto focus" if auto else "")
        taken: list[tuple[float, float]] = []
        size = (0, 0)
        for move in range(asked.moves + 1):
            options = RenderOptions(
                estimator="builtin",
                preview=preview,
                f_number=1.4 + 0.1 * move,
                focus_point=None if auto else (0.3 + 0.4 * move / asked.moves, 0.5),
            )
            if asked.between_px:
                look(upload, options, asked.between_px, "bokeh")
            begun, used = time.perf_counter(), time.process_time()
            jpeg, _ = look(upload, options, asked.longest_px, "bokeh")
            if move:
                taken.append((time.perf_counter() - begun, time.process_time() - used))
            else:
                size = read_photo(io.BytesIO(jpeg)).pixels.shape[:2]
        wall, cpu = (statistics.median(values) for values in zip(*taken, strict=True))
        what = f"{name}: {size[1]} × {size[0]} px ({size[0] * size[1] / 1e6:.2f} megapixels)"
        print(f"{what}, {wall * 1e3:.0f} ms a move, {cpu * 1e3:.0f} ms of CPU; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

"""`cocnet video`: a film, each frame as `cocnet render` renders it, steady from one to the next.

Enters: a film file, a folder of pictures or a pattern of their names. Leaves: a film or pictures, with the settings.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from cocnet.apps.cli.say import note, print_json
from cocnet.apps.video.settings import VideoRun
from cocnet.pipeline.options import RenderOptions


def video(
    clip: Annotated[Positional[Path], arg(metavar="FILM|FOLDER|PATTERN")],
    /,
    run: OmitArgPrefixes[VideoRun],
    rendering: OmitArgPrefixes[RenderOptions],
    json: bool = False,
) -> None:
    """Render a film, or a sequence of pictures, with the blur of a large lens.

    The subject is found and followed, depth is estimated and steadied; a film's sound is kept:
      cocnet video clip.mp4 -o bokeh.mp4

    A focus pull in two and a half seconds, while the aperture opens:
      cocnet video clip.mp4 --focus-keys 0:0.3,0.6 2.5:0.7,0.5 --aperture-keys 0:4 2.5:1.4 -o pull.mp4

    A quick look first:
      cocnet video clip.mp4 --preview -o look.mp4

    Pictures with depth in metres, to pictures of the same names; pictures to a film:
      cocnet video frames --depth depth --depth-kind metric --focus-m 2.5 -o out
      cocnet video frames/frame_%04d.png --fps 24 -o out.mp4

    Args:
        clip: Film (MP4, MOV, MKV, WebM, AVI, or another format that FFmpeg reads), folder of pictures, or pattern of
            their names, such as frame_%04d.png.
        run: Output, focus and aperture over time.
        rendering: Focus, lens, depth and renderer, as for `cocnet render`.
        json: Print the report as one JSON object on standard output.
    """
    from cocnet.apps.video.run import run_video

    with _progress() as on_progress:
        try:
            report = run_video(clip, run, rendering, on_progress)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("interrupted, the same command goes on where it stood") from None
    for line in report.notes:
        note(line)
    if json:
        print_json(asdict(report))
        return
    kept = f" ({report.frames - report.made} made before)" if report.made < report.frames else ""
    size = f"{report.width} × {report.height} px"
    print(f"{report.out}: {report.frames} frames{kept} of {size}, {report.fps:.2f} frames/s")


@contextmanager
def _progress() -> Iterator[Callable[[int, int, int], None]]:
    """A bar on stderr with the time that is left; what was made before doesn't count for that."""
    from tqdm import tqdm

    with tqdm(desc="video", unit="frame", delay=2.0, leave=False, file=sys.stderr) as bar:

        def on_progress(done: int, before: int, count: int) -> None:
            if bar.n < before:
                bar.n = bar.last_print_n = before
            bar.total, bar.initial = count, before
            bar.update(done - bar.n)

        yield on_progress

"""`cocnet batch`: a folder of photos, each as `cocnet render` renders it.

Enters: folders, files or patterns. Leaves: pictures with their settings, a contact sheet, a report; exit code 1 where
photos were left out.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from cocnet.apps.batch.settings import BatchRun
from cocnet.apps.cli.say import print_json, say
from cocnet.pipeline.options import RenderOptions

if TYPE_CHECKING:
    from cocnet.apps.batch.run import Done, Failure


def batch(
    photos: Annotated[Positional[tuple[str, ...]], arg(metavar="FOLDER|FILE|PATTERN …")],
    /,
    run: OmitArgPrefixes[BatchRun],
    rendering: OmitArgPrefixes[RenderOptions],
    json: bool = False,
) -> None:
    """Render a folder of photos, several at a time.

    All photos of a folder; the same command run again makes only what is missing or changed:
      cocnet batch holiday -o holiday-bokeh

    With depth maps from another folder, matched by name, at f/1.4, as PNG:
      cocnet batch photos --depth depth --depth-kind relative_disparity --f-number 1.4 --format png -o out

    Photos of subfolders, too, three at a time, with the report as JSON:
      cocnet batch "photos/**/*.jpg" --workers 3 --json -o out

    The exit code is 0 if all photos were rendered, and 1 if some were left out, each with a message that says why.

    Args:
        photos: Folders, files, or patterns such as "photos/**/*.heic".
        run: Input, output and processes.
        rendering: Focus, lens, depth and renderer, as for `cocnet render`.
        json: Print the report as one JSON object on standard output.
    """
    from cocnet.apps.batch.run import run_batch

    with _progress() as on_progress:
        try:
            report = run_batch(photos, run, rendering, on_progress)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("interrupted, the same command goes on where it stood") from None
    for reason, photos_of in _by_reason(report.failed).items():
        more = f" and {len(photos_of) - 3} more" if len(photos_of) > 3 else ""
        say(f"left out {', '.join(photos_of[:3])}{more}: {reason}")
    if json:
        print_json(asdict(report))
    else:
        kept = f", {report.kept} made before" if report.kept else ""
        out = f", {len(report.failed)} left out" if report.failed else ""
        print(f"{report.out}: {report.made} rendered{kept}{out}")
    if report.failed:
        raise SystemExit(1)


def _by_reason(failures: "Sequence[Failure]") -> dict[str, list[str]]:
    """Photos left out, those of one reason together: a wrong name of a renderer isn't told once for each."""
    found: dict[str, list[str]] = {}
    for failure in failures:
        found.setdefault(failure.reason, []).append(failure.photo)
    return found


@contextmanager
def _progress() -> Iterator[Callable[["Done", int], None]]:
    """A bar on stderr with the time that is left; what was made before doesn't count for that."""
    from tqdm import tqdm

    with tqdm(desc="batch", unit="photo", delay=2.0, leave=False, file=sys.stderr) as bar:

        def on_progress(done: "Done", count: int) -> None:
            bar.total = count
            if done.kept:
                bar.initial += 1
            bar.update()

        yield on_progress

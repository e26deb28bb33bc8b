"""A whole run: each victim, each method, each transform, batch by batch; then its report.

Enters: a `RobustnessRun`. Leaves: the run's folder (see `RunLayout`), robustness.json, .csv, .md, .html and plots in
it, and the summary.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import torch

from cocnet.datasets.pairs.matching import Problem
from cocnet.errors import DownloadError, FileError, InputError, MissingExtraError
from cocnet.files.run_folder import SETTINGS, locked
from cocnet.metrics import check_labels
from cocnet.robustness.camera_settings import with_camera_grid
from cocnet.robustness.method_table import NO_ATTACK
from cocnet.robustness.methods import open_method, swept
from cocnet.robustness.records import AttackRecord, PhotoRecord, TransformRecord
from cocnet.robustness.run_settings import RobustnessRun
from cocnet.robustness.stages import attack_batch, photo_batch, transform_batch
from cocnet.robustness.testbed import Testbed, open_testbed

if TYPE_CHECKING:
    from cocnet.robustness.summary import Summary

Progress = Callable[[str, int, int], None]


def run_robustness(run: RobustnessRun, on_progress: Progress | None = None) -> "Summary":
    """Do what isn't done yet, and write the report; on_progress(what, batches done, all).

    Started again with the same settings it goes on; methods, ε and transforms may be added. Raises FileError
    (also for other settings in the same folder), InputError, DepthError.
    """
    from cocnet.robustness.attack_report import write_robustness
    from cocnet.robustness.summary import summarise

    run = replace(run, methods=swept(with_camera_grid(run), run.epsilons))
    bed = open_testbed(run)
    with locked(run.out):
        photos, problems = _natural(bed, on_progress)
        records, transformed = _attacks(bed, on_progress)
        summary = summarise(bed, photos, records, transformed, problems)
        write_robustness(run, summary, records)
    return summary


def _attacks(bed: Testbed, on_progress: Progress | None) -> tuple[list[AttackRecord], list[TransformRecord]]:
    """All methods on all victims, then all transforms of what they made; a batch has all its methods before the next
    begins, so that a run that was stopped compares them on the same photos."""
    run = bed.run
    changed = [name for name in run.methods if open_method(name).base not in NO_ATTACK]
    pairs = list(product(changed, run.transforms))
    records: list[AttackRecord] = []
    transformed: list[TransformRecord] = []
    for victim in run.victims:
        records += _batches(
            bed, f"attacks on {victim}", attack_batch, on_progress, victim, [(m,) for m in run.methods]
        )
    for victim in run.victims:
        transformed += _batches(
            bed, f"transforms of attacks on {victim}", transform_batch, on_progress, victim, pairs
        )
    return records, transformed


def _natural(bed: Testbed, on_progress: Progress | None) -> tuple[list[PhotoRecord], list[Problem]]:
    """The first stage. Raises FileError where no photo is left, InputError where labels are off by one; what no photo
    is to blame for, as MissingExtraError."""
    photos: list[PhotoRecord] = []
    problems: list[Problem] = []
    for number in range(len(bed.batches)):
        try:
            seen, left_out = photo_batch(bed, number, again=True)
        except (MissingExtraError, DownloadError):
            if not photos:
                _leave(bed)
            raise
        photos += seen
        problems += [Problem(name, reason) for name, reason in left_out]
        _tell(on_progress, "natural bokeh", number + 1, len(bed.batches))
    if not photos:
        _leave(bed)
        raise _without_photos(bed, problems)
    labels = torch.tensor([photo.label for photo in photos])
    try:
        for name in bed.victims:
            check_labels(torch.tensor([photo.clean[name] for photo in photos]), labels)
    except InputError:
        _leave(bed)
        raise
    return photos, [*bed.photos.problems, *problems]


def _without_photos(bed: Testbed, problems: Sequence[Problem]) -> FileError:
    """What is said where no photo is left: the first one's reason."""
    expected = f"expected a photo that can be used in '{bed.run.data}', got none"
    if not problems:
        return FileError(f"{expected} so far, try it without --report-only")
    return FileError(f"{expected}: '{problems[0].name}': {problems[0].reason}")


def _leave(bed: Testbed) -> None:
    """Leave the folder to the same photos with other settings, unless there are attacks in it."""
    if not (bed.run.out / "attacks").exists():
        for number in range(len(bed.batches)):
            bed.layout.photos(number).unlink(missing_ok=True)
        (bed.run.out / SETTINGS).unlink(missing_ok=True)


def _batches(
    bed: Testbed,
    what: str,
    stage: Callable[..., list[Any]],
    on_progress: Progress | None,
    victim: str,
    each: Sequence[tuple[str, ...]],
) -> list[Any]:
    """A stage of one victim: batch by batch, all that is to be done to it."""
    found = []
    work = list(product(range(len(bed.batches)), each))
    for done, (number, names) in enumerate(work, 1):
        found += stage(bed, victim, *names, number)
        _tell(on_progress, what, done, len(work))
    return found


def _tell(on_progress: Progress | None, what: str, done: int, total: int) -> None:
    if on_progress is not None:
        on_progress(what, done, total)

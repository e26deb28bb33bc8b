"""What a run's records say, with intervals of 95 %.

Enters: records of all victims, methods and transforms, records of all photos. Leaves: a `Summary`. Success counts
only photos that a victim names rightly before and after natural bokeh; `saved` is what is left of it in files of
8 bit.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from statistics import median

import torch

from cocnet.datasets.pairs.matching import Problem
from cocnet.metrics import Interval, PairedTest, attack_success, bootstrap_mean, mcnemar, wilson
from cocnet.robustness.camera_settings import CameraScore, camera_scores
from cocnet.robustness.method_table import METHODS, NO_ATTACK
from cocnet.robustness.methods import open_method
from cocnet.robustness.records import AttackRecord, PhotoRecord, TransformRecord
from cocnet.robustness.run_settings import RobustnessRun
from cocnet.robustness.sanity_checks import sanity_checks
from cocnet.robustness.scores import MethodScore, Survival, TransferTable, VictimPair
from cocnet.robustness.sweeps import EffortSweep, EpsilonSweep, effort_sweeps, epsilon_sweeps
from cocnet.robustness.testbed import Testbed

DRAWS = 2000
Groups = Mapping[tuple[str, str], Sequence[AttackRecord]]


@dataclass(frozen=True)
class Summary:
    """A whole run; `about`: where each victim's weights are from; `lost`: photos that it names rightly only without
    (first), only with natural bokeh; `flags`: what is doubtful."""

    run: RobustnessRun
    renderer: str
    numbering: str
    about: dict[str, str]
    classes: int
    photos: int
    clean: dict[str, Interval]
    natural: dict[str, Interval]
    lost: dict[str, PairedTest]
    scores: tuple[MethodScore, ...]
    pairs: tuple[VictimPair, ...]
    matrices: tuple[TransferTable, ...]
    cameras: tuple[CameraScore, ...]
    survival: tuple[Survival, ...]
    epsilon_sweeps: tuple[EpsilonSweep, ...]
    effort_sweeps: tuple[EffortSweep, ...]
    flags: dict[str, tuple[str, ...]]
    left_out: tuple[Problem, ...]
    notes: tuple[str, ...]

    def score(self, victim: str, method: str) -> MethodScore | None:
        """One of them; None where there is none."""
        found = [one for one in self.scores if (one.victim, one.method) == (victim, method)]
        return found[0] if found else None


def summarise(
    bed: Testbed,
    photos: Sequence[PhotoRecord],
    records: Sequence[AttackRecord],
    transformed: Sequence[TransformRecord] = (),
    left_out: Sequence[Problem] = (),
) -> Summary:
    """Summarise a whole run. Raises InputError."""
    run, grouped = bed.run, _grouped(records, bed.run)
    scores = tuple(_score(victim, method, rows) for (victim, method), rows in grouped.items())
    fooled = {key: [row.success_saved for row in rows] for key, rows in grouped.items()}
    return Summary(
        run=run,
        renderer=bed.render.name,
        numbering=bed.photos.numbering,
        about={name: victim.about for name, victim in bed.victims.items()},
        classes=bed.classes,
        photos=len(photos),
        clean={name: _share([one.clean[name] == one.label for one in photos]) for name in run.victims},
        natural={name: _share([one.natural[name] == one.label for one in photos]) for name in run.victims},
        lost={name: _lost(name, photos) for name in run.victims},
        scores=scores,
        pairs=tuple(_pairs(grouped, run)),
        matrices=_matrices(grouped, photos, run) if len(run.victims) > 1 else (),
        cameras=camera_scores(records, run),
        survival=tuple(_survival(grouped, transformed)),
        epsilon_sweeps=epsilon_sweeps(scores),
        effort_sweeps=effort_sweeps(scores, fooled),
        flags=sanity_checks(scores, photos, run, bed.training),
        left_out=tuple(left_out),
        notes=(
            *(f"{name} is not measured: {reason}" for name, reason in bed.measures.missing.items()),
            *_unfinished(grouped, len(photos), _readable(bed, left_out)),
            *_untransformed(bed, grouped),
        ),
    )


def _readable(bed: Testbed, left_out: Sequence[Problem]) -> int:
    """How many photos a whole run has; those without a label aren't in its batches."""
    return sum(map(len, bed.batches)) - (len(left_out) - len(bed.photos.problems))


def _unfinished(grouped: Groups, photos: int, wanted: int) -> list[str]:
    """What is said of a run that isn't done; `photos`: those that were looked at."""
    found = [] if photos == wanted else [f"not finished: {photos} of {wanted} photos were looked at"]
    short = [(key, len(rows)) for key, rows in grouped.items() if len(rows) < photos]
    return found + [
        f"not finished: {method} on {victim} has {n} of {photos} photos" for (victim, method), n in short
    ]


def _untransformed(bed: Testbed, grouped: Groups) -> list[str]:
    """What is said of transforms that haven't seen all that was attacked; of some methods a batch has no result."""
    found = []
    for victim, method, transform in product(bed.run.victims, _attacks(bed.run), bed.run.transforms):
        counts = Counter(row.batch for row in grouped[victim, method])
        done = sum(
            count
            for batch, count in counts.items()
            if bed.layout.transformed(victim, method, transform, batch).is_file()
        )
        if done < counts.total():
            found.append(
                f"not finished: {transform} of {method} on {victim} has {done} of {counts.total()} photos"
            )
    return found


def _attacks(run: RobustnessRun) -> list[str]:
    return [name for name in run.methods if open_method(name).base not in NO_ATTACK]


def _grouped(records: Sequence[AttackRecord], run: RobustnessRun) -> Groups:
    """Records by victim and method, in the run's order."""
    found: dict[tuple[str, str], list[AttackRecord]] = {(v, m): [] for v in run.victims for m in run.methods}
    for record in records:
        found[record.victim, record.method].append(record)
    return found


def _score(victim: str, method: str, rows: Sequence[AttackRecord]) -> MethodScore:
    chosen = open_method(method)
    first = rows[0] if rows else None
    return MethodScore(
        victim=victim,
        method=method,
        base=chosen.base,
        epsilon=chosen.epsilon,
        steps=first.steps if first else chosen.budget.steps,
        restarts=first.restarts if first else chosen.budget.restarts,
        full=first.full if first else chosen.budget.full,
        right=_share([not row.success for row in rows]),
        right_saved=_share([not row.success_saved for row in rows]),
        success=_success(rows, lambda row: row.success),
        success_saved=_success(rows, lambda row: row.success_saved),
        to_photo=_means([row.to_photo for row in rows]),
        to_natural=_means([row.to_natural for row in rows]),
        median_psnr_db=_median(
            [row.to_natural["psnr"] for row in rows if row.counts and "psnr" in row.to_natural]
        ),
        perturbation=_means([row.perturbation for row in rows if row.perturbation is not None]),
        queries=_mean([row.queries for row in rows]),
        seconds=_mean([row.seconds for row in rows]),
        zero_gradients=_mean([row.zero_gradient for row in rows]),
    )


def _share(true: Sequence[bool]) -> Interval:
    return wilson(sum(true), len(true))


def _lost(victim: str, photos: Sequence[PhotoRecord]) -> PairedTest:
    seen = [
        [one.clean[victim] == one.label for one in photos],
        [one.natural[victim] == one.label for one in photos],
    ]
    return mcnemar(*(torch.tensor(column, dtype=torch.bool) for column in seen))


def _success(rows: Sequence[AttackRecord], fooled: Callable[[AttackRecord], bool]) -> Interval:
    columns = (
        [row.clean_right for row in rows],
        [row.natural_right for row in rows],
        [fooled(row) for row in rows],
    )
    return attack_success(*(torch.tensor(column, dtype=torch.bool) for column in columns))


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, Interval]:
    """The mean of each name that any row has."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name: bootstrap_mean(torch.tensor([row[name] for row in rows if name in row]).double(), draws=DRAWS)
        for name in names
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _median(values: Sequence[float]) -> float:
    return median(values) if values else float("nan")


def _pairs(grouped: Groups, run: RobustnessRun) -> list[VictimPair]:
    """Two methods that change pictures, on the photos that count; of a sweep, only those of the same ε and effort, or
    of the same name and ε."""
    methods = _attacks(run)
    alike = [pair for pair in combinations(methods, 2) if _comparable(*pair)]
    found = []
    for victim in run.victims:
        fooled = {
            name: {row.stem: row.success_saved for row in grouped[victim, name] if row.counts}
            for name in methods
        }
        found += [VictimPair(victim, a, b, _paired(fooled[a], fooled[b])) for a, b in alike]
    return found


def _paired(first: Mapping[str, bool], second: Mapping[str, bool]) -> PairedTest:
    """McNemar's test on the photos that both have."""
    both = [stem for stem in first if stem in second]
    return mcnemar(
        *(torch.tensor([fooled[stem] for stem in both], dtype=torch.bool) for fooled in (first, second))
    )


def _comparable(first: str, second: str) -> bool:
    a, b = open_method(first), open_method(second)
    same = a.base == b.base and a.epsilon == b.epsilon is not None
    return same or len({_setting(name) for name in (first, second)} - {""}) < 2


def _setting(method: str) -> str:
    """ε and effort as they were spelled, "" for a method's own."""
    return method[len(open_method(method).base) :]


def _matrices(
    grouped: Groups, photos: Sequence[PhotoRecord], run: RobustnessRun
) -> tuple[TransferTable, ...]:
    seen = {photo.stem: photo for photo in photos}
    found = []
    for method in _attacks(run):
        right: dict[str, dict[str, Interval]] = {}
        fooled: dict[str, dict[str, Interval]] = {}
        for source in run.victims:
            rows = grouped[source, method]
            right[source] = {t: _share([row.others[t] == row.label for row in rows]) for t in run.victims}
            fooled[source] = {t: _fooled(rows, seen, source, t) for t in run.victims}
        found.append(TransferTable(method, right, fooled))
    return tuple(found)


def _fooled(
    rows: Sequence[AttackRecord], seen: Mapping[str, PhotoRecord], source: str, target: str
) -> Interval:
    """Of the photos that both name rightly before."""
    return _share([row.others[target] != row.label for row in rows if _both(seen[row.stem], source, target)])


def _both(photo: PhotoRecord, *victims: str) -> bool:
    return all(photo.clean[name] == photo.natural[name] == photo.label for name in victims)


def _survival(grouped: Groups, transformed: Sequence[TransformRecord]) -> list[Survival]:
    """What each transform leaves of each method, in the order of the records."""
    rows = {(r.victim, r.method, r.stem): r for records in grouped.values() for r in records}
    groups: dict[tuple[str, str, str], list[TransformRecord]] = {}
    for one in transformed:
        groups.setdefault((one.victim, one.method, one.transform), []).append(one)
    return [
        _survived(key, [(one, rows[one.victim, one.method, one.stem]) for one in found])
        for key, found in groups.items()
    ]


def _survived(key: tuple[str, str, str], pairs: Sequence[tuple[TransformRecord, AttackRecord]]) -> Survival:
    natural = [(one.natural == row.label, one.attacked != row.label, row) for one, row in pairs]
    told = [(fooled, row) for right, fooled, row in natural if right and row.clean_right]
    return Survival(
        *key,
        natural=_share([right for right, _, _ in natural]),
        fooled=_share([fooled for fooled, _ in told]),
        still=_share([fooled for fooled, row in told if row.natural_right and row.success_saved]),
    )


def unit_of(method: str) -> str:
    """What a method's ε limits, in words."""
    return METHODS[open_method(method).base].unit

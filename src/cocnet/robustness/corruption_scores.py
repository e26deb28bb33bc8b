"""How classifiers do on a set of bokeh corruptions, beside the control that knows no depth.

Enters: a set that `cocnet corrupt` made, classifiers. Leaves: a `CorruptionScore` each, and in the run's folder
VICTIM.json, corruptions.md, corruptions.html and a plot of accuracy against severity.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from cocnet import __version__
from cocnet.attacks.guard import ask_classes, evaluating
from cocnet.augment.corruptions import CONTROL
from cocnet.compute import check_device, strict_float32, use_threads
from cocnet.datasets import LabelledFolder
from cocnet.datasets.labelled.labelled_photos import SIZE_PX
from cocnet.errors import FileError, InputError, MissingExtraError
from cocnet.files.atomic import write_json
from cocnet.files.json_file import an_object, read_json
from cocnet.metrics import Interval, check_labels, wilson
from cocnet.robustness.corruption_set import CLEAN, MANIFEST
from cocnet.robustness.corruption_settings import CorruptionEvaluation
from cocnet.robustness.plots import plot_severities
from cocnet.robustness.run_layout import own
from cocnet.robustness.section_files import sections_markdown, sections_page, write_text
from cocnet.robustness.sources import open_victims
from cocnet.robustness.sweep_sections import ReportSection, percent

NAME = "corruptions"
Seen = Mapping[str, tuple[int, int]]  # by photo: the class that is seen, and its own


@dataclass(frozen=True)
class CorruptionScore:
    """Of one classifier: accuracy on the photos themselves, and at each corruption's severities; at each severity the
    share of photos that are named rightly under every corruption (without the control). numbering: what gave the
    classes their numbers, in words."""

    victim: str
    about: str
    photos: int
    clean: Interval
    accuracy: dict[str, dict[int, Interval]]
    always: dict[int, Interval]
    numbering: str

    def error(self, name: str) -> float:
        """Mean error over severities."""
        return 1 - sum(one.value for one in self.accuracy[name].values()) / len(self.accuracy[name])

    @property
    def bokeh(self) -> list[str]:
        """Corruptions, without the control."""
        return [name for name in self.accuracy if name != CONTROL]

    @property
    def mean_error(self) -> float:
        """Mean corruption error: over corruptions and severities, without the control."""
        return sum(self.error(name) for name in self.bokeh) / max(1, len(self.bokeh))

    def relative_error(self, name: str) -> float | None:
        """A corruption's error over the control's of the same mean blur, as mCE takes it over a reference's
        (Hendrycks & Dietterich 2019); None without control or error."""
        if CONTROL not in self.accuracy or self.error(CONTROL) == 0:
            return None
        return self.error(name) / self.error(CONTROL)

    def effective(self, name: str) -> float | None:
        """Effective robustness against the control: accuracy above that under as much blur without depth."""
        return self.error(CONTROL) - self.error(name) if CONTROL in self.accuracy else None


def run_corruption_scores(
    run: CorruptionEvaluation, on_progress: Callable[[str, int, int], None] | None = None
) -> list[CorruptionScore]:
    """Measure all victims and write the report. Raises FileError, InputError (also where labels are off by one)."""
    use_threads(run.threads)
    check_device(run.device)
    manifest = read_manifest(run.data)
    size_px = size_of(run.data, manifest)
    if not run.victims:
        raise InputError("expected a victim or more, got none, try --victims mobilenet_v2")
    victims = open_victims(run.victims, size_px, run.device)
    run.out.mkdir(parents=True, exist_ok=True)
    scores = []
    for name, victim in victims.items():
        scores.append(_scored(run, manifest, name, victim, on_progress))
        facts = {"cocnet": __version__, "data": str(run.data)} | asdict(scores[-1])
        write_json(run.out / f"{own(name)}.json", facts | {"mean_error": scores[-1].mean_error})
    _report(run, manifest, scores)
    return scores


def read_manifest(folder: Path) -> dict[str, Any]:
    """That of a set. Raises FileError where there is none."""
    hint = f"cocnet corrupt PHOTOS -o {folder}"
    return read_json(folder / MANIFEST, f"a set with {MANIFEST}", hint, an_object)


def size_of(folder: Path, manifest: Mapping[str, Any]) -> int:
    """The side of a set's photos in px. Raises InputError where each has its own size."""
    size_px = int(manifest.get("settings", {}).get("size_px", SIZE_PX))
    if not size_px:
        raise InputError(
            f"expected photos of one size in '{folder}', got each at its own, try cocnet corrupt --size-px 224"
        )
    return size_px


def _scored(
    run: CorruptionEvaluation,
    manifest: Mapping[str, Any],
    name: str,
    victim: Any,
    on_progress: Callable[[str, int, int], None] | None,
) -> CorruptionScore:
    names, severities = (
        list(manifest["corruptions"]),
        [int(one) for one in manifest["severities"] if int(one)],
    )
    if not names or not severities:
        raise FileError(
            f"expected a set with corruptions of severity 1 or more in '{run.data}', got none, try making it anew"
        )
    folders = [(CLEAN, 0), *((one, severity) for one in names for severity in severities)]
    wanted = {Path(row["class"], row["photo"]).as_posix() for row in manifest["photos"]}
    seen: dict[tuple[str, int], Seen] = {}
    numbering = ""
    for number, (one, severity) in enumerate(folders, 1):
        photos = LabelledFolder(
            run.data / one / str(severity),
            manifest.get("classes"),
            classes=victim.classes,
            size_px=size_of(run.data, manifest),
            first_class=run.first_class,
        )
        seen[one, severity], numbering = _seen(run, photos, wanted, victim), photos.numbering
        if one == CLEAN:
            check_labels(*torch.tensor(list(seen[CLEAN, 0].values())).view(-1, 2).unbind(1))
        if on_progress is not None:
            on_progress(name, number, len(folders))
    for (one, severity), found in seen.items():
        if gone := sorted(wanted - found.keys()):
            place = run.data / one / str(severity) / gone[0]
            raise FileError(
                f"expected a picture of every photo in the set, got none at '{place}', try making it anew"
            )
    right = {
        key: {photo: sees == label for photo, (sees, label) in found.items()} for key, found in seen.items()
    }
    bokeh = [one for one in names if one != CONTROL]
    always = {
        severity: [all(right[one, severity][photo] for one in bokeh) for photo in right[CLEAN, 0]]
        for severity in severities
        if bokeh
    }
    return CorruptionScore(
        name,
        str(victim.about),
        len(right[CLEAN, 0]),
        _share(list(right[CLEAN, 0].values())),
        {one: {s: _share(list(right[one, s].values())) for s in severities} for one in names},
        {severity: _share(each) for severity, each in always.items()},
        numbering,
    )


def _seen(run: CorruptionEvaluation, photos: LabelledFolder, wanted: Set[str], victim: Any) -> Seen:
    """What is seen in each wanted photo; others may lie there from an earlier set of more photos."""
    found: dict[str, tuple[int, int]] = {}
    places = [place for place, file in enumerate(photos.files) if file.name in wanted]
    for start in range(0, len(places), run.batch):
        some = [photos[place] for place in places[start : start + run.batch]]
        batch = torch.stack([one.image for one in some]).to(run.device)
        with torch.no_grad(), strict_float32(batch.device), evaluating(victim):
            seen = ask_classes(victim, batch).argmax(1).tolist()
        found |= {photo.name: (sees, photo.label) for photo, sees in zip(some, seen, strict=True)}
    return found


def _share(right: Sequence[bool]) -> Interval:
    return wilson(sum(right), len(right))


def corruption_sections(
    manifest: Mapping[str, Any], scores: Sequence[CorruptionScore]
) -> list[ReportSection]:
    """What the report says, in order."""
    coc = ", ".join(
        f"{name}: {float(share):.1%}" for name, share in manifest["severities"].items() if float(share)
    )
    lines = (
        f"{scores[0].photos} photos; mean radius of the circle of confusion by severity, of the width: {coc}",
        *(f"{name}: {about}" for name, about in manifest["corruptions"].items()),
        "% named rightly, with the interval where the true value lies at 95 %",
        f"relative: the error over that of {CONTROL}; effective: accuracy above that under {CONTROL}, in points",
    )
    found = [ReportSection("", lines)]
    for score in scores:
        severities = list(next(iter(score.accuracy.values())))
        rows = [
            (name, *(percent(score.accuracy[name][s]) for s in severities), *_summary(score, name))
            for name in score.accuracy
        ]
        if score.bokeh:
            rows.append(
                ("right under all of them", *(percent(score.always[s]) for s in severities), "", "", "")
            )
        head = ("", *(f"severity {s}" for s in severities), "mean error", "relative", "effective")
        told = (
            f"the photos themselves: {percent(score.clean)}; mean corruption error {100 * score.mean_error:.1f} %; "
            f"weights of {score.about}",
            f"classes are numbered by {score.numbering}",
        )
        found.append(ReportSection(score.victim, told, head, tuple(rows)))
    return found


def _summary(score: CorruptionScore, name: str) -> tuple[str, str, str]:
    relative, effective = score.relative_error(name), score.effective(name)
    return (
        f"{100 * score.error(name):.1f}",
        "–" if relative is None else f"{relative:.2f}",
        "–" if effective is None or name == CONTROL else f"{100 * effective:+.1f}",
    )


def _report(
    run: CorruptionEvaluation, manifest: Mapping[str, Any], scores: Sequence[CorruptionScore]
) -> None:
    sections, plots = corruption_sections(manifest, scores), []
    try:
        for score in scores:
            plots.append(run.out / f"severity-{own(score.victim)}.png")
            plot_severities(plots[-1], score.accuracy, f"{score.victim}, {score.photos} photos")
    except MissingExtraError as error:
        plots = []
        sections.append(ReportSection("Plots", (f"none: {error}",)))
    title = f"Bokeh corruptions seen by {', '.join(score.victim for score in scores)}"
    write_text(run.out / f"{NAME}.md", sections_markdown(title, sections, plots))
    write_text(run.out / f"{NAME}.html", sections_page(title, sections, plots))

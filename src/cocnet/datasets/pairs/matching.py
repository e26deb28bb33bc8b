"""Which files make a pair, and what is wrong with those that don't.

Enters: folders. Leaves: `PairFiles` by name in natural order (2 before 10), and `Problem`s; nothing is dropped
without one. Only headers are read.
"""

import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cocnet.errors import CocnetError, CocnetWarning, FileError
from cocnet.files.listing import listed
from cocnet.imaging import photo_size
from cocnet.imaging.photo.formats import PHOTO_SUFFIXES

DEPTHS = (".npy", ".png", ".exr", ".pfm", ".tif", ".tiff")
SKIP = "leaving them out with --skip-problems (skip_problems=True)"
_NAMED = 5


@dataclass(frozen=True)
class PairFiles:
    """The files of one pair; `depth_kind` None leaves it to the depth file's sidecar."""

    name: str
    image: Path
    bokeh: Path
    depth: Path | None = None
    depth_kind: str | None = None

    @property
    def parts(self) -> dict[str, Path]:
        """The pictures, by what they are."""
        return {"photo": self.image, "bokeh": self.bokeh}


@dataclass(frozen=True)
class Problem:
    """A pair that can't be used, and why."""

    name: str
    reason: str


def files_by_stem(
    folder: str | Path, suffixes: Sequence[str] = PHOTO_SUFFIXES, ending: str = ""
) -> tuple[dict[str, Path], list[Problem]]:
    """Files of a folder by their stem without `ending`, and stems that several files have; raises FileError."""
    if not Path(folder).is_dir():
        raise FileError(f"expected a folder, got '{folder}', try another path")
    found = sorted(p for p in listed(folder) if p.suffix.lower() in suffixes and p.stem.endswith(ending))
    stems = {path: path.stem[: len(path.stem) - len(ending)] for path in found}
    counts = Counter(stems.values())
    twice = [Problem(stem, f"{n} files of that name in {folder}") for stem, n in counts.items() if n > 1]
    return {stem: path for path, stem in stems.items() if counts[stem] == 1}, twice


def match(
    images: Mapping[str, Path],
    bokehs: Mapping[str, Path],
    depths: Mapping[str, Path] | None = None,
    depth_kind: str | None = None,
    names: Sequence[str] | None = None,
) -> tuple[list[PairFiles], list[Problem]]:
    """Pairs of the wanted names [all that either side has], and a problem for each that lacks a part."""
    parts = {"photo": images, "bokeh": bokehs} | ({} if depths is None else {"depth": depths})
    wanted = sorted(images.keys() | bokehs.keys(), key=natural) if names is None else names
    pairs, problems = [], []
    for name in wanted:
        missing = [part for part, found in parts.items() if name not in found]
        if missing:
            problems.append(Problem(name, f"no {' and no '.join(missing)}"))
        else:
            depth = None if depths is None else depths[name]
            pairs.append(PairFiles(name, images[name], bokehs[name], depth, depth_kind))
    return pairs, problems


def checked_size(
    name: str, parts: Mapping[str, Path], least: tuple[int, int] | None = None
) -> tuple[int, int] | Problem:
    """The height and width in px of pictures that belong together, by their headers, or what is wrong with them: a
    file that doesn't open, unequal sizes, fewer px than `least` either way. parts: files by what they are."""
    try:
        sizes = {part: photo_size(path) for part, path in parts.items()}
    except CocnetError as error:
        return Problem(name, str(error))
    if len(set(sizes.values())) > 1:
        return Problem(name, ", ".join(f"{part} {w} × {h}" for part, (h, w) in sizes.items()))
    h, w = next(iter(sizes.values()))
    if least is not None and (h < least[0] or w < least[1]):
        return Problem(name, f"{w} × {h}, smaller than the crop of {least[1]} × {least[0]}")
    return h, w


def one_each(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """The first problem of each pair."""
    first: dict[str, Problem] = {}
    for problem in problems:
        first.setdefault(problem.name, problem)
    return tuple(first.values())


def stop_at(problems: Sequence[Problem], about: str, wanted: str = "whole pairs", remedy: str = SKIP) -> None:
    """Raise FileError that names the first problems and counts all; nothing for none. remedy: what helps beside
    mending them, where the caller has no --skip-problems."""
    if not problems:
        return
    named = "; ".join(f"{problem.name} ({problem.reason})" for problem in problems[:_NAMED])
    more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    raise FileError(
        f"expected {wanted} in {about}, got {len(problems)} that aren't: {named}{more}, try mending them, "
        f"or {remedy}"
    )


def warn_of(problems: Sequence[Problem], about: str) -> None:
    """Warn of what is left out, by name; nothing for none."""
    if problems:
        named = "; ".join(f"{problem.name} ({problem.reason})" for problem in problems)
        warnings.warn(f"left out {len(problems)} of {about}: {named}", CocnetWarning, stacklevel=2)


def natural(name: str) -> list[tuple[int, str]]:
    """A sorting key in which numbers count as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]

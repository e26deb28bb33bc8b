"""Photos with the class that they show: what an attack starts from.

Enters: files with labels, 0-based. Leaves: `LabelledPhoto`s, sRGB [3 h w] of 0..1 at one size: the shorter side by
antialiased bilinear interpolation, then the middle; a square photo is only resized.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from cocnet.datasets.pairs.matching import Problem, one_each, stop_at
from cocnet.datasets.pairs.view import read_planes
from cocnet.errors import CocnetError, FileError, InputError
from cocnet.files.offline import is_there

SIZE_PX = 224
LEAST_PX = 32
LONGEST = 8  # times the shorter side
_REMEDY = "removing them (skip_problems=True leaves them out)"


@dataclass(frozen=True)
class LabelledFile:
    """A photo's file, its label and the class that a targeted attack should reach, both 0-based."""

    name: str
    path: Path
    label: int
    target: int | None = None


@dataclass(frozen=True, eq=False)
class LabelledPhoto:
    """A photo and its class."""

    name: str
    image: Float[Tensor, "3 h w"]
    label: int
    target: int | None
    path: Path


class LabelledPhotos(Dataset[LabelledPhoto]):
    """Labelled photos by index.

    Files without a label, labels without a file and labels out of 0..classes − 1 are found at the start: one
    FileError that names the first and counts all, or with `skip_problems` they are left out and listed in `problems`.
    A file that can't be read raises FileError when it is; `read` gives the problem back, for a run that goes on.
    `numbering` says in words what gave the classes their numbers.
    """

    def __init__(
        self,
        files: Sequence[LabelledFile],
        problems: Sequence[Problem] = (),
        *,
        classes: int = 1000,
        size_px: int = SIZE_PX,
        skip_problems: bool = False,
        about: str = "these files",
        numbering: str = "the caller",
    ) -> None:
        if size_px < LEAST_PX:
            raise InputError(f"expected size_px of {LEAST_PX} or more, got {size_px}, try {SIZE_PX}")
        checked = [(file, _file_problem(file, classes)) for file in files]
        self.problems = one_each([*problems, *(problem for _, problem in checked if problem)])
        if not skip_problems:
            stop_at(self.problems, about, "labelled photos", _REMEDY)
        self.files = tuple(file for file, problem in checked if problem is None)
        self.size_px, self.classes, self.numbering = size_px, classes, numbering
        if not self.files:
            raise FileError(f"expected at least one labelled photo in {about}, got none, try another folder")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> LabelledPhoto:
        """One photo. Raises IndexError, or FileError naming the file."""
        file = self.files[index]
        return LabelledPhoto(file.name, _square(file.path, self.size_px), file.label, file.target, file.path)

    def read(self, index: int) -> LabelledPhoto | Problem:
        """One photo, or why there is none."""
        try:
            return self[index]
        except CocnetError as error:
            return Problem(self.files[index].name, str(error))

    @property
    def labels(self) -> tuple[int, ...]:
        """All labels, in order."""
        return tuple(file.label for file in self.files)


def _file_problem(file: LabelledFile, classes: int) -> Problem | None:
    """A label that no class has, a file that isn't there; None where nothing is wrong."""
    for what, value in (("label", file.label), ("target", file.target)):
        if value is not None and not 0 <= value < classes:
            return Problem(file.name, f"{what} {value} is not in 0..{classes - 1}")
    return None if is_there(file.path) else Problem(file.name, f"no file '{file.path}'")


def _square(path: Path, size_px: int) -> Float[Tensor, "3 n n"]:
    """The middle of a photo, its shorter side resized to `size_px`."""
    planes = read_planes(path)
    height, width = planes.shape[1:]
    if min(height, width) < LEAST_PX or max(height, width) > LONGEST * min(height, width):
        raise FileError(
            f"expected a photo from {LEAST_PX} px, at most 1 : {LONGEST}, got '{path}' of {width} × {height}, "
            "try another photo"
        )
    return middle(planes, size_px).clamp(0, 1)


def middle(planes: Float[Tensor, "c h w"], size_px: int) -> Float[Tensor, "c n n"]:
    """The middle square of planes whose shorter side is resized to `size_px`; for what belongs to a photo, too."""
    height, width = planes.shape[1:]
    scale = size_px / min(height, width)
    size = (max(size_px, round(height * scale)), max(size_px, round(width * scale)))
    if size != (height, width):
        planes = functional.interpolate(planes[None], size, mode="bilinear", antialias=True)[0]
    top, left = ((n - size_px) // 2 for n in size)
    return planes[:, top : top + size_px, left : left + size_px].contiguous()

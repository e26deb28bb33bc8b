"""Photos with subject masks, held as bytes in memory, and augmented views of them.

Enters: a folder of photos, a folder of masks of the same names (white = subject). Leaves: dicts of `image` [3 s s]
and `mask` [1 s s] in 0..1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from cocnet.datasets.pairs.matching import Problem, checked_size, stop_at, warn_of
from cocnet.datasets.synthetic import augment
from cocnet.errors import FileError, InputError
from cocnet.files.listing import listed
from cocnet.imaging import read_depth, read_photo
from cocnet.imaging.photo.formats import PHOTO_SUFFIXES

EMPTY_SHARE, FULL_SHARE = 0.03, 0.8
WIDE_FRAMING = augment.Framing(seen=(0.55, 1.08), stretch=0.25, turn_deg=10.0, wander=1.0)
COLOUR_STRENGTH = 1.4
WHOLE_FRAMING = augment.Framing(seen=(0.85, 1.05), stretch=0.1, turn_deg=3.0, wander=0.5)
WHOLE_COLOUR_STRENGTH = 0.7
SPARE = 1 / 6
_FRONT, _BACK = 0.72, 0.7


@dataclass(frozen=True, eq=False)
class SubjectSet:
    """Photos and masks as one uint8 tensor [n 4 s s]: red, green, blue, mask; their names in that order.

    With disparity there are six planes: disparity, bigger is nearer, and whether it is known (255) come after.
    """

    planes: UInt8[Tensor, "n c s s"]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def share(self) -> Float[Tensor, " n"]:
        """How much of each photo is subject, 0..1."""
        return (self.planes[:, 3] > 127).float().mean((1, 2))

    def split(self, held_out: int, seed: int = 0) -> tuple["SubjectSet", "SubjectSet"]:
        """The set without, and the set of, so many photos drawn by chance; raises InputError for too many."""
        if not 0 < held_out < len(self):
            raise InputError(f"expected 1..{len(self) - 1} held-out photos, got {held_out}, try a tenth")
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed)).tolist()
        return self._only(sorted(order[held_out:])), self._only(sorted(order[:held_out]))

    def __add__(self, other: "SubjectSet") -> "SubjectSet":
        """Both sets as one, this one first."""
        return SubjectSet(torch.cat([self.planes, other.planes]), self.names + other.names)

    def without(self, names: Sequence[str]) -> "SubjectSet":
        """The set without photos of these names."""
        return self._only([i for i, name in enumerate(self.names) if name not in names])

    def _only(self, picked: list[int]) -> "SubjectSet":
        return SubjectSet(self.planes[picked], tuple(self.names[i] for i in picked))


def parted(photos: SubjectSet, part: int = 10) -> tuple[SubjectSet, SubjectSet, str]:
    """Photos to train on, one in `part` kept back for held-out scenes, and a remark where that can't be: of too few
    photos, or where none that is kept back has a subject, both are all of them."""
    if count := len(photos) // part:
        training, others = photos.split(count)
        if bool(((others.share > EMPTY_SHARE) & (others.share < FULL_SHARE)).any()):
            return training, others, ""
    return photos, photos, "; held-out scenes are of the same photos"


def read_set(
    images: str | Path,
    masks: str | Path,
    side_px: int = 320,
    disparities: str | Path | None = None,
    skip_problems: bool = False,
) -> SubjectSet:
    """Read every photo that has a mask (NAME.png), both squeezed to a square; raises FileError for none.

    disparities: a folder of relative disparity, NAME.png, for all of the photos or some. Photos and masks that don't
    open, or of unequal sizes, are found by all headers first: one FileError that names them, or with `skip_problems`
    they are left out with a warning.
    """
    pairs = _whole(subject_files(images, masks), f"'{images}' and '{masks}'", skip_problems)
    planes = torch.zeros((len(pairs), 4 if disparities is None else 6, side_px, side_px), dtype=torch.uint8)
    for i, (photo, mask) in enumerate(pairs):
        rgb, subject = read_photo(photo).pixels, read_photo(mask).pixels[..., :1]
        planes[i, :3], planes[i, 3:4] = _squeeze(rgb, side_px), _squeeze(subject, side_px)
        if disparities is not None and (file := Path(disparities) / f"{photo.stem}.png").is_file():
            planes[i, 4], planes[i, 5] = _disparity(file, side_px), 255
    return SubjectSet(planes, tuple(path.stem for path, _ in pairs))


def subject_files(images: str | Path, masks: str | Path) -> list[tuple[Path, Path]]:
    """Photos and their masks, by name; raises FileError for none."""
    pairs = [
        (path, mask)
        for path in listed(images)
        if path.suffix.lower() in PHOTO_SUFFIXES and (mask := Path(masks) / f"{path.stem}.png").is_file()
    ]
    if not pairs:
        raise FileError(
            f"expected photos in '{images}' with masks NAME.png in '{masks}', got none, try other folders"
        )
    return pairs


def _whole(pairs: Sequence[tuple[Path, Path]], about: str, skip_problems: bool) -> list[tuple[Path, Path]]:
    """The pairs that can be used, by their headers; raises FileError for others unless they are to be left out."""
    sizes = [checked_size(photo.stem, {"photo": photo, "mask": mask}) for photo, mask in pairs]
    problems = [size for size in sizes if isinstance(size, Problem)]
    if not skip_problems:
        stop_at(problems, about, "photos with masks of their size")
    warn_of(problems, about)
    whole = [pair for pair, size in zip(pairs, sizes, strict=True) if not isinstance(size, Problem)]
    if not whole:
        raise FileError(
            f"expected a photo with a mask that can be used in {about}, got none, try other folders"
        )
    return whole


def _squeeze(pixels: np.ndarray, side_px: int) -> UInt8[Tensor, "c s s"]:
    values = torch.from_numpy(pixels.astype(np.float32) / (257 if pixels.dtype == np.uint16 else 1))
    small = functional.interpolate(
        values.permute(2, 0, 1)[None], (side_px, side_px), mode="bilinear", antialias=True
    )
    return small[0].round().clamp(0, 255).to(torch.uint8)


def _disparity(path: Path, side_px: int) -> UInt8[Tensor, "s s"]:
    """A file's disparity from its 2nd percentile to its 98th, a sixth of the range to spare on both sides."""
    depth = read_depth(path, "relative_disparity")
    low, high = np.quantile(depth.values[depth.valid], (0.02, 0.98))
    share = (depth.values - low) / max(high - low, 1e-9)
    return _squeeze((255 * (SPARE + (1 - 2 * SPARE) * share)).clip(0, 255)[..., None], side_px)[0]


def read_cutouts(folder: str | Path, side_px: int = 320) -> SubjectSet:
    """Read pictures of single things on transparent ground, padded to squares; raises FileError for none."""
    planes, names = [], []
    for path in listed(folder, "**/*.png"):
        photo = read_photo(path)
        if photo.alpha is None or not 0.05 < (photo.alpha > photo.alpha.max() / 2).mean() < 0.95:
            continue
        alpha = photo.alpha[..., None].astype(photo.pixels.dtype)
        whole = np.concatenate([photo.pixels, alpha], axis=2)
        spare = max(whole.shape[:2]) - np.array(whole.shape[:2])
        planes.append(_squeeze(np.pad(whole, [(n // 2, n - n // 2) for n in spare] + [(0, 0)]), side_px))
        names.append(path.stem)
    if not planes:
        raise FileError(
            f"expected PNG cut-outs with transparency in '{folder}', got none, try another folder"
        )
    return SubjectSet(torch.stack(planes), tuple(names))


@dataclass(frozen=True, eq=False)
class SubjectViews(Dataset[dict[str, Tensor]]):
    """Augmented views of photos, and subjects (theirs, or other cut-outs) pasted on other photos: `image` [3 s s],
    `mask` [1 s s] and, where the set has it, `disparity` and `known` [1 s s], in 0..1, by (pass, index); the same
    key of a seed is always the same view.

    whole: fraction of the views that show nearly all of a photo, little changed: what the network is used for.
    """

    photos: SubjectSet
    side_px: int = 256
    pasted: float = 0.5
    seed: int = 0
    cutouts: SubjectSet | None = None
    whole: float = 0.0

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Tensor]:
        turn, index = key
        draw = np.random.default_rng([self.seed, turn, index])
        generator = torch.Generator().manual_seed(int(draw.integers(2**63)))
        if draw.random() < self.pasted:
            rgb, rest = self._paste(index, generator)
        elif self.whole and draw.random() < self.whole:
            rgb, rest = self._view(index, generator, WHOLE_FRAMING, WHOLE_COLOUR_STRENGTH)
        else:
            rgb, rest = self._view(index, generator)
        item = {"image": augment.erase(augment.degrade(rgb, generator), generator)[0], "mask": rest[0, :1]}
        if rest.shape[1] == 1:
            return item
        return {**item, "disparity": (rest[0, 1:2] - SPARE) / (1 - 2 * SPARE), "known": rest[0, 2:]}

    def _view(
        self,
        index: int,
        generator: torch.Generator,
        framing: augment.Framing = WIDE_FRAMING,
        colour: float = COLOUR_STRENGTH,
    ) -> tuple[Tensor, Tensor]:
        planes = self.photos.planes[index][None].float() / 255
        planes = augment.view(planes, self.side_px, framing, generator)
        return augment.recolour(planes[:, :3], generator, colour), planes[:, 3:]

    def _paste(self, index: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A subject over a photo without one, one in four over any photo: both are then subjects."""
        subjects, empty = self._pasteable
        if not len(subjects) or not len(empty):
            return self._view(index, generator)
        anywhere = _chance(generator) < 0.25
        other = _picked(torch.arange(len(self.photos)) if anywhere else empty, generator)
        back, behind = self._view(other, generator)
        back = augment.out_of_focus(back, generator)
        planes = self._subject(subjects, generator)[None].float() / 255
        planes = torch.cat([augment.cut_out(planes[:, :3], planes[:, 3:]), planes[:, 3:]], dim=1)
        planes = augment.view(planes, self.side_px, augment.PLACING, generator, fill=False)
        front, mask = augment.recolour(planes[:, :3], generator, COLOUR_STRENGTH), planes[:, 3:4]
        return front * mask + back * (1 - mask), _before(planes[:, 3:], behind)

    @cached_property
    def _pasteable(self) -> tuple[Tensor, Tensor]:
        """Photos whose subject can be pasted, and photos without one."""
        share = self.photos.share
        return ((share > EMPTY_SHARE) & (share < 0.6)).nonzero()[:, 0], (share < 0.01).nonzero()[:, 0]

    def _subject(self, among: Tensor, generator: torch.Generator) -> UInt8[Tensor, "4 s s"]:
        """Half of them from the cut-outs, where there are any."""
        if self.cutouts is not None and _chance(generator) < 0.5:
            return self.cutouts.planes[_picked(torch.arange(len(self.cutouts)), generator)]
        return self.photos.planes[_picked(among, generator)]


def _before(front: Float[Tensor, "1 c s s"], behind: Float[Tensor, "1 d s s"]) -> Float[Tensor, "1 d s s"]:
    """Mask, disparity and known of a thing in front of a photo: it is nearer than all of that."""
    share = front[:, :1]
    mask = torch.maximum(share, behind[:, :1])
    if behind.shape[1] == 1:
        return mask
    own = front[:, 1:2] if front.shape[1] > 1 else torch.ones_like(share)
    near = _FRONT + (1 - _FRONT) * own
    far = SPARE + _BACK * (behind[:, 1:2] - SPARE)
    return torch.cat([mask, share * near + (1 - share) * far, behind[:, 2:]], dim=1)


def _chance(generator: torch.Generator) -> float:
    return float(torch.rand(1, generator=generator))


def _picked(among: Tensor, generator: torch.Generator) -> int:
    return int(among[torch.randint(len(among), (1,), generator=generator)])

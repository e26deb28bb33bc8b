"""What a run starts from: its renderer, victims, photos and their depth.

Enters: a `RobustnessRun`. Leaves: what its names stand for. Nearness is stretched to 0..1 of each photo, whatever its
depth was: distances are the setup's.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.attacks.own_victims import OwnVictim
from cocnet.attacks.victims import Classifier, open_victim
from cocnet.datasets import LabelledFile, LabelledFolder, LabelledPhotos, NeurIPS2017
from cocnet.datasets.labelled.labelled_photos import middle
from cocnet.datasets.labelled.nips2017 import TableColumns
from cocnet.depth import coarse_mask, estimate_depth
from cocnet.depth.estimators.estimator import as_rgb8
from cocnet.depth.focal_plane import masked_inverse, middle_inverse
from cocnet.errors import FileError, InputError
from cocnet.files.listing import listed
from cocnet.files.run_folder import file_hash
from cocnet.imaging import nearness, photo_size, read_depth
from cocnet.imaging.depth.depth_file import sidecars
from cocnet.networks import checkpoint_info, shipped_weights
from cocnet.renderers import NearnessView, Setup, open_renderer
from cocnet.renderers.opening import NAMES
from cocnet.robustness.photo_depths import PhotoDepths, photo_depths
from cocnet.robustness.run_settings import AttackSettings, Nearest, RobustnessRun
from cocnet.robustness.transforms import other_renderer


def open_view(name: str, setup: Setup, device: str = "cpu") -> NearnessView:
    """The renderer of a name or a weight file, as attacks call it. Raises InputError, FileError."""
    return NearnessView(open_renderer(name, device=device), setup)


def weight_facts(name: str) -> dict[str, Any] | None:
    """What a network's weight file says of its training, and its checksum; None for physics."""
    if name in NAMES:
        return None
    path = Path(name) if Path(name).suffix else shipped_weights(name)
    if path is None or not path.is_file():
        return None
    return asdict(checkpoint_info(path)) | {"sha256": file_hash(path)}


def weight_files(run: RobustnessRun, allies: Iterable[str] = ()) -> dict[str, str]:
    """Checksums, by name, of the weight files that a run names beside its renderer's: of victims and allies, of other
    renderers, of the depth estimator."""
    spelled = [name.partition("=")[2] for name in (*run.victims, *allies)]
    spelled += [name for name in map(other_renderer, run.transforms) if name]
    found: dict[str, str] = {}
    for path in map(Path, dict.fromkeys([*spelled, run.estimator])):
        if path.suffix and path.is_file():
            found[path.name] = found.get(path.name, "") + file_hash(path)
    return found


def setup_of(run: AttackSettings) -> Setup:
    """The camera and the distances."""
    return Setup(f_number=run.f_number, focus_m=run.focus_m)


def open_victims(
    names: Iterable[str], size_px: int, device: str = "cpu"
) -> dict[str, Classifier | OwnVictim]:
    """Victims by name, for photos of this size; NAME=FILE takes weights from a file. Raises InputError, FileError."""
    victims = {}
    for spelled in names:
        name, _, weights = spelled.partition("=")
        victims[spelled] = open_victim(name, weights or None, size_px=size_px, device=device)
    return victims


def classes_of(victims: Mapping[str, Classifier | OwnVictim]) -> int:
    """How many classes all of them tell apart. Raises InputError where they differ."""
    counts = {name: victim.classes for name, victim in victims.items()}
    if len(set(counts.values())) > 1:
        raise InputError(f"expected victims of the same classes, got {counts}, try one run for each kind")
    return next(iter(counts.values()))


def open_photos(run: RobustnessRun, classes: int) -> LabelledPhotos:
    """The photos, for victims of so many classes; those without a label are in `problems`. Raises FileError,
    InputError where labels' numbers can't be known."""
    if listed(run.data, "*.csv"):
        columns = None
        if run.first_class and (run.file_column is None or run.label_column is None):
            raise InputError(
                f"expected --file-column and --label-column for first_class {run.first_class}, got not both, try "
                "them: where the classes of known tables begin is known"
            )
        if run.file_column is not None and run.label_column is not None:
            columns = TableColumns(run.file_column, run.label_column, first_class=run.first_class)
        return NeurIPS2017(
            run.data,
            run.split,
            columns=columns,
            classes=classes,
            size_px=run.size_px,
            skip_problems=True,
        )
    if run.split is not None or run.file_column is not None:
        raise InputError(
            f"expected a table in '{run.data}' for a split or columns, got none, try without --split"
        )
    return LabelledFolder(
        run.data, classes=classes, size_px=run.size_px, skip_problems=True, first_class=run.first_class
    )


def chosen_files(photos: LabelledPhotos, run: RobustnessRun) -> list[LabelledFile]:
    """The files of a run's photos."""
    return [photos.files[place] for place in evenly(len(photos), run.photos)]


def data_facts(files: Sequence[LabelledFile], depths: PhotoDepths | None) -> dict[str, Any]:
    """What tells photos and depth files apart, whatever their folders are called: names, labels and sizes, and what
    depth files say of themselves."""
    lines, total = [], 0
    for file in files:
        near = _depth_file(file.path, depths)
        sizes = [path.stat().st_size for path in (file.path, near) if path is not None]
        said = [path.read_text(encoding="utf-8", errors="replace") for path in sidecars(near)]
        lines.append(f"{file.name} {file.label} {sizes}{''.join(said)}")
        total += sum(sizes)
    checksum = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    ends = {"first": files[0].name, "last": files[-1].name} if files else {}
    return {
        "count": len(files),
        **ends,
        "bytes": total,
        "depth_files": depths is not None,
        "sha256": checksum,
    }


def evenly(count: int, wanted: int | None) -> list[int]:
    """Places of so many among all, evenly."""
    wanted = count if wanted is None else min(wanted, count)
    return [place * count // wanted for place in range(wanted)]


def open_depths(photos: LabelledPhotos, run: RobustnessRun) -> PhotoDepths | None:
    """The depth files of all photos; None where depth is estimated. Raises FileError."""
    return None if run.depths is None else photo_depths(run.depths, [file.path for file in photos.files])


def _depth_file(photo: Path, depths: PhotoDepths | None) -> Path | None:
    try:
        return None if depths is None else depths.of(photo)
    except FileError:  # the photo is left out, with this as the reason
        return None


def nearness_of(
    image: Float[Tensor, "3 n n"],
    path: Path,
    depth: Path | None = None,
    kind: str | None = None,
    estimator: str = "builtin",
    setup: Setup | None = None,
    nearest: Nearest = "point",
) -> Float[Tensor, "1 n n"]:
    """Nearness in 0..1 of a photo as it is attacked, from its depth file or estimated. Raises DepthError,
    FileError."""
    placed = setup or Setup()
    if depth is None:
        found = estimate_depth(as_rgb8(image), name=estimator).depth
        inverse = torch.from_numpy(found.inverse_depth(placed.near_m, placed.far_m))[None]
    else:
        whole = read_depth(depth, kind).resized(*photo_size(path))
        whole_inverse = torch.from_numpy(whole.inverse_depth(placed.near_m, placed.far_m))[None]
        inverse = middle(whole_inverse, image.shape[-1])
    return nearness(inverse if nearest == "point" else from_subject(inverse, image))


def from_subject(inverse_depth: Float[Tensor, "1 n n"], image: Tensor) -> Float[Tensor, "1 n n"]:
    """Nothing nearer than the subject: a lens with one focus, at the nearest point, has it in focus then."""
    mask = coarse_mask(as_rgb8(image))
    plane = inverse_depth[0].numpy()
    found = None if mask is None else masked_inverse(plane, mask)
    return inverse_depth.clamp(max=middle_inverse(plane) if found is None else found)

"""The stages of a run: what photos and their natural bokeh look like, each attack on them, and what survives,
batch by batch.

Enters: a `Testbed`. Leaves: files of its `RunLayout`; a finished batch is left as it is, an unfinished one is
done again, to the same result.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import load_file, save
from torch import Tensor

from cocnet.attacks import AttackResult
from cocnet.compute import strict_float32
from cocnet.datasets import LabelledPhoto
from cocnet.errors import CocnetError, DownloadError, MissingExtraError
from cocnet.files.atomic import atomic_path
from cocnet.robustness import records as files
from cocnet.robustness.methods import Method, open_method
from cocnet.robustness.perturbation import perturbation
from cocnet.robustness.records import AttackRecord, PhotoRecord, TransformRecord
from cocnet.robustness.run_layout import folder_of, load_picture, load_plane, plain, save_picture, save_plane
from cocnet.robustness.similarity import similarity
from cocnet.robustness.sources import nearness_of, setup_of
from cocnet.robustness.testbed import Testbed, budget_of
from cocnet.robustness.transforms import DEPTHS, PICTURES, other_renderer


def photo_batch(
    bed: Testbed, number: int, again: bool = False
) -> tuple[list[PhotoRecord], list[tuple[str, str]]]:
    """Photos of a batch in 8 bit, their depth and natural bokeh, and what victims see; with what couldn't be read.

    again: a batch of which something couldn't be read, and nothing is attacked, is read once more. Raises
    MissingExtraError or DownloadError where no photo is to blame, FileError where a file can't be written.
    """
    path = bed.layout.photos(number)
    if path.is_file():
        found, problems = files.read_photos(path)
        if not (again and problems) or bed.run.report_only or bed.layout.is_attacked(number):
            return found, problems
    if bed.run.report_only:
        return [], []
    photos, problems = _readable(bed, bed.batches[number])
    found = _photo_records(bed, photos) if photos else []
    files.write_photos(folder_of(path), found, problems)
    return found, problems


def attack_batch(bed: Testbed, victim: str, method: str, number: int) -> list[AttackRecord]:
    """Attack a batch, look at the files, and write what came out. Raises InputError, DepthError, FileError."""
    path = bed.layout.records(victim, method, number)
    if path.is_file():
        return files.of_names(path, files.read_records(path), victim=victim, method=method)
    if bed.run.report_only:
        return []
    photos, _ = photo_batch(bed, number)
    records = _attacked(bed, victim, method, number, photos) if photos else []
    files.write_records(folder_of(path), records)
    return records


def transform_batch(
    bed: Testbed, victim: str, method: str, transform: str, number: int
) -> list[TransformRecord]:
    """What a victim sees in an attacked batch, and in its natural bokeh, after a transform; none where the
    transform is of depth or a renderer and the method changed pictures alone. Raises InputError, FileError."""
    path = bed.layout.transformed(victim, method, transform, number)
    if path.is_file():
        found = files.read_transformed(path)
        return files.of_names(path, found, victim=victim, method=method, transform=transform)
    if bed.run.report_only:
        return []
    photos, _ = photo_batch(bed, number)
    pictures = _transformed(bed, victim, method, transform, number, photos) if photos else None
    records = []
    if pictures is not None:
        natural, attacked = (bed.predicted(victim, picture) for picture in pictures)
        records = [
            TransformRecord(photo.stem, victim, method, transform, natural[i], attacked[i])
            for i, photo in enumerate(photos)
        ]
    files.write_transformed(folder_of(path), records)
    return records


def _readable(
    bed: Testbed, places: Sequence[int]
) -> tuple[list[tuple[str, LabelledPhoto]], list[tuple[str, str]]]:
    """Photos whose file and depth can be read, with the stem of their files, written; and reasons of the others."""
    photos, problems = [], []
    for place in places:
        name = bed.photos.files[place].name
        try:
            photo, near = _opened(bed, place)
        except (MissingExtraError, DownloadError):
            raise
        except CocnetError as error:
            problems.append((name, str(error)))
            continue
        stem = f"{place:05d}-{plain(name)}"
        save_picture(bed.layout.photo(stem), photo.image)
        save_plane(bed.layout.depth(stem), near)
        photos.append((stem, photo))
    return photos, problems


def _opened(bed: Testbed, place: int) -> tuple[LabelledPhoto, Float[Tensor, "1 n n"]]:
    """A photo and its nearness. Raises FileError, DepthError."""
    run, photo = bed.run, bed.photos[place]
    depth = None if bed.depths is None else bed.depths.of(photo.path)
    near = nearness_of(
        photo.image, photo.path, depth, run.depth_kind, run.estimator, setup_of(run), run.nearest
    )
    return photo, near


def _photo_records(bed: Testbed, photos: Sequence[tuple[str, LabelledPhoto]]) -> list[PhotoRecord]:
    device = bed.run.device
    image = torch.stack([load_picture(bed.layout.photo(stem)) for stem, _ in photos]).to(device)
    depth = torch.stack([load_plane(bed.layout.depth(stem)) for stem, _ in photos]).to(device)
    with torch.no_grad(), strict_float32(image.device):
        rendered = bed.render(image, depth)
    for (stem, _), picture in zip(photos, rendered, strict=True):
        save_picture(bed.layout.natural(stem), picture)
    natural = torch.stack([load_picture(bed.layout.natural(stem)) for stem, _ in photos]).to(device)
    clean, bokeh, again = bed.predictions(image), bed.predictions(natural), bed.predictions(image)
    return [
        PhotoRecord(
            photo.name,
            stem,
            photo.label,
            *({name: seen[name][i] for name in seen} for seen in (clean, bokeh, again)),
        )
        for i, (stem, photo) in enumerate(photos)
    ]


def _attacked(
    bed: Testbed, victim: str, method: str, number: int, photos: Sequence[PhotoRecord]
) -> list[AttackRecord]:
    image, depth, natural, label = bed.loaded(photos)
    chosen = open_method(method, budget_of(bed.run, [photo.photo for photo in photos]))
    start = time.perf_counter()
    with strict_float32(image.device):
        allies = [bed.allies[name] for name in chosen.budget.allies if name != victim]
        result = chosen(bed.render, bed.victims[victim], image, depth, label, allies)
    seconds = (time.perf_counter() - start) / len(photos)
    saved = _saved(bed, victim, method, number, photos, result)
    changed = None
    if result.depth is not None:
        changed = perturbation(depth, result.depth, setup_of(bed.run), result.camera).rows()
    found = {
        "seen": bed.predictions(saved),
        "to_photo": similarity(bed.measures, image, saved),
        "to_natural": similarity(bed.measures, natural, saved),
        "perturbation": changed,
    }
    about = {"batch": number, "renderer": bed.render.name, "victim": victim, "method": method}
    about |= _effort(chosen) | {"seconds": seconds}
    return [record_of(photo, row, about, result, found) for row, photo in enumerate(photos)]


def _effort(method: Method) -> dict[str, Any]:
    budget = method.budget
    return {
        "epsilon": method.epsilon,
        "steps": budget.steps,
        "restarts": budget.restarts,
        "full": budget.full,
    }


def record_of(
    photo: PhotoRecord, row: int, about: Mapping[str, Any], result: AttackResult, found: Mapping[str, Any]
) -> AttackRecord:
    """One photo's row of a batch."""
    victim, seen = about["victim"], {name: classes[row] for name, classes in found["seen"].items()}
    return AttackRecord(
        photo=photo.photo,
        stem=photo.stem,
        label=photo.label,
        row=row,
        clean_right=photo.clean[victim] == photo.label,
        natural_right=photo.natural[victim] == photo.label,
        success=bool(result.success[row]),
        success_saved=seen[victim] != photo.label,
        prediction=int(result.prediction[row]),
        prediction_saved=seen[victim],
        margin=float(result.margin[row]),
        queries=int(result.queries[row]),
        zero_gradient=result.zero_gradient is not None and bool(result.zero_gradient[row]),
        to_photo=found["to_photo"][row],
        to_natural=found["to_natural"][row],
        perturbation=None if found["perturbation"] is None else found["perturbation"][row],
        camera=None if result.camera is None else tuple(result.camera[row].tolist()),
        others=seen,
        **about,
    )


def _saved(
    bed: Testbed,
    victim: str,
    method: str,
    number: int,
    photos: Sequence[PhotoRecord],
    result: AttackResult,
) -> Float[Tensor, "b 3 h w"]:
    """Write what an attack found; its pictures, as their files have them."""
    paths = [bed.layout.picture(victim, method, photo.stem) for photo in photos]
    for path, picture in zip(paths, result.image, strict=True):
        save_picture(path, picture)
    changed = {"depth": result.depth, "camera": result.camera}
    tensors = {name: x.detach().cpu().contiguous() for name, x in changed.items() if x is not None}
    if tensors:
        with atomic_path(folder_of(bed.layout.changed(victim, method, number))) as temporary:
            temporary.write_bytes(save(tensors))
    return torch.stack([load_picture(path) for path in paths]).to(bed.run.device)


@torch.no_grad()
def _transformed(
    bed: Testbed, victim: str, method: str, transform: str, number: int, photos: Sequence[PhotoRecord]
) -> tuple[Tensor, Tensor] | None:
    """Natural and attacked pictures after a transform: their files, or their depth rendered again."""
    image, depth, natural, _ = bed.loaded(photos)
    if transform in PICTURES:
        paths = [bed.layout.picture(victim, method, photo.stem) for photo in photos]
        attacked = torch.stack([load_picture(path) for path in paths]).to(image.device)
        return PICTURES[transform](natural), PICTURES[transform](attacked)
    other = other_renderer(transform)
    render = bed.render if other is None else bed.others[other]
    found = bed.layout.changed(victim, method, number)
    changed = load_file(found, bed.run.device) if found.is_file() else {}
    camera = changed.get("camera")
    if "depth" not in changed or (camera is not None and render.camera is None):
        return None
    planes = depth, changed["depth"]
    if other is None:
        planes = DEPTHS[transform](planes[0]), DEPTHS[transform](planes[1])
    with strict_float32(image.device):
        again = render(image, planes[1]) if camera is None else render(image, planes[1], camera)
        return render(image, planes[0]), again

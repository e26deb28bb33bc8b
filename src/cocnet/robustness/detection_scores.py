"""How detectors do on a set of bokeh corruptions, by COCO's mean average precision.

Enters: a set that `cocnet corrupt` made of loose photos at their own size, their boxes as COCO has them, detectors
that return boxes [n 4] (x0, y0, x1, y1, px), scores [n] and labels [n] for each photo. Leaves: a `DetectionScore`
each, and in the run's folder DETECTOR.json, detection.md and detection.html.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cocnet import __version__
from cocnet.attacks.guard import evaluating
from cocnet.attacks.own_victims import own_callable
from cocnet.augment.corruptions import CONTROL
from cocnet.compute import check_device, strict_float32, use_threads
from cocnet.errors import FileError, InputError, MissingExtraError
from cocnet.files.atomic import write_json
from cocnet.files.json_file import reason_of
from cocnet.files.offline import check_download
from cocnet.networks.zoo.checkpoint import load_tensors
from cocnet.robustness.corruption_scores import read_manifest
from cocnet.robustness.corruption_set import CLEAN
from cocnet.robustness.corruption_settings import DetectionEvaluation
from cocnet.robustness.run_layout import load_picture, own
from cocnet.robustness.section_files import sections_markdown, sections_page, write_text
from cocnet.robustness.sweep_sections import ReportSection

NAME = "detection"
BOXES = "a list of boxes [n 4], scores [n] and labels [n]"
Detector = Callable[[torch.Tensor], Any]


@dataclass(frozen=True)
class DetectionScore:
    """Of one detector: mAP (IoU 0.50 to 0.95) of the photos themselves and at each corruption's severities, 0..1;
    unknown: photos of the set that the boxes' file doesn't name, which are left out."""

    detector: str
    photos: int
    clean: float
    precision: dict[str, dict[int, float]]
    unknown: int = 0

    def mean(self, name: str) -> float:
        """Over severities."""
        return sum(self.precision[name].values()) / len(self.precision[name])


def run_detection_scores(
    run: DetectionEvaluation, on_progress: Callable[[str, int, int], None] | None = None
) -> list[DetectionScore]:
    """Measure all detectors and write the report. Raises FileError, InputError, MissingExtraError."""
    use_threads(run.threads)
    check_device(run.device)
    manifest = read_manifest(run.data)
    truth = read_boxes(run.annotations)
    photos = _photos(manifest, truth, run)
    scores = []
    for name in run.detectors:
        detector = open_detector(name, run.device)
        scores.append(_scored(run, manifest, name, detector, truth, photos, on_progress))
        run.out.mkdir(parents=True, exist_ok=True)
        facts = {"cocnet": __version__, "data": str(run.data)} | asdict(scores[-1])
        write_json(run.out / f"{own(name)}.json", facts)
    title = f"Bokeh corruptions seen by {', '.join(run.detectors)}"
    sections = detection_sections(manifest, scores)
    write_text(run.out / f"{NAME}.md", sections_markdown(title, sections))
    write_text(run.out / f"{NAME}.html", sections_page(title, sections))
    return scores


def open_detector(spelled: str, device: str = "cpu") -> Detector:
    """A detector by torchvision's name, with its weights or those of NAME=FILE, or one's own. Raises InputError,
    FileError."""
    from torchvision.models import detection, get_model, get_model_weights, list_models

    name, _, weights = spelled.partition("=")
    if ":" in name:
        own = own_callable(name, BOXES, "a detector")
        return own.to(device) if isinstance(own, torch.nn.Module) else own
    names = list_models(module=detection)
    if name not in names:
        raise InputError(f"expected a detector, got '{name}', try one of {', '.join(names)}")
    network = get_model(name, weights=None, weights_backbone=None).eval().requires_grad_(False)
    if weights:
        state = load_tensors(Path(weights), network.state_dict())
    else:
        published = next(iter(get_model_weights(name)))
        kept = Path(torch.hub.get_dir()) / "checkpoints" / published.url.rsplit("/", 1)[-1]
        hint = f"try {name}=FILE.safetensors"
        check_download(f"{name}'s weights", kept, hint)
        try:
            state = published.get_state_dict(
                progress=False, check_hash=True, map_location="cpu", weights_only=True
            )
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:120]
            raise FileError(f"expected {name}'s weights at '{kept}', got '{reason}', {hint}") from error
    network.load_state_dict(state)
    return network.to(device)


def read_boxes(path: Path) -> dict[str, Any]:
    """COCO's file of boxes. Raises FileError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        for one in found["annotations"]:
            one["image_id"], one["category_id"], one["bbox"]
        {one["id"]: one["file_name"] for one in found["images"]}
        found["categories"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"expected COCO's images, annotations and categories, got '{path}' ({reason_of(error)}), "
            "try its instances_val2017.json"
        ) from error
    return dict(found)


def _photos(
    manifest: Mapping[str, Any], truth: Mapping[str, Any], run: DetectionEvaluation
) -> dict[str, int]:
    """COCO's number of each photo of the set, by stems of names."""
    size = manifest["settings"]["size_px"]
    if size != "0":
        raise InputError(f"expected photos at their own size, got {size} px, try cocnet corrupt --size-px 0")
    numbers = {Path(one["file_name"]).stem: int(one["id"]) for one in truth["images"]}
    places = [Path(row["class"], row["photo"]) for row in manifest["photos"]]
    found = {str(place): numbers.get(place.stem) for place in places}
    known = {name: number for name, number in found.items() if number is not None}
    if not known:
        raise FileError(
            f"expected boxes of the set's photos in '{run.annotations}', got none, try the set's own"
        )
    return known


def _scored(
    run: DetectionEvaluation,
    manifest: Mapping[str, Any],
    name: str,
    detector: Detector,
    truth: Mapping[str, Any],
    photos: Mapping[str, int],
    on_progress: Callable[[str, int, int], None] | None,
) -> DetectionScore:
    severities = [int(one) for one in manifest["severities"] if int(one)]
    folders = [(CLEAN, 0), *((one, severity) for one in manifest["corruptions"] for severity in severities)]
    found: dict[tuple[str, int], float] = {}
    for number, (one, severity) in enumerate(folders, 1):
        rows = []
        for place, image in photos.items():
            rows += _detected(detector, run.data / one / str(severity) / place, image, run.device)
        found[one, severity] = mean_average_precision(truth, rows, sorted(photos.values()))
        if on_progress is not None:
            on_progress(name, number, len(folders))
    precision = {one: {s: found[one, s] for s in severities} for one in manifest["corruptions"]}
    unknown = len(manifest["photos"]) - len(photos)
    return DetectionScore(name, len(photos), found[CLEAN, 0], precision, unknown)


def _detected(detector: Detector, path: Path, image: int, device: str) -> list[dict[str, Any]]:
    """What is found in a photo, as COCO has results."""
    batch = load_picture(path)[None].to(device)
    with torch.no_grad(), strict_float32(batch.device), evaluating(detector):
        output = detector(batch)
    try:
        (found,) = output
        corners, scores, labels = (
            found[key].detach().cpu().double() for key in ("boxes", "scores", "labels")
        )
        rows = zip(corners.tolist(), scores.tolist(), labels.tolist(), strict=True)
        return [
            {"image_id": image, "category_id": int(c), "bbox": [x0, y0, x1 - x0, y1 - y0], "score": score}
            for (x0, y0, x1, y1), score, c in rows
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        got = type(output).__name__
        raise InputError(f"expected {BOXES} for each photo, got {got}, try torchvision's form") from error


def mean_average_precision(
    truth: Mapping[str, Any], found: Sequence[Mapping[str, Any]], images: Sequence[int]
) -> float:
    """COCO's mAP, IoU 0.50 to 0.95, of these images; 0 where nothing was found. Raises MissingExtraError."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise MissingExtraError(
            "expected pycocotools, got none, try pip install 'cocnet[detection]'"
        ) from error
    if not found:
        return 0.0
    with redirect_stdout(StringIO()):  # it tells what it does
        coco = COCO()
        annotations = [_whole(one, number) for number, one in enumerate(truth["annotations"], 1)]
        coco.dataset = {**truth, "annotations": annotations}
        coco.createIndex()
        judged = COCOeval(coco, coco.loadRes([dict(one) for one in found]), "bbox")
        judged.params.imgIds = list(images)
        judged.evaluate()
        judged.accumulate()
    precision = judged.eval["precision"][:, :, :, 0, -1]
    told = precision[precision > -1]
    return float(np.mean(told)) if told.size else 0.0


def _whole(annotation: Mapping[str, Any], number: int) -> dict[str, Any]:
    """With what COCO's own code wants beside the box."""
    width, height = annotation["bbox"][2:]
    return {"iscrowd": 0, "area": width * height, **annotation, "id": number}


def detection_sections(manifest: Mapping[str, Any], scores: Sequence[DetectionScore]) -> list[ReportSection]:
    """What the report says, in order."""
    unknown = scores[0].unknown
    lines = (
        *(
            [f"left out: {unknown} of the set's photos, which the boxes' file doesn't name"]
            if unknown
            else []
        ),
        f"{scores[0].photos} photos; mean average precision (%), IoU 0.50 to 0.95",
        f"effective: precision above that under {CONTROL}, as much blur without depth, in points",
        *(f"{name}: {about}" for name, about in manifest["corruptions"].items()),
    )
    found = [ReportSection("", lines)]
    for score in scores:
        severities = list(next(iter(score.precision.values())))
        rows = []
        control = score.mean(CONTROL) if CONTROL in score.precision else None
        for name, shares in score.precision.items():
            mean = score.mean(name)
            above = "–" if control is None or name == CONTROL else f"{100 * (mean - control):+.1f}"
            rows.append((name, *(f"{100 * shares[s]:.1f}" for s in severities), f"{100 * mean:.1f}", above))
        head = ("", *(f"severity {s}" for s in severities), "mean", "effective")
        told = (f"the photos themselves: {100 * score.clean:.1f}",)
        found.append(ReportSection(score.detector, told, head, tuple(rows)))
    return found

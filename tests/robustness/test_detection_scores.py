"""Detectors on a set of corruptions: COCO's precision of what is found, and what is refused."""

import json
from typing import Any

import numpy as np
import pytest
import torch

from cocnet.apps.cli.main import main
from cocnet.augment.corruptions import CONTROL
from cocnet.errors import FileError, InputError
from cocnet.imaging import write_photo
from cocnet.robustness.corruption_set import run_corruption
from cocnet.robustness.corruption_settings import CorruptionRun, DetectionEvaluation
from cocnet.robustness.detection_scores import mean_average_precision, open_detector, run_detection_scores

pytest.importorskip("pycocotools")
BOX = [16.0, 16.0, 32.0, 32.0]


def finds_light(rgb):
    """A box around what is brighter than a half; blurred, it grows fainter."""
    found = []
    for picture in rgb:
        rows, columns = (picture.mean(0) > 0.5).nonzero(as_tuple=True)
        if not len(rows):
            found.append(
                {
                    key: torch.zeros(0, *more)
                    for key, more in (("boxes", (4,)), ("scores", ()), ("labels", ()))
                }
            )
            continue
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        found.append(
            {"boxes": torch.stack(box)[None].float(), "scores": torch.ones(1), "labels": torch.ones(1)}
        )
    return found


@pytest.fixture
def coco(tmp_path):
    """Three photos with a white square, their depth, and its box."""
    for name in ("photos", "depths"):
        (tmp_path / name).mkdir()
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[16:48, 16:48] = 255
    plane = np.full((64, 64), 0.1, np.float32)
    plane[16:48, 16:48] = 1.0
    images = []
    for number in range(3):
        write_photo(tmp_path / "photos" / f"{number}.png", pixels)
        np.save(tmp_path / "depths" / f"{number}.npy", plane)
        images.append({"id": number + 7, "file_name": f"{number}.jpg", "width": 64, "height": 64})
    boxes = [{"image_id": n + 7, "category_id": 1, "bbox": [16, 16, 32, 32]} for n in range(3)]
    truth = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "light"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(truth))
    names = ("subject_focus", "background_focus", CONTROL)
    run = CorruptionRun(tmp_path / "set", names, (1, 5), 0, tmp_path / "depths", "disparity")
    run_corruption(tmp_path / "photos", run)
    return tmp_path


def test_precision_of_perfect_and_of_missed_boxes():
    truth = {
        "images": [{"id": 1, "file_name": "a", "width": 64, "height": 64}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": BOX}],
        "categories": [{"id": 1, "name": "x"}],
    }
    row = {"image_id": 1, "category_id": 1, "score": 0.9}
    assert mean_average_precision(truth, [row | {"bbox": BOX}], [1]) == pytest.approx(1.0)
    shifted = [20.0, 16.0, 32.0, 32.0]  # IoU 28/36 = 0.78: right at 0.50 … 0.75, six of ten
    assert mean_average_precision(truth, [row | {"bbox": shifted}], [1]) == pytest.approx(0.6)
    assert mean_average_precision(truth, [row | {"bbox": BOX, "category_id": 2}], [1]) == 0
    assert mean_average_precision(truth, [], [1]) == 0


def test_scores_and_report(coco, monkeypatch):
    monkeypatch.setattr("cocnet.robustness.detection_scores.own_callable", lambda *_: finds_light)
    run = DetectionEvaluation(coco / "set", coco / "boxes.json", coco / "report", ("mine:finds_light",))
    (score,) = run_detection_scores(run)
    assert score.photos == 3 and score.clean == pytest.approx(1.0)
    missed = score.precision["background_focus"][5]
    assert score.precision["subject_focus"][5] == pytest.approx(1.0) and missed < 0.9
    assert json.loads(next((coco / "report").glob("*.json")).read_text())["clean"] == pytest.approx(1.0)
    assert "effective" in (coco / "report" / "detection.md").read_text()
    asked = [
        "--data",
        str(coco / "set"),
        "--annotations",
        str(coco / "boxes.json"),
        "-o",
        str(coco / "again"),
    ]
    assert main(["evaluate", "detection", *asked, "--detectors", "mine:finds_light"]) == 0


def test_photos_that_the_boxes_do_not_name_are_counted(coco, monkeypatch):
    monkeypatch.setattr("cocnet.robustness.detection_scores.own_callable", lambda *_: finds_light)
    truth = json.loads((coco / "boxes.json").read_text())
    truth["images"], truth["annotations"] = truth["images"][:2], truth["annotations"][:2]
    (coco / "boxes.json").write_text(json.dumps(truth))
    run = DetectionEvaluation(coco / "set", coco / "boxes.json", coco / "report", ("mine:finds_light",))
    (score,) = run_detection_scores(run)
    assert (score.photos, score.unknown) == (2, 1)
    assert "left out: 1 of the set's photos" in (coco / "report" / "detection.md").read_text()


@pytest.mark.slow
def test_torchvisions_detectors_load_and_answer(coco, tmp_path):
    from safetensors.torch import save_file
    from torchvision.models import get_model

    name = "ssdlite320_mobilenet_v3_large"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = get_model(name, weights=None, weights_backbone=None)
    file = tmp_path / "drawn.safetensors"
    save_file(drawn.state_dict(), file)
    detector: Any = open_detector(f"{name}={file}")
    loaded = dict(detector.named_parameters())
    assert all(torch.equal(loaded[each], parameter) for each, parameter in drawn.named_parameters())
    run = DetectionEvaluation(coco / "set", coco / "boxes.json", coco / "report", (f"{name}={file}",))
    (score,) = run_detection_scores(run)
    assert 0 <= score.clean < 0.5 and set(score.precision) == {"subject_focus", "background_focus", CONTROL}


def test_what_cannot_be_measured_is_one_line(coco, tmp_path):
    with pytest.raises(InputError, match="ssdlite320"):
        open_detector("resnet50")
    (coco / "wrong.json").write_text('{"images": []}')
    with pytest.raises(FileError, match="COCO"):
        run_detection_scores(DetectionEvaluation(coco / "set", coco / "wrong.json"))
    (coco / "others.json").write_text('{"images": [], "annotations": [], "categories": []}')
    with pytest.raises(FileError, match="none"):
        run_detection_scores(DetectionEvaluation(coco / "set", coco / "others.json"))


def test_offline_weights_are_named(monkeypatch):
    monkeypatch.setenv("COCNET_OFFLINE", "1")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: "/nonexistent")
    with pytest.raises(FileError, match=r"FILE\.safetensors"):
        open_detector("ssdlite320_mobilenet_v3_large")

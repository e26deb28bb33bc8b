"""`cocnet corrupt`, `evaluate corruptions`, `evaluate detection`: sets of bokeh corruptions, who sees through them.

Enters: photos in folders. Leaves: the set; a report in a folder.
"""

from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from cocnet.apps.cli.progress import parts_done, what_is_done
from cocnet.apps.cli.say import note
from cocnet.errors import FileError
from cocnet.robustness.corruption_settings import CorruptionEvaluation, CorruptionRun, DetectionEvaluation


def corrupt(
    images: Annotated[Positional[Path], arg(metavar="FOLDER")], /, run: OmitArgPrefixes[CorruptionRun]
) -> None:
    """Make a benchmark of photos under bokeh corruptions of five severities.

    Each severity has a control with as much blur, but without depth. Photos lie in a folder for each class, or have a
    table of labels; depth is estimated:
      cocnet corrupt photos -o set

    Two corruptions at their strongest severities, by two processes, as JPEG:
      cocnet corrupt photos --corruptions near_focus far_focus --severities 4 5 --workers 2 --format jpeg -o set

    Args:
        images: Folder of photos.
        run: Corruptions, severities and depth.
    """
    from cocnet.robustness.corruption_set import MANIFEST, run_corruption

    with parts_done("corrupt") as on_progress:
        found = run_corruption(images, run, on_progress)
    for row in found["left_out"]:
        note(f"left out {row['problem']}")
    if not found["photos"]:
        raise FileError(f"expected a photo that can be used, got none in '{images}', try what is said above")
    print(f"{run.out / MANIFEST}: {len(found['photos'])} photos, {len(found['corruptions'])} corruptions")


def evaluate_corruptions(run: OmitArgPrefixes[CorruptionEvaluation]) -> None:
    """Measure classifiers on photos under bokeh corruptions.

    Make the corrupted photos first; accuracy and mean corruption error are reported:
      cocnet corrupt photos -o set
      cocnet evaluate corruptions --data set --victims mobilenet_v2 efficientnet_lite0 -o runs/corruptions

    Args:
        run: Classifiers and photos.
    """
    from cocnet.robustness.corruption_scores import run_corruption_scores

    with what_is_done("folder") as on_progress:
        scores = run_corruption_scores(run, on_progress)
    for score in scores:
        print(f"{score.victim}: right {score.clean}, mean corruption error {100 * score.mean_error:.1f} %")
    print(run.out / "corruptions.html")


def evaluate_detection(run: OmitArgPrefixes[DetectionEvaluation]) -> None:
    """Measure object detectors on photos under bokeh corruptions, by COCO's mean average precision.

    Make the corrupted photos first, at their own size:
      cocnet corrupt val2017 --size-px 0 -o set
      cocnet evaluate detection --data set --annotations instances_val2017.json

    Args:
        run: Detectors, photos and their boxes.
    """
    from cocnet.robustness.detection_scores import run_detection_scores

    with what_is_done("folder") as on_progress:
        scores = run_detection_scores(run, on_progress)
    for score in scores:
        print(f"{score.detector}: {100 * score.clean:.1f} % on the photos themselves")
        for name in score.precision:
            print(f"  {name}: {100 * score.mean(name):.1f} %")
    print(run.out / "detection.html")

"""`cocnet attack`: one photo, so rendered that a classifier doesn't know it any more.

Enters: a photo. Leaves: the adversarial picture, its depth and its settings; a line of before and after.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from cocnet.apps.cli.say import note, print_json
from cocnet.robustness.single_photo import AttackOutcome, AttackRun, Prediction


def attack(
    photo: Annotated[Positional[Path], arg(metavar="PHOTO")],
    /,
    run: OmitArgPrefixes[AttackRun],
    json: bool = False,
) -> None:
    """Render a photo with bokeh that makes a classifier err: an adversarial example.

    A depth perturbation too small to see, only behind what is in focus:
      cocnet attack photo.jpg --method bg-gda --victim mobilenet_v2 -o out.png

    Your own depth map, changed by up to ε = 0.008, until the classifier sees a mushroom (class 947):
      cocnet attack photo.jpg --depth depth.png --method gda --epsilon 8e-3 --target 947 -o out.png

    Only focus, aperture and focal length are changed:
      cocnet attack photo.jpg --method lens -o out.png

    Args:
        photo: Photo, in any format that `cocnet render` takes.
        run: Attack, classifier and renderer.
        json: Print the outcome as one JSON object on standard output.
    """
    from cocnet.robustness.single_photo import attack_photo, ignored_by_method

    found = attack_photo(photo, run)
    for line in ignored_by_method(run):
        note(line)
    if json:
        print_json(asdict(found))
        return
    size = "" if found.epsilon is None else f" ε {found.epsilon:g},"
    print(f"{found.out}: {run.method} on {run.victim},{size} {found.queries} queries: {outcome(found)}")
    print(f"  photo          {_said(found.photo)}")
    print(f"  natural bokeh  {_said(found.natural)}")
    print(f"  this file      {_said(found.after)}")
    if found.depth is not None:
        print(f"  its depth      {found.depth}")


def outcome(found: AttackOutcome) -> str:
    """Whether the victim is fooled, in words."""
    if not found.success:
        return "not fooled"
    wanted = found.label if found.target is None else found.target
    alone = (found.natural.label == wanted) == (found.target is not None)
    return "fooled, as by bokeh alone" if alone else "fooled"


def _said(seen: Prediction) -> str:
    return f"{seen.name} ({seen.label}), {seen.confidence:.0%}"

"""`cocnet attack`: one photo, so rendered that a classifier doesn't know it any more.

Enters: a photo. Leaves: the adversarial picture, its depth and its settings; a line of before and after.
"""

from dataclasses import asdict
from pathlib import Path

from tyro.conf import OmitArgPrefixes, Positional

from cocnet.apps.cli.say import print_json
from cocnet.robustness.single_photo import AttackOutcome, AttackRun, Prediction


def attack(photo: Positional[Path], /, run: OmitArgPrefixes[AttackRun], json: bool = False) -> None:
    """Render a photo with bokeh that makes a classifier err: an adversarial example.

    Depth is changed by less than eyes can see, behind what is in focus only:
      cocnet attack photo.jpg --method bg-gda --victim mobilenet_v2 -o out.png

    With depth of your own, up to ε = 0.008, until it is seen as a mushroom:
      cocnet attack photo.jpg --depth depth.png --method gda --epsilon 8e-3 --target 947 -o out.png

    By focus, aperture and focal length alone:
      cocnet attack photo.jpg --method lens -o out.png

    Args:
        photo: JPEG, PNG, TIFF, WebP or HEIC.
        run: Method, victim, renderer and effort.
        json: Print what came out as one JSON object on stdout.
    """
    from cocnet.robustness.single_photo import attack_photo

    found = attack_photo(photo, run)
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
    return "fooled" if found.natural.label == found.label else "fooled, as by bokeh alone"


def _said(seen: Prediction) -> str:
    return f"{seen.name} ({seen.label}), {seen.confidence:.0%}"

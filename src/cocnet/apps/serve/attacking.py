"""An attack in a worker: one photo, natural and adversarial, what a classifier sees in each, and what was changed.

Enters: an `Upload`, an `AttackRun` whose output the server names. Leaves: a JSON file that grows cell by cell,
pictures beside it; the adversarial one is the file that `cocnet attack` makes.
"""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cocnet.apps.serve.comparison import picture_path
from cocnet.apps.serve.studio import Upload
from cocnet.files.atomic import write_json
from cocnet.robustness.single_photo import AttackRun

if TYPE_CHECKING:
    from torch import Tensor

    from cocnet.attacks import AttackResult
    from cocnet.robustness.one_attack import Before

STORED = ".png"  # 8 bit, lossless: a JPEG would undo what was found
ADVERSARIAL = 2


def attack_choices() -> dict[str, Any]:
    """What can be chosen: victims whose weights are at hand, methods with their own ε; how to get a victim."""
    from cocnet.attacks.victim_packages import PACKAGES
    from cocnet.attacks.victims import victims_at_hand
    from cocnet.robustness.method_table import METHODS, NO_ATTACK

    methods = [
        {"name": name, "about": spec.about, "epsilon": spec.epsilon, "unit": spec.unit}
        for name, spec in METHODS.items()
        if name not in NO_ATTACK
    ]
    victims = victims_at_hand()
    default = {"method": AttackRun.method, "steps": AttackRun.steps}
    get = next(iter(PACKAGES.values())).install
    return {"victims": victims, "methods": methods, "default": default, "get": get}


def attack_file(upload: Upload, run: AttackRun, out: Path, on_progress: Any = None) -> None:
    """Fill `out`: the photo and its natural bokeh, then what the attack made of it. Raises CocnetError."""
    from cocnet.robustness.one_attack import before_attack

    before = before_attack(upload.photo, run)
    told = {"command": attack_command(upload, run), "epsilon": before.method.epsilon, "label": before.label}
    cells = [
        _cell("photo", before.image, before, picture_path(out, 0, STORED)),
        _cell("natural bokeh", before.natural, before, picture_path(out, 1, STORED)),
    ]
    write_json(out, {**told, "cells": cells})
    asked = 0

    def on_query() -> None:
        nonlocal asked
        asked += 1
        if on_progress is not None:
            on_progress(asked, max(asked, run.steps + 1))

    result = before.attacked(on_query)
    cells.append(_cell("adversarial bokeh", result.image, before, picture_path(out, ADVERSARIAL, STORED)))
    seen = cells[ADVERSARIAL]["top"][0]["label"]
    facts = {"queries": int(result.queries[0]), "success": seen != before.label}
    write_json(out, {**told, **facts, "cells": cells + _changes(before, result, out)})


def attack_command(upload: Upload, run: AttackRun) -> str:
    """The line that does the same in a shell."""
    words = ["cocnet", "attack", f"./{upload.photo.name}"]
    words += [] if run.depth is None else ["--depth", f"./{run.depth.name}"]
    words += [] if run.depth_kind is None else ["--depth-kind", run.depth_kind]
    words += ["--estimator", run.estimator, "--method", run.method, "--victim", run.victim]
    words += [] if run.epsilon is None else ["--epsilon", f"{run.epsilon!r}"]
    return shlex.join([*words, "--steps", f"{run.steps}", "-o", f"{upload.photo.stem}-adversarial{STORED}"])


def _cell(name: str, picture: "Tensor", before: "Before", path: Path) -> dict[str, Any]:
    """A picture, written, and what the victim sees in its file."""
    from cocnet.robustness.one_attack import top_classes
    from cocnet.robustness.run_layout import load_picture, save_picture

    save_picture(path, picture[0])
    top = top_classes(before.victim, load_picture(path)[None])
    return _facts(name, picture[0]) | {"top": [asdict(one) for one in top]}


def _changes(before: "Before", result: "AttackResult", out: Path) -> list[dict[str, Any]]:
    """δ, where depth was changed, and the amplified difference of the pictures."""
    from cocnet.robustness.pictures import TIMES, coloured, difference
    from cocnet.robustness.run_layout import save_picture

    pictures = dict[str, Any]()
    if result.depth is not None and bool((result.depth != before.near).any()):
        delta = (result.depth - before.near)[0]
        largest = float(delta.abs().amax())
        about = f"largest {largest:.2g} of nearness; red: nearer, blue: farther"
        pictures["δ, the change of depth"] = (coloured(delta, largest), about)
    changed = difference(before.natural[0], result.image[0])
    pictures["difference"] = (changed, f"adversarial less natural, {TIMES} times; grey: none")
    cells = []
    for number, (name, (picture, about)) in enumerate(pictures.items(), ADVERSARIAL + 1):
        save_picture(picture_path(out, number, STORED), picture)
        cells.append(_facts(name, picture) | {"about": about})
    return cells


def _facts(name: str, picture: "Tensor") -> dict[str, Any]:
    return {"name": name, "height": picture.shape[-2], "width": picture.shape[-1]}

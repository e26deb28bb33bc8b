"""What a visitor asks of an attack, checked.

Enters: JSON, what can be chosen, the photo's files, the page's options for its depth. Leaves: an `AttackRun`.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cocnet.apps.serve.studio import Upload
from cocnet.errors import InputError
from cocnet.pipeline.options import RenderOptions
from cocnet.robustness.single_photo import AttackRun

MOST_STEPS = 1000


def attack_of(
    given: Mapping[str, Any], choices: Mapping[str, Any], upload: Upload, options: RenderOptions, out: Path
) -> AttackRun:
    """The attack that is asked for, on the photo's own depth file where it has one. Raises InputError."""
    victims = choices["victims"]
    if not victims:
        raise InputError(f"expected a classifier's weights on this computer, got none, try: {choices['get']}")
    methods = {method["name"]: method for method in choices["methods"]}
    victim = _one_of(given, "victim", victims, victims[0])
    method = _one_of(given, "method", methods, choices["default"]["method"])
    epsilon, steps = given.get("epsilon"), given.get("steps", choices["default"]["steps"])
    if epsilon is not None and methods[method]["epsilon"] is None:
        raise InputError(f"expected no epsilon for {method}, got {epsilon}, try without it")
    if epsilon is not None and not (_is_number(epsilon) and 0 <= epsilon < math.inf):
        raise InputError(f"expected epsilon as a number from 0, got '{str(epsilon)[:20]}', try 6e-4")
    if not isinstance(steps, int) or isinstance(steps, bool) or not 1 <= steps <= MOST_STEPS:
        raise InputError(f"expected steps from 1 to {MOST_STEPS}, got '{str(steps)[:20]}', try 50")
    if upload.depth is not None and options.depth_channel is not None:
        got = f"depth_channel {options.depth_channel}"
        raise InputError(
            f"expected a depth map whose channel needs no name for an attack, got {got}, try an NPY"
        )
    return AttackRun(
        out=out,
        method=method,
        victim=victim,
        depth=upload.depth,
        depth_kind=None if upload.depth is None else options.depth_kind,
        estimator=AttackRun.estimator if options.estimator == "auto" else options.estimator,
        epsilon=None if epsilon is None else float(epsilon),
        steps=steps,
    )


def _one_of(given: Mapping[str, Any], what: str, known: Any, default: str) -> str:
    value = given.get(what, default)
    if not isinstance(value, str) or value not in known:
        raise InputError(
            f"expected one of {', '.join(known)} as {what}, got '{str(value)[:40]}', try {default}"
        )
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

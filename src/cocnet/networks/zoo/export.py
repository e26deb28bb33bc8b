"""Networks as ONNX files, for runtimes without PyTorch: any height and width, checked against PyTorch when written.

Enters: a model made by `create_model` or `load_model`. Leaves: a file with inputs `image` [1 3 h w] (sRGB in 0..1)
and, where the network takes one, `depth` [1 1 h w] (and `physical` [1 3 h w]); output `bokeh` [1 3 h w].
"""

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cocnet.errors import FileError, InputError, MissingExtraError
from cocnet.files.atomic import atomic_path
from cocnet.files.quiet import quiet_stderr
from cocnet.networks.zoo.registry import card_of

SUFFIX = ".onnx"
TOLERANCE = 1e-4  # of the check, of the output's range where that is larger than 1
CHECKED = ((72, 104), (141, 87))  # px, height and width


def export_onnx(model: nn.Module, path: str | Path) -> float:
    """Write a model as ONNX and return its largest difference to PyTorch, at two sizes, under ONNX Runtime.

    Raises FileError where the file can't be written or its picture differs by more than 1e-4, InputError for a
    model that `create_model` didn't make, MissingExtraError without the packages.
    """
    target = onnx_target(path)
    for package in ("onnx", "onnxscript", "onnxruntime"):
        if find_spec(package) is None:
            raise MissingExtraError(f"expected {package}, got none, try: pip install 'cocnet[onnx]'")
    if not isinstance(getattr(model, "name", None), str):
        raise InputError(
            f"expected a model made by create_model, got {type(model).__name__}, try its .module"
        )
    training = model.training
    try:
        return _write(model.eval().cpu(), target)
    finally:
        model.train(training)


def onnx_target(path: str | Path) -> Path:
    """The path of an ONNX file to write; raises FileError for a name of another kind."""
    target = Path(path)
    if target.suffix != SUFFIX:
        raise FileError(f"expected a {SUFFIX} file, got '{target}', try '{target}{SUFFIX}'")
    return target


def _write(model: nn.Module, target: Path) -> float:
    given = _inputs(model, *CHECKED[0])
    names = ["image", "depth", "physical"][: len(given)]
    sides = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    with torch.no_grad():
        model(*given)  # what a model makes once and keeps becomes a constant of the graph
    with atomic_path(target) as temporary:
        with torch.no_grad(), _quiet():
            program: Any = torch.onnx.export(
                model,
                given,
                dynamo=True,
                dynamic_shapes=dict.fromkeys(names, sides),
                input_names=names,
                output_names=["bokeh"],
                verbose=False,
            )
        program.model.metadata_props.update(
            {"name": str(model.name), "arguments": json.dumps(model.arguments)}
        )
        program.save(temporary, external_data=False)
        worst = max(_difference(model, temporary, size) for size in CHECKED)
        if not worst <= TOLERANCE:
            raise FileError(
                f"expected ONNX Runtime to agree with PyTorch within {TOLERANCE:g}, got {worst:.2g}, "
                "try another version of onnxruntime"
            )
    return worst


def _inputs(model: nn.Module, height: int, width: int) -> tuple[Tensor, ...]:
    """A picture and, where needed, a map, the same at every call."""
    made = torch.Generator().manual_seed(height)
    card = card_of(str(model.name))
    channels = (3,) if card.conditioning == "none" else (3, 1, 3) if card.physical else (3, 1)
    return tuple(torch.rand(1, c, height, width, generator=made) for c in channels)


def _difference(model: nn.Module, path: Path, size: tuple[int, int]) -> float:
    """The largest difference at one size, in units of the output's range where that is larger than 1."""
    from onnxruntime import InferenceSession

    given = _inputs(model, *size)
    with quiet_stderr():
        session = InferenceSession(str(path), providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_inputs()]
        (found,) = session.run(None, {n: x.numpy() for n, x in zip(names, given, strict=True)})
    with torch.no_grad():
        expected = model(*given).numpy()
    return float(np.abs(found - expected).max() / max(1.0, float(np.abs(expected).max())))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter explains itself at length; its errors still arrive."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)

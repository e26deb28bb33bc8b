"""The one owner of weight files: safetensors only, written whole or not at all, checked before they are read.

Enters: a model made by `create_model`, or a path or registered name. Leaves: a file that holds the name, the
keyword arguments, the recipe, the data and the weights; or the model in eval mode. Pickles are never opened.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cocnet import __version__
from cocnet.compute import check_device
from cocnet.errors import FileError, InputError
from cocnet.files.atomic import atomic_path
from cocnet.networks.zoo.arguments import bounded, check_arguments
from cocnet.networks.zoo.registry import card_of, create_model, list_models, nearest
from cocnet.networks.zoo.weight_file import TensorEntry, read_entries, short

SUFFIX = ".safetensors"
WEIGHTS = Path(__file__).parents[2] / "weights"
_FLOATS = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64}


@dataclass(frozen=True)
class CheckpointInfo:
    """What a weight file says of itself: how to make the model, how it was trained, on what."""

    name: str
    arguments: dict[str, Any]
    recipe: dict[str, Any]
    data: str
    cocnet_version: str


def save_checkpoint(
    model: nn.Module, path: str | Path, *, recipe: Any = None, data: str = "", half: bool = False
) -> Path:
    """Write a model's weights as safetensors and return the path; `half` stores floats in 16 bit.

    recipe: a mapping or dataclass of the training's settings; data: what the weights saw, in words. Raises
    InputError for a model that `create_model` didn't make, FileError where the file can't be written.
    """
    target = Path(path)
    if target.suffix != SUFFIX:
        raise FileError(f"expected a {SUFFIX} file, got '{target}', try '{target}{SUFFIX}'")
    metadata = _metadata(model, recipe, data)
    tensors = {name: _stored(name, tensor, half) for name, tensor in model.state_dict().items()}
    with atomic_path(target) as temporary:
        try:
            save_file(tensors, temporary, metadata)
        except SafetensorError as error:
            raise FileError(f"expected to write '{target}', got '{error}', try another folder") from error
    return target


def load_model(name_or_path: str | Path, map_location: str | torch.device = "cpu") -> nn.Module:
    """A trained model in eval mode: from a safetensors file, or by the name of one whose weights ship.

    Floats of 16 bit become 32 bit. Raises FileError naming what is wrong with the file, InputError for an unknown
    name or device. Nothing of a file is believed or read whole before its header agrees with the model and the
    file's size: the model is first made on the meta device, without memory, of no more parameters than the file has
    tensors, and takes those.
    """
    path = _located(name_or_path)
    metadata, entries = read_entries(path)
    info = _info(path, metadata)
    with torch.device("meta"), bounded(len(entries)):
        model = _made(path, info)
    _check_tensors(path, entries, model.state_dict())
    weights = _weights(path, model.state_dict())
    model.load_state_dict(weights, assign=True)
    if any(tensor.is_meta for tensor in model.buffers()):
        with torch.random.fork_rng(devices=[]):
            model = _made(path, info)
        model.load_state_dict(weights)
    return _on(map_location, model).eval()


def checkpoint_info(path: str | Path) -> CheckpointInfo:
    """What a weight file says of itself, without reading the weights. Raises FileError."""
    return _info(Path(path), read_entries(Path(path))[0])


def load_tensors(path: str | Path, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a safetensors file of any maker, with the names and shapes of `like`. Raises FileError."""
    _, entries = read_entries(Path(path))
    _check_tensors(Path(path), entries, like)
    return _weights(Path(path), like)


def tensor_shape(path: str | Path, name: str) -> tuple[int, ...] | None:
    """The shape of one tensor of a safetensors file, None where it has none of that name. Raises FileError."""
    entry = read_entries(Path(path))[1].get(name)
    return None if entry is None else entry.shape


def shipped_weights(name: str) -> Path | None:
    """The weights of a registered name that are part of the package, None where there are none."""
    path = WEIGHTS / f"{card_of(name).name}{SUFFIX}"
    return path if path.is_file() else None


def _on(device: str | torch.device, model: nn.Module) -> nn.Module:
    """The model on a device; raises InputError where that isn't there."""
    check_device(str(device))
    return model.to(device)


def _located(name_or_path: str | Path) -> Path:
    """The file meant by a name or a path."""
    text = str(name_or_path)
    names = [card.name for card in list_models()]
    if text in names:
        path = shipped_weights(text)
        if path is None:
            raise FileError(
                f"expected weights that ship with '{text}', got none, try the path of a {SUFFIX} file that "
                f"`cocnet train` made, or what ships: {_shipped()}"
            )
        return path
    path = Path(text)
    if path.suffix or len(path.parts) > 1 or path.exists():
        return path
    meant = nearest(text, names)
    known = meant if meant in names else f"the path of a {SUFFIX} file, or one of {_shipped()}"
    raise InputError(f"expected a weight file or a model's name, got '{text}', try {known}")


def _shipped() -> str:
    """The names whose weights ship."""
    return ", ".join(card.name for card in list_models() if shipped_weights(card.name) is not None)


def _metadata(model: nn.Module, recipe: Any, data: str) -> dict[str, str]:
    """The file's texts; raises InputError for what can't be made again from them."""
    name, arguments = getattr(model, "name", None), getattr(model, "arguments", None)
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        raise InputError(
            f"expected a model made by create_model, got {type(model).__name__}, try its .module or create_model"
        )
    given = asdict(recipe) if is_dataclass(recipe) and not isinstance(recipe, type) else recipe or {}
    try:
        texts = {"arguments": json.dumps(dict(arguments)), "recipe": json.dumps(dict(given), default=str)}
    except (TypeError, ValueError) as error:
        raise InputError(f"expected plain settings, got '{error}', try numbers, texts and lists") from error
    return {"name": name, **texts, "data": data, "cocnet_version": __version__}


def _stored(name: str, tensor: Tensor, half: bool) -> Tensor:
    """A tensor as it is written: on the CPU, on its own; raises InputError for what can't be read again."""
    plain = tensor.detach().cpu().contiguous().clone()
    if not bool(plain.isfinite().all()):
        raise InputError(
            f"expected finite weights, got NaN or infinity in '{name}', try an earlier checkpoint"
        )
    if not (half and plain.is_floating_point()):
        return plain
    if bool((plain.abs() > torch.finfo(torch.float16).max).any()):
        raise InputError(f"expected weights up to 65504, got larger ones in '{name}', try half=False")
    return plain.half()


def _info(path: Path, metadata: Mapping[str, str]) -> CheckpointInfo:
    """The file's texts as facts; raises FileError where they are missing or unreadable."""
    try:
        arguments, recipe = json.loads(metadata["arguments"]), json.loads(metadata["recipe"])
        if not isinstance(arguments, dict) or not isinstance(recipe, dict):
            raise ValueError("arguments and recipe must be objects")
        return CheckpointInfo(
            metadata["name"], arguments, recipe, metadata["data"], metadata["cocnet_version"]
        )
    except (KeyError, ValueError, RecursionError) as error:
        raise FileError(
            f"expected a file of cocnet.save_checkpoint, got '{path}' without its facts ({error}), try another file"
        ) from error


def _made(path: Path, info: CheckpointInfo) -> nn.Module:
    """The model that a file names; raises FileError where it can't be made."""
    try:
        check_arguments(info.name, info.arguments)
        return create_model(info.name, **info.arguments)
    except (InputError, TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise FileError(f"'{path}' can't be loaded: {' '.join(str(error).split())[:400]}") from error


def _check_tensors(path: Path, entries: Mapping[str, TensorEntry], wanted: Mapping[str, Tensor]) -> None:
    """Raise FileError for the first tensor that is missing, unexpected, of another shape or dtype."""
    for name, tensor in wanted.items():
        if name not in entries:
            raise FileError(f"expected tensor '{name}' in '{path}', got none, try the model's own file")
        entry, shape = entries[name], tuple(tensor.shape)
        if entry.shape != shape:
            raise FileError(
                f"expected tensor '{name}' of shape {list(shape)}, got {list(entry.shape)} in '{path}', "
                "try the model's own file"
            )
        if (entry.dtype in _FLOATS) != tensor.is_floating_point():
            raise FileError(
                f"expected tensor '{name}' of {tensor.dtype}, got {entry.dtype} in '{path}', try float32"
            )
    for name in entries:
        if name not in wanted:
            raise FileError(
                f"expected no tensor '{short(name)}', got one in '{path}', try the model's own file"
            )


def _weights(path: Path, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors in the model's dtypes; raises FileError where the file is damaged or not finite."""
    try:
        stored = load_file(path)
    except (SafetensorError, OSError) as error:
        raise FileError(
            f"expected a whole safetensors file, got '{path}' ({error}), try a new copy"
        ) from error
    tensors = {name: tensor.to(like[name].dtype, copy=True) for name, tensor in stored.items()}
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise FileError(
                f"expected finite weights, got NaN or infinity in '{name}' of '{path}', try a new copy"
            )
    return tensors

"""Weights in PyTorch's own format, read without running anything that the file says.

Enters: a .pth file of up to 4 GB. Leaves: its tensors by name. Only tensors, plain containers and what PyTorch's own
list allows are read (`weights_only`); nothing else in this package opens a pickle.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cocnet.errors import CocnetError, FileError

MAX_BYTES = 4_000_000_000
FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)
_WRAPPERS = ("state_dict", "model_state_dict", "model", "params", "params_ema", "network", "net")


def read_pickled(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a file by name, of a wrapper such as {"state_dict": …}, too. Raises FileError."""
    file = Path(path)
    try:
        if not file.is_file():
            raise FileError(f"expected a file of PyTorch weights, got no file at '{path}', try another path")
        if file.stat().st_size > MAX_BYTES:
            raise FileError(
                f"expected a file of PyTorch weights of up to 4 GB, got '{path}', try another path"
            )
        with torch.serialization.safe_globals([]):
            found = torch.load(file, map_location="cpu", weights_only=True)
    except CocnetError:
        raise
    except Exception as error:  # its unpickler raises whatever a damaged file makes it stumble over
        reason = _reason(error)
        raise FileError(
            f"expected PyTorch weights and nothing else, got '{path}' ({reason}), try the published file"
        ) from error
    return _tensors(file, found)


def _reason(error: Exception) -> str:
    """What the unpickler refused; its own advice, to read the file unsafely, is left out."""
    text = " ".join(str(error).split())
    if found := re.search(r"GLOBAL (\S+)", text):
        return f"which holds {found[1][:80]}"
    return "damaged, or of another kind" if "weights_only" in text else text[:160]


def _tensors(path: Path, found: Any) -> dict[str, Tensor]:
    """The innermost mapping of names to tensors; raises FileError where there is none, or a tensor isn't plain."""
    for _ in range(3):
        if isinstance(found, Mapping) and found and all(isinstance(x, Tensor) for x in found.values()):
            return {str(name): _plain(path, str(name), tensor) for name, tensor in found.items()}
        inner = [found[name] for name in _WRAPPERS if isinstance(found, Mapping) and name in found]
        if not inner:
            break
        found = inner[0]
    raise FileError(f"expected tensors by name, got something else in '{path}', try the published file")


def _plain(path: Path, name: str, tensor: Tensor) -> Tensor:
    """A tensor without its history; raises FileError for one that is sparse, nested, quantised, complex or without
    values."""
    strided = tensor.layout == torch.strided and not tensor.is_nested
    if not strided or tensor.device.type != "cpu" or tensor.dtype not in (*FLOATS, *_WHOLE):
        kind = "nested" if tensor.is_nested else f"{tensor.layout}"
        got = f"'{name[:80]}' ({kind}, {tensor.dtype}, {tensor.device})"
        raise FileError(
            f"expected dense tensors of real numbers, got {got} in '{path}', try the published file"
        )
    if tensor.nbytes > tensor.untyped_storage().nbytes():
        got = f"'{name[:80]}' {list(tensor.shape)}, which repeats fewer"
        raise FileError(
            f"expected as many values as a tensor has, got {got} in '{path}', try the published file"
        )
    return tensor.detach()

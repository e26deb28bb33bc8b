"""What a safetensors file holds, without its weights. Pickles are never opened.

Enters: a path. Leaves: the file's texts and, per tensor, dtype and shape. safetensors checks the header: its length,
and that the tensors fill the file without gaps.
"""

from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from cocnet.errors import FileError

_PICKLES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".bin", ".tar")
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80")


@dataclass(frozen=True)
class TensorEntry:
    """One tensor as the header has it: dtype by safetensors' name, and shape."""

    dtype: str
    shape: tuple[int, ...]


def read_entries(path: Path) -> tuple[dict[str, str], dict[str, TensorEntry]]:
    """The metadata and the tensors' entries; raises FileError for a pickle, or naming what is wrong."""
    try:
        _refuse_others(path)
        with safe_open(path, framework="pt") as file:
            parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            entries = {n: TensorEntry(part.get_dtype(), tuple(part.get_shape())) for n, part in parts.items()}
            return file.metadata() or {}, entries
    except FileError:
        raise
    except (OSError, SafetensorError) as error:
        raise FileError(
            f"expected a whole safetensors file, got '{path}' ({short(str(error))}), try a new copy"
        ) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file of any maker; raises FileError."""
    read_entries(path)
    try:
        return load_file(path)
    except SafetensorError as error:
        reason = short(str(error))
        raise FileError(
            f"expected tensors of PyTorch's types, got '{path}' ({reason}), try others"
        ) from error


def _refuse_others(path: Path) -> None:
    """Raise FileError for what is no file, and for a pickle by its name or first bytes."""
    if not path.is_file():
        got = f"the folder '{path}'" if path.is_dir() else f"no file at '{path}'"
        raise FileError(f"expected a safetensors file, got {got}, try another path")
    with path.open("rb") as stream:
        start = stream.read(9)
    if path.suffix.lower() in _PICKLES or (start.startswith(_PICKLE_STARTS) and start[8:] != b"{"):
        raise FileError(
            f"expected safetensors, got '{path}', a pickle, which can run code, try `cocnet convert` for a "
            "published file, or cocnet.save_checkpoint to a .safetensors file"
        )


def short(text: str) -> str:
    """Text of a file for one line of an error."""
    line = " ".join(text.split())
    return line if len(line) <= 120 else line[:119] + "…"

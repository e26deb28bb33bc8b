"""Weights that others have published, in the networks here; one file says what one network's tensors are called.

Enters: a registered name and a published file (.pth, .safetensors, .npz). Leaves: the network with those weights, or
a weight file and its card. A new network is one file with a `PublishedNames` and a line in `MAPPINGS`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from cocnet.errors import FileError, InputError
from cocnet.files.npz_file import read_npz
from cocnet.files.run_folder import file_hash
from cocnet.networks.zoo.checkpoint import save_checkpoint
from cocnet.networks.zoo.converted_card import check_card, write_card
from cocnet.networks.zoo.pickled import FLOATS, read_pickled
from cocnet.networks.zoo.published.brvit_names import BRVIT
from cocnet.networks.zoo.published.dmshn_names import DMSHN, MPFNET, STACKED
from cocnet.networks.zoo.published.ifan_names import IFAN
from cocnet.networks.zoo.published.mapping import PublishedNames
from cocnet.networks.zoo.published.pynet_names import PYNET
from cocnet.networks.zoo.registry import card_of, create_model, nearest
from cocnet.networks.zoo.weight_file import read_tensors

MAPPINGS: dict[str, PublishedNames] = {
    "brvit": BRVIT,
    "dmshn": DMSHN,
    "dmshn-stacked": STACKED,
    "ifan": IFAN,
    "mpfnet": MPFNET,
    "pynet": PYNET,
}


def convert(name: str, path: str | Path, out: str | Path) -> Path:
    """Write published weights as a weight file, and its card OUT.md; returns the file's path. Raises as
    `converted` does, and FileError where it can't be written."""
    check_card(Path(out))
    model, source = converted(name, path), Path(path)
    card, origin = card_of(name), MAPPINGS[name].origin
    facts = {"converted_from": source.name, "sha256": file_hash(source)}
    written = save_checkpoint(model, out, recipe=facts, data=origin)
    write_card(written, (f"# {name}", f"*{card.paper}* ({card.year}).", f"Weights: {origin}."), source)
    return written


def converted(name: str, path: str | Path) -> nn.Module:
    """The network of a registered name with published weights, in eval mode.

    Raises InputError for a network whose published names aren't known, FileError where the file isn't its weights.
    """
    if name not in MAPPINGS:
        raise InputError(
            f"expected a network with published weights, got '{name}', try {nearest(name, MAPPINGS)}"
        )
    published = MAPPINGS[name]
    model = create_model(name, **published.arguments)
    found = _read(Path(path))
    theirs = {ours: published.their_name(ours) for ours in model.state_dict()}
    prefix = _prefix(found, [their for their in theirs.values() if their is not None])
    state = {}
    for ours, like in model.state_dict().items():
        their = theirs[ours]
        if their is None:
            state[ours] = published.fixed(ours, like)
        else:
            state[ours] = _taken(path, found, prefix + their, published, ours, like)
    used = {prefix + their for their in theirs.values() if their is not None}
    unknown = [their for their in found if their not in used and not published.left_out(their)]
    if unknown:
        got = f"'{unknown[0][:80]}' and {len(unknown) - 1} more"
        raise FileError(f"expected tensors of {name} alone, got {got} in '{path}', try the published file")
    model.load_state_dict(state)
    return model.eval()


def _taken(
    path: str | Path,
    found: Mapping[str, Tensor],
    their: str,
    published: PublishedNames,
    ours: str,
    like: Tensor,
) -> Tensor:
    """One tensor as ours; raises FileError where it is missing, of another shape or kind of number, or not finite."""
    if their not in found:
        raise FileError(f"expected tensor '{their}' in '{path}', got none, try the published file")
    if (dtype := found[their].dtype) != like.dtype and not (dtype in FLOATS and like.dtype in FLOATS):
        raise FileError(
            f"expected tensor '{their}' of {like.dtype}, got {dtype} in '{path}', try the published file"
        )
    try:
        tensor = published.changed(ours, found[their])
    except RuntimeError:
        tensor = found[their]
    if tensor.shape != like.shape:
        raise FileError(
            f"expected tensor '{their}' of shape {list(like.shape)}, got {list(tensor.shape)} in '{path}', "
            "try the published file"
        )
    if not bool(tensor.isfinite().all()):
        raise FileError(
            f"expected finite weights, got NaN or infinity in '{their}' of '{path}', try a new copy"
        )
    return tensor


def _prefix(found: Mapping[str, Tensor], wanted: Iterable[str]) -> str:
    """What a wrapper put before all names, as "module."; "" where there is none."""
    first = next(iter(wanted))
    ending = [name for name in found if name == first or name.endswith("." + first)]
    return ending[0][: -len(first)] if ending else ""


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a published file; raises FileError."""
    if path.suffix == ".safetensors":
        return read_tensors(path)
    return _read_arrays(path) if path.suffix == ".npz" else read_pickled(path)


def _read_arrays(path: Path) -> dict[str, Tensor]:
    """The arrays of an .npz file; raises FileError."""
    try:
        return {name: torch.from_numpy(array) for name, array in read_npz(path).items()}
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())[:160]
        raise FileError(
            f"expected arrays by name, got '{path}' ({reason}), try the published file"
        ) from error

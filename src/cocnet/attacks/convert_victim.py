"""Classifiers' published weights (.pth) as a weight file that --victims NAME=FILE takes.

Enters: a victim's name and a file of PyTorch weights, read without running what it says. Leaves: safetensors with the
names of the network here, and a card OUT.md that says where they are from.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from cocnet.attacks.victims import LITE, list_victims, open_victim, torchvision_names
from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path
from cocnet.networks.architectures.efficientnet_lite import classifier_from_published
from cocnet.networks.zoo.checkpoint import SUFFIX
from cocnet.networks.zoo.converted_card import check_card, write_card
from cocnet.networks.zoo.pickled import read_pickled


def is_victim(name: str) -> bool:
    """Whether a name is a classifier's, not a bokeh network's."""
    return name in list_victims()


def convert_victim(name: str, path: str | Path, out: str | Path) -> Path:
    """Write it, read back as the victim that it is; returns its path. Raises FileError for a file of other weights,
    InputError for an unknown name."""
    target = Path(out)
    if target.suffix != SUFFIX:
        raise FileError(f"expected a {SUFFIX} file, got '{target}', try '{target}{SUFFIX}'")
    check_card(target)
    state = read_pickled(path)
    start = "module."
    if all(key.startswith(start) for key in state):
        state = {key.removeprefix(start): tensor for key, tensor in state.items()}
    if name in LITE and "_fc.weight" in state:
        state = classifier_from_published(state)
    state = _counted(torchvision_names(state))
    with atomic_path(target) as temporary:
        save_file({key: tensor.contiguous().clone() for key, tensor in state.items()}, temporary)
        try:
            open_victim(name, temporary)
        except FileError as error:
            raise FileError(str(error).replace(str(temporary), str(path))) from error
    write_card(target, (f"# {name}",), Path(path))
    return target


def _counted(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """With the count of batches beside every running mean, which files from before it existed lack."""
    means = [key.removesuffix("running_mean") for key in state if key.endswith("running_mean")]
    counts = {f"{key}num_batches_tracked": torch.tensor(0) for key in means}
    return counts | dict(state)

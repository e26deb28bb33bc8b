"""Where a training stands, in one safetensors file that is whole at any moment.

Enters and leaves: a network, its averaged copy, an optimiser of Adam's kind, and a few numbers.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, keep: float) -> None:
    """a ← keep·a + (1 − keep)·w, the norms' statistics too."""
    state = network.state_dict()
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(state[name], 1 - keep)
        else:
            value.copy_(state[name])


def save_state(
    path: Path, network: nn.Module, average: nn.Module, optimiser: Optimizer, facts: Mapping[str, Any]
) -> None:
    """Write everything that going on needs; raises FileError (full disk)."""
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{k}": torch.as_tensor(v) for k, v in moments.items()}
    with atomic_path(path) as temporary:
        plain = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
        temporary.write_bytes(save(plain, {"facts": json.dumps(facts)}))


def state_facts(path: Path) -> dict[str, Any]:
    """The numbers of a saved state; raises FileError where the file is of something else."""
    try:
        with safe_open(path, framework="pt") as file:
            facts: dict[str, Any] = json.loads((file.metadata() or {})["facts"])
    except (SafetensorError, OSError, LookupError, ValueError, TypeError) as error:
        raise _no_state(path, error) from error
    return facts


def load_state(path: Path, network: nn.Module, average: nn.Module, optimiser: Optimizer) -> dict[str, Any]:
    """Put a saved state back and return its numbers; raises FileError where the file is of something else."""
    facts = state_facts(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        network.load_state_dict(_under("network.", tensors))
        average.load_state_dict(_under("average.", tensors))
        state = optimiser.state_dict()
        state["state"] = _moments(_under("optimiser.", tensors))
        optimiser.load_state_dict(state)
    except (
        SafetensorError,
        OSError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RuntimeError,
    ) as error:
        raise _no_state(path, error) from error
    return facts


def _no_state(path: Path, error: Exception) -> FileError:
    reason = " ".join(str(error).split())[:200]
    return FileError(f"expected a training's state, got '{path}' ({reason}), try another folder")


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _moments(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split(".")
        state.setdefault(int(number), {})[name] = value
    return state

"""Gradients of gradients for functions with a backward pass of their own.

Enters: the same function in plain operations, its inputs, which of them need a gradient, the output's gradient.
Leaves: gradients with a graph, as `create_graph=True` wants them; slower, and with all intermediate results kept.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def gradients_with_graph(
    function: Callable[..., Tensor], inputs: Sequence[Tensor], needed: Sequence[bool], grad: Tensor
) -> tuple[Tensor | None, ...]:
    """One gradient an input, None where none is needed."""
    wanted = [x for x, is_needed in zip(inputs, needed, strict=True) if is_needed]
    found = iter(torch.autograd.grad(function(*inputs), wanted, grad, create_graph=True))
    return tuple(next(found) if is_needed else None for is_needed in needed)

"""Any picture size for a network that halves its input several times: pad, run, crop.

Enters: [b c h w] of any size from 1 × 1. Leaves: the same, with sides that are multiples of what a network needs.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def padded_size(side: int, multiple: int) -> int:
    """The next multiple, at least the second: normalisation over a picture needs more than one value, also at the
    coarsest scale."""
    padded: int = torch.sym_max(side + -side % multiple, 2 * multiple)  # type: ignore[assignment]
    return padded


def pad(x: Float[Tensor, "b c h w"], multiple: int) -> Float[Tensor, "b c hp wp"]:
    """Repeat the last row and column (reflection can't pad a side of 1) up to `padded_size`, right and below."""
    height, width = x.shape[-2:]
    tall, wide = padded_size(height, multiple), padded_size(width, multiple)
    if torch.compiler.is_compiling():
        return _picked(x, tall, wide)
    return functional.pad(x, (0, wide - width, 0, tall - height), mode="replicate")


def crop(x: Float[Tensor, "b c hp wp"], height: int, width: int) -> Float[Tensor, "b c h w"]:
    """Cut off the rows and columns that `pad` added."""
    return _picked(x, height, width) if torch.compiler.is_compiling() else x[..., :height, :width]


def _picked(x: Float[Tensor, "b c h w"], height: int, width: int) -> Float[Tensor, "b c h2 w2"]:
    """Row and column 0, 1, 2, …, beyond the picture its last ones: `pad` and `crop` by index, since the strides of
    a slice would tie an exported graph to one size."""
    for axis, wanted in ((2, height), (3, width)):
        x = x.index_select(axis, torch.arange(wanted, device=x.device).clamp(max=x.shape[axis] - 1))
    return x

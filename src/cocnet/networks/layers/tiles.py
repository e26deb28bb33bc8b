"""A map of planes computed tile by tile, with margins, in bounded memory; the result is that of the whole.

Enters: planes [b c h w] and a function of them that sees at most `margin` px far. Leaves: what it gives, [b 3 h w].
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def count_tiles(height: int, width: int, core: int) -> int:
    """Number of tiles with cores of `core` px."""
    return len(range(0, height, core)) * len(range(0, width, core))


def in_tiles(
    compute: Callable[..., Tensor],
    planes: tuple[Tensor, ...],
    core: int,
    margin: int,
    on_tile: Callable[[], None] | None = None,
) -> Float[Tensor, "b 3 h w"]:
    """compute(*planes) over tiles of `core` px with `margin` px around; on_tile is called after each."""
    height, width = planes[0].shape[-2:]
    found = torch.empty_like(planes[0])
    for top in range(0, height, core):
        for left in range(0, width, core):
            rows, inner_rows, taken_rows = _spans(top, core, height, margin)
            columns, inner_columns, taken_columns = _spans(left, core, width, margin)
            part = compute(*(x[..., rows, columns] for x in planes))
            found[..., taken_rows, taken_columns] = part[..., inner_rows, inner_columns]
            if on_tile is not None:
                on_tile()
    return found


def _spans(start: int, core: int, length: int, margin: int) -> tuple[slice, slice, slice]:
    """Of a tile: with its margins, the core within that, the core."""
    stop = min(start + core, length)
    outer = slice(max(0, start - margin), min(length, stop + margin))
    return outer, slice(start - outer.start, stop - outer.start), slice(start, stop)

"""Sums, means and maxima over square windows whose cost grows with the logarithm of their size.

Enters: planes [c h w] and a reach in px. Leaves: for each pixel its window's value over (2·reach + 1)² px. A run of n
pixels is put together from runs of 1, 2, 4, … px: each is the one before it beside itself, moved. Where loops can be
compiled, `compiled` does the same with running sums and maxima, whose cost doesn't grow.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.rendering.compiled import usable

Planes = Float[Tensor, "c h w"]


def box(x: Planes, reach: int) -> Planes:
    """Mean over (2·reach + 1)² px, at the border over what is inside."""
    if usable(x):
        from cocnet.depth.refinement import compiled

        return compiled.box(x, reach)
    total = _run(_run(x, reach, 1), reach, 2)
    rows, columns = (_inside(length, reach).to(x) for length in x.shape[1:])
    return total.div_(rows[:, None]).div_(columns)


def highest(x: Planes, reach: int) -> Planes:
    """Maximum over (2·reach + 1)² px."""
    if usable(x):
        from cocnet.depth.refinement import compiled

        return compiled.highest(x, reach)
    for axis in (1, 2):
        x = _joined(_padded(x, reach, axis, -torch.inf), 2 * reach + 1, axis, torch.maximum, overlap=True)
    return x


def extent(length: int, reach: int) -> Float[Tensor, " n"]:
    """How far the window goes from end to end along an axis, px; less at the border."""
    return _inside(length, reach) - 1


def _inside(length: int, reach: int) -> Float[Tensor, " n"]:
    """Pixels of the window that lie in the picture, along one axis."""
    places = torch.arange(length)
    return ((places + reach).clamp_max(length - 1) - (places - reach).clamp_min(0) + 1).float()


def _run(x: Planes, reach: int, axis: int) -> Planes:
    return _joined(_padded(x, reach, axis, 0.0), 2 * reach + 1, axis, torch.add, overlap=False)


def _padded(x: Planes, reach: int, axis: int, value: float) -> Planes:
    around = (reach, reach, 0, 0) if axis == 2 else (0, 0, reach, reach)
    return functional.pad(x, around, value=value)


def _joined(
    x: Planes, size: int, axis: int, join: Callable[[Tensor, Tensor], Tensor], overlap: bool
) -> Planes:
    """Runs of `size` px, without padding. overlap: what is joined twice counts once, as with a maximum."""
    length = x.shape[axis] - size + 1
    power, run, found, begun = 1, x, None, 0
    while power <= size:
        if not overlap and size & power:
            part = run.narrow(axis, begun, length)
            found = part if found is None else join(found, part)
            begun += power
        if 2 * power > size:
            break
        keep = run.shape[axis] - power
        run = join(run.narrow(axis, 0, keep), run.narrow(axis, power, keep))
        power *= 2
    if overlap:
        return join(run.narrow(axis, 0, length), run.narrow(axis, size - power, length))
    return x.clone() if found is None else found

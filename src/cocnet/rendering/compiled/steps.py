"""The steps of a composition: in place where nobody asks for gradients, else with a way back.

Enters and leaves planes of one image, float32 on the CPU.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.rendering.compiled.in_place import (
    BEHIND,
    FRONT,
    NOTHING,
    Array,
    Layers,
    Pooling,
    Size,
    find_levels,
    march_on,
)
from cocnet.rendering.compiled.jit import bands, in_threads
from cocnet.rendering.compiled.scale import farthest, halve
from cocnet.rendering.compiled.step_gradients import (
    Doubled,
    Finished,
    Levels,
    Marched,
    Pooled,
    Seen,
    Shared,
    arrays,
    doubled_planes,
    finished_planes,
    pooled_planes,
    shared_planes,
)
from cocnet.rendering.levels import Group


class Leaf(NamedTuple):
    """Colour times coverage and coverage, and the fractional layer."""

    value: Float[Tensor, "d h w"]
    level: Float[Tensor, "h w"]


class State(NamedTuple):
    """Light, transmittance and how much of the current surface has been seen."""

    light: Float[Tensor, "c h w"]
    room: Float[Tensor, "h w"]
    covered: Float[Tensor, "h w"]


def leaf_of(
    value: Float[Tensor, "d h w"],
    x: Float[Tensor, "h w"],
    before: Float[Tensor, "h w"] | None,
    radii2: Array,
) -> tuple[Leaf, Array]:
    """A fragment with its layers, behind those of `before`, and how many pixels touch each (`find_levels`)."""
    value, x = value.contiguous(), x.contiguous()
    ahead = NOTHING[1] if before is None else before.detach().numpy()
    values, radius = arrays(value, x)
    level, counts = find_levels(values, radius, radii2, ahead)
    found = torch.from_numpy(level)
    return Leaf(value, Levels.apply(x, found, radii2) if graded(x) else found), counts


def pooled(
    leaf: Leaf, counts: Array, coarse: list[Group], size: Size
) -> list[tuple[Leaf | None, Leaf | None]]:
    """What each coarse group gets of a leaf, in front of the focus and behind it; None where it gets nothing."""
    plan = Pooling.of(counts, coarse, size)
    made: Sequence[Tensor] = ()
    if plan.there:
        make = Pooled.apply if graded(*leaf) else pooled_planes
        made = make(*leaf, plan)
    found = {place: Leaf(t[:-1], t[-1]) for place, t in zip(plan.there, made, strict=True)}
    return [(found.get((n, FRONT)), found.get((n, BEHIND))) for n in range(1, len(coarse) + 1)]


def marched(leaves: list[Leaf], layers: Layers, state: State, x_last: Array) -> State:
    """The state behind one side of a group; without gradients it is the one before, changed in place. x_last: the
    last radius that shows."""
    if not leaves:
        return State(state.light, state.room, torch.zeros_like(state.covered))
    planes = [plane for leaf in leaves for plane in leaf]
    if graded(*planes, *state):
        return State(*Marched.apply(layers, x_last, *state, *planes))
    march_on(arrays(*planes), layers, x_last, arrays(*state))
    return state


def doubled(small: Float[Tensor, "c h w"]) -> Float[Tensor, "c 2h 2w"]:
    """At twice the scale, bilinear."""
    return Doubled.apply(small) if graded(small) else doubled_planes(small)


def halved(plane: Float[Tensor, "h w"]) -> Float[Tensor, "h/2 w/2"]:
    """Means over 2 × 2 px."""
    if graded(plane):
        return functional.avg_pool2d(plane[None], 2)[0]
    small = plane.new_empty(1, plane.shape[0] // 2, plane.shape[1] // 2)
    planes = arrays(plane[None], small)
    in_threads(lambda a, b: halve(planes[0], np.float32(1), a, b, planes[1]), bands(small.shape[1]))
    return small[0]


def last_radii(x_last: Float[Tensor, "h w"], size: Size, more: int) -> list[Array]:
    """The last radius that shows at full scale, its border going on to `size`, and at so many more, each half the one
    before: as in `layers`."""
    (own,) = arrays(x_last)
    below, right = (whole - side for whole, side in zip(size, own.shape, strict=True))
    found = [np.pad(own, ((0, below), (0, right)), mode="edge") if below or right else own]
    for _ in range(more):
        found.append(np.empty([side // 2 for side in found[-1].shape], np.float32))
        in_threads(lambda a, b: farthest(found[-2], a, b, found[-1]), bands(len(found[-1])))
    return found


def shared(
    state: State, covered: Float[Tensor, "h w"], farther: Float[Tensor, "d h w"] | None, seen: Seen
) -> Float[Tensor, "d h w"]:
    """Light and coverage of what lies behind `covered`, and behind that, as a share of the room that this leaves."""
    given = (state.light, state.room, covered, _there(farther, covered))
    return (Shared.apply if graded(*given) else shared_planes)(*given, seen)


def finished(
    state: State, far: Float[Tensor, "d i j"] | None, seen: Seen, height: int, width: int
) -> Float[Tensor, "c h w"]:
    """The picture: what was gathered and, through what is open, what lies behind (at half the scale)."""
    given = (state.light, state.room, _there(far, state.room))
    return (Finished.apply if graded(*given) else finished_planes)(*given, seen, height, width)


def _there(planes: Tensor | None, like: Tensor) -> Float[Tensor, "d h w"]:
    """Planes, empty where there are none."""
    return like.new_empty(0, 0, 0) if planes is None else planes


def graded(*tensors: Tensor) -> bool:
    """Whether somebody asks for the gradients of one of them."""
    return torch.is_grad_enabled() and any(t.requires_grad for t in tensors)

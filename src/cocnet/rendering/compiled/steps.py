"""The steps of a composition: in place where nobody asks for gradients, else with a way back.

Enters and leaves planes of one image, float32 on the CPU. A step keeps for its way back no more than what it got.
Gradients of gradients need the reference (COCNET_COMPILED=0).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.errors import InputError
from cocnet.rendering import layers as plain
from cocnet.rendering.compiled.in_place import (
    BEHIND,
    FRONT,
    NOTHING,
    Array,
    Layers,
    Pooling,
    Size,
    find_levels,
    levels_back,
    march_back,
    march_on,
)
from cocnet.rendering.compiled.jit import bands, in_threads
from cocnet.rendering.compiled.scale import double, finish, halve, shares
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
    values, radius = _arrays(value, x)
    level, counts = find_levels(values, radius, radii2, ahead)
    found = torch.from_numpy(level)
    return Leaf(value, _Levels.apply(x, found, radii2) if graded(x) else found), counts


def pooled(
    leaf: Leaf, counts: Array, coarse: list[Group], size: Size
) -> list[tuple[Leaf | None, Leaf | None]]:
    """What each coarse group gets of a leaf, in front of the focus and behind it; None where it gets nothing."""
    plan = Pooling.of(counts, coarse, size)
    made: Sequence[Tensor] = ()
    if plan.there:
        make = _Pooled.apply if graded(*leaf) else _pooled
        made = make(*leaf, plan)
    found = {place: Leaf(t[:-1], t[-1]) for place, t in zip(plan.there, made, strict=True)}
    return [(found.get((n, FRONT)), found.get((n, BEHIND))) for n in range(1, len(coarse) + 1)]


def marched(leaves: list[Leaf], layers: Layers, state: State) -> State:
    """The state behind one side of a group; without gradients it is the one before, changed in place."""
    if not leaves:
        return State(state.light, state.room, torch.zeros_like(state.covered))
    planes = [plane for leaf in leaves for plane in leaf]
    if graded(*planes, *state):
        return State(*_Marched.apply(layers, *state, *planes))
    march_on(_arrays(*planes), layers, _arrays(*state))
    return state


def doubled(small: Float[Tensor, "c h w"]) -> Float[Tensor, "c 2h 2w"]:
    """At twice the scale, bilinear."""
    size = 2 * small.shape[1], 2 * small.shape[2]
    if graded(small):
        return functional.interpolate(small[None], size=size, mode="bilinear", align_corners=False)[0]
    large = small.new_empty(len(small), *size)
    planes = _arrays(small, large)
    in_threads(lambda a, b: double(planes[0], a, b, planes[1]), bands(size[0]))
    return large


def halved(plane: Float[Tensor, "h w"]) -> Float[Tensor, "h/2 w/2"]:
    """Means over 2 × 2 px."""
    if graded(plane):
        return functional.avg_pool2d(plane[None], 2)[0]
    small = plane.new_empty(1, plane.shape[0] // 2, plane.shape[1] // 2)
    planes = _arrays(plane[None], small)
    in_threads(lambda a, b: halve(planes[0], np.float32(1), a, b, planes[1]), bands(small.shape[1]))
    return small[0]


def shared(
    state: State, covered: Float[Tensor, "h w"], farther: Float[Tensor, "d h w"] | None
) -> Float[Tensor, "d h w"]:
    """Light and coverage of what lies behind `covered`, and behind that, as a share of the room that this leaves."""
    behind = [] if farther is None else [farther]
    if graded(*state, covered, *behind):
        total = torch.cat([state.light, (1 - state.room - covered)[None]])
        total = total if farther is None else total + state.room * farther
        return total / (1 - covered).clamp(min=1e-4)
    out = state.light.new_empty(len(state.light) + 1, *covered.shape)
    light, room, before, picture = _arrays(state.light, state.room, covered, out)
    rest = NOTHING[0] if farther is None else farther.numpy()
    in_threads(lambda a, b: shares(light, room, before, rest, a, b, picture), bands(len(before)))
    return out


def finished(
    state: State, far: Float[Tensor, "d i j"] | None, height: int, width: int
) -> Float[Tensor, "c h w"]:
    """The picture: what was gathered and, through what is open, what lies behind (at half the scale)."""
    if graded(*state, *([] if far is None else [far])):
        whole = plain.State(state.light[None], state.room[None, None], state.covered[None, None])
        return plain.finished(whole, None if far is None else doubled(far)[None])[0, :, :height, :width]
    out = state.light.new_empty(len(state.light), height, width)
    light, room, picture = _arrays(state.light, state.room, out)
    behind = NOTHING[0] if far is None else far.numpy()
    in_threads(lambda a, b: finish(light, room, behind, a, b, picture), bands(height))
    return out


def graded(*tensors: Tensor) -> bool:
    """Whether somebody asks for the gradients of one of them."""
    return torch.is_grad_enabled() and any(t.requires_grad for t in tensors)


def _arrays(*tensors: Tensor) -> list[Array]:
    return [t.detach().contiguous().numpy() for t in tensors]


def first_only() -> None:
    """Raises InputError where gradients of gradients are asked for."""
    if torch.is_grad_enabled():
        raise InputError(
            "expected first gradients, got create_graph=True, try COCNET_COMPILED=0: the reference has both"
        )


def _pooled(value: Tensor, level: Tensor, plan: Pooling) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(planes) for planes in plan.pooled(*_arrays(value, level)))


class _Levels(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, level: Tensor, radii2: Array) -> Tensor:
        ctx.save_for_backward(x, level)
        ctx.radii2 = radii2
        return level.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        first_only()
        x, level = _arrays(*ctx.saved_tensors)
        return torch.from_numpy(levels_back(level, x, ctx.radii2, *_arrays(gradient))), None, None


class _Pooled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, level: Tensor, plan: Pooling) -> tuple[Tensor, ...]:
        found = _pooled(value, level, plan)
        ctx.save_for_backward(value, level, *found)
        ctx.plan = plan
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        first_only()
        value, level, *planes = _arrays(*ctx.saved_tensors)
        found = ctx.plan.back(value, level, planes, _arrays(*gradients))
        return torch.from_numpy(found[0]), torch.from_numpy(found[1]), None


class _Marched(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, layers: Layers, light: Tensor, room: Tensor, covered: Tensor, *planes: Tensor
    ) -> tuple[Tensor, ...]:
        state = [t.clone(memory_format=torch.contiguous_format) for t in (light, room, covered)]
        march_on(_arrays(*planes), layers, _arrays(*state))
        ctx.save_for_backward(light, room, covered, *planes)
        ctx.layers = layers
        return tuple(state)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        first_only()
        light, room, covered, *planes = _arrays(*ctx.saved_tensors)
        own = [t.clone(memory_format=torch.contiguous_format) for t in gradients]
        found = march_back(planes, ctx.layers, (light, room, covered), _arrays(*own))
        return (None, *own, *(torch.from_numpy(plane) for plane in found))

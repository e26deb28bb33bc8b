"""The steps of a composition that have a way back, each as one function of PyTorch's.

Enters and leaves planes of one image, float32 on the CPU. A step keeps for its way back what it got, and blurred
layers where these are small. Gradients of gradients need the reference (COCNET_COMPILED=0).
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

from cocnet.errors import InputError
from cocnet.rendering.compiled.bilinear import double_backward
from cocnet.rendering.compiled.in_place import (
    Array,
    Layers,
    Pooling,
    layers_kept,
    levels_back,
    march_back,
    march_on,
)
from cocnet.rendering.compiled.jit import bands, in_threads
from cocnet.rendering.compiled.scale import double, finish, shares
from cocnet.rendering.compiled.scale_backward import finish_backward, shares_backward

KEPT_BYTES = 1 << 28  # up to this the blurred layers of a step are kept, else they are made again


class Seen(NamedTuple):
    """Where what lies behind shows: the last radius that does, and that of the first layer behind."""

    x_last: Array
    first: np.float32


def arrays(*tensors: Tensor) -> list[Array]:
    """Their numbers."""
    return [t.detach().contiguous().numpy() for t in tensors]


def first_only() -> None:
    """Raises InputError where gradients of gradients are asked for."""
    if torch.is_grad_enabled():
        raise InputError(
            "expected first gradients, got create_graph=True, try COCNET_COMPILED=0: the reference has both"
        )


def pooled_planes(value: Tensor, level: Tensor, plan: Pooling) -> tuple[Tensor, ...]:
    """What the coarse groups get of a fragment."""
    return tuple(torch.from_numpy(planes) for planes in plan.pooled(*arrays(value, level)))


def doubled_planes(small: Float[Tensor, "c h w"]) -> Float[Tensor, "c 2h 2w"]:
    """At twice the scale, bilinear."""
    large = small.new_empty(len(small), 2 * small.shape[1], 2 * small.shape[2])
    planes = arrays(small, large)
    in_threads(lambda a, b: double(planes[0], a, b, planes[1]), bands(large.shape[1]))
    return large


def shared_planes(
    light: Tensor, room: Tensor, covered: Tensor, farther: Tensor, seen: Seen
) -> Float[Tensor, "d h w"]:
    """As `steps.shared`; farther may be empty."""
    out = light.new_empty(len(light) + 1, *covered.shape)
    *given, picture = arrays(light, room, covered, farther, out)
    in_threads(lambda a, b: shares(*given, *seen, a, b, picture), bands(len(covered)))
    return out


def finished_planes(
    light: Tensor, room: Tensor, far: Tensor, seen: Seen, height: int, width: int
) -> Float[Tensor, "c h w"]:
    """As `steps.finished`; far may be empty."""
    out = light.new_empty(len(light), height, width)
    *given, picture = arrays(light, room, far, out)
    in_threads(lambda a, b: finish(*given, *seen, a, b, picture), bands(height))
    return out


class Levels(Function):
    """Layers that were found already, as a function of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, level: Tensor, radii2: Array) -> Tensor:
        ctx.save_for_backward(x, level)
        ctx.radii2 = radii2
        return level.view_as(level)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        first_only()
        x, level = arrays(*ctx.saved_tensors)
        return torch.from_numpy(levels_back(level, x, ctx.radii2, *arrays(gradient))), None, None


class Pooled(Function):
    """`pooled_planes`."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, level: Tensor, plan: Pooling) -> tuple[Tensor, ...]:
        found = pooled_planes(value, level, plan)
        ctx.save_for_backward(value, level, *found)
        ctx.plan = plan
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, None]:
        first_only()
        value, level, *planes = arrays(*ctx.saved_tensors)
        of_value, of_level = ctx.plan.back(
            value, level, planes, arrays(*gradients), of_value=ctx.needs_input_grad[0]
        )
        return _or_none(of_value), torch.from_numpy(of_level), None


class Marched(Function):
    """The state behind one side of a group; light is changed in place."""

    @staticmethod
    def forward(
        ctx: Any,
        layers: Layers,
        x_last: Array,
        light: Tensor,
        room: Tensor,
        covered: Tensor,
        *planes: Tensor,
    ) -> tuple[Tensor, ...]:
        state = [light, *(t.clone(memory_format=torch.contiguous_format) for t in (room, covered))]
        ctx.kept = layers_kept(layers, len(light) + 1, (room.shape[0], room.shape[1]), KEPT_BYTES)
        march_on(arrays(*planes), layers, x_last, arrays(*state), *([] if ctx.kept is None else [ctx.kept]))
        ctx.mark_dirty(light)
        ctx.save_for_backward(room, covered, *planes)
        ctx.layers, ctx.x_last = layers, x_last
        return tuple(state)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of what `forward` was given from those of the state that it left."""
        first_only()
        room, covered, *planes = arrays(*ctx.saved_tensors)
        kept, ctx.kept = ctx.kept, None  # its layers become their gradients
        own = [t.clone(memory_format=torch.contiguous_format) for t in gradients[1:]]
        found = march_back(
            planes,
            ctx.layers,
            ctx.x_last,
            (room, covered),
            arrays(gradients[0], *own),
            kept,
            ctx.needs_input_grad[5:],
        )
        return (None, None, gradients[0], *own, *(_or_none(plane) for plane in found))


class Doubled(Function):
    """`doubled_planes`."""

    @staticmethod
    def forward(ctx: Any, small: Tensor) -> Tensor:
        ctx.size = small.shape
        return doubled_planes(small)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        first_only()
        return _halved_back(gradient, ctx.size)


class Shared(Function):
    """`shared_planes`."""

    @staticmethod
    def forward(
        ctx: Any, light: Tensor, room: Tensor, covered: Tensor, farther: Tensor, seen: Seen
    ) -> Tensor:
        ctx.save_for_backward(light, room, covered, farther)
        ctx.seen = seen
        return shared_planes(light, room, covered, farther, seen)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        first_only()
        found = [torch.empty_like(t, memory_format=torch.contiguous_format) for t in ctx.saved_tensors]
        given, into = (*arrays(*ctx.saved_tensors), *ctx.seen, *arrays(gradient)), arrays(*found)
        in_threads(lambda a, b: shares_backward(*given, a, b, *into), bands(gradient.shape[1]))
        return (*found, None)


class Finished(Function):
    """`finished_planes`."""

    @staticmethod
    def forward(
        ctx: Any, light: Tensor, room: Tensor, far: Tensor, seen: Seen, height: int, width: int
    ) -> Tensor:
        ctx.save_for_backward(light, room, far)
        ctx.seen = seen
        return finished_planes(light, room, far, seen, height, width)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        first_only()
        light, room, far = ctx.saved_tensors
        size = gradient.shape[1:]
        of_light, of_room = (
            torch.zeros_like(t, memory_format=torch.contiguous_format) for t in (light, room)
        )
        large = gradient.new_empty(len(far), *size)
        given = (*arrays(light, room, far), *ctx.seen, *arrays(gradient))
        into = arrays(of_light, of_room, large)
        in_threads(lambda a, b: finish_backward(*given, a, b, *into), bands(size[0]))
        of_far = _halved_back(large, far.shape) if len(far) else torch.zeros_like(far)
        return of_light, of_room, of_far, None, None, None


def _halved_back(gradient: Float[Tensor, "c h w"], size: torch.Size) -> Float[Tensor, "c i j"]:
    """From the gradient of a picture to that of the one at half its scale, of which it was made."""
    small = gradient.new_empty(size)
    planes = arrays(gradient, small)
    in_threads(lambda a, b: double_backward(planes[0], a, b, planes[1]), bands(size[1]))
    return small


def _or_none(plane: Array) -> Tensor | None:
    return torch.from_numpy(plane) if plane.size else None

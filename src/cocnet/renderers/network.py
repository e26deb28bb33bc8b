"""A photo through a network instead of the physical renderer.

Enters: scene-linear light [3 h w] and inverse depth [h w] (1/m) of a whole photo, a lens, a network. Leaves:
scene-linear light [3 h w]. What a network reads of the depth is on its card: nothing, nearness in 0..1, or the lens.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from pathlib import Path

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from cocnet.errors import InputError
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.imaging import nearness as nearness
from cocnet.networks import card_of, load_model
from cocnet.networks.architectures.base import check_input
from cocnet.networks.architectures.cocnet import CoCNet
from cocnet.networks.architectures.hybrid import Hybrid
from cocnet.optics import ThinLens
from cocnet.rendering import Highlights, PhysicalRenderer, render_tiled


def open_network(name_or_path: str) -> nn.Module:
    """The trained network of a name or a weight file; raises FileError, or InputError for one that doesn't render."""
    network = load_model(Path(name_or_path) if Path(name_or_path).suffix else name_or_path)
    if card_of(str(network.name)).task != "bokeh":
        raise InputError(f"expected a network that renders bokeh, got {network.name}, try `cocnet deblur`")
    return network


def sees_depth(network: nn.Module) -> bool:
    """Whether the network reads a depth map at all."""
    return card_of(str(network.name)).conditioning != "none"


def render_network(
    network: nn.Module,
    light: Float32[Tensor, "3 h w"],
    inverse_depth: Float32[Tensor, "h w"],
    lens: ThinLens,
    on_progress: Callable[[int, int], None] | None = None,
    highlights: Highlights | None = Highlights(),  # noqa: B008 (frozen)
    bfloat16: bool = False,
) -> Float32[Tensor, "3 h w"]:
    """Render a whole photo, without gradients; on_progress(done, all) follows networks that work in strips;
    highlights and bfloat16 as in `with_physics`.

    Raises InputError or DepthError.
    """
    with torch.inference_mode(), _followed(network, on_progress):
        card = card_of(str(network.name))
        if card.physical:
            return with_physics(
                network, light[None], 1 / inverse_depth[None, None], lens, highlights, bfloat16
            )[0]
        with _computing(light, bfloat16):
            if card.conditioning == "lens":
                return network.render(light[None], 1 / inverse_depth[None, None], lens)[0].float()  # type: ignore[operator]
            depth = nearness(inverse_depth)[None, None] if sees_depth(network) else None
            srgb = network(linear_to_srgb(light)[None], depth)[0].float()
        return srgb_to_linear(srgb.clamp(0, 1))


def with_physics(
    network: nn.Module,
    light: Float32[Tensor, "b 3 h w"],
    depth_m: Float32[Tensor, "b 1 h w"],
    lens: ThinLens,
    highlights: Highlights | None = None,
    bfloat16: bool = False,
) -> Float32[Tensor, "b 3 h w"]:
    """The physical renderer's picture, corrected by a network that takes one (cocnet-hybrid); scene-linear light.

    highlights restores clipped light before the renderer and undoes that after it: the network sees what a file
    holds. bfloat16: the network's type inside; the renderer and the sums stay in float32. Without gradients the
    renderer works in tiles. Raises InputError or DepthError.
    """
    check_input(card_of(str(network.name)), light, depth_m)
    if not torch.is_grad_enabled():
        physical = _tiled(lens, light, depth_m, highlights)
    elif highlights is None:
        physical = PhysicalRenderer(lens)(light, depth_m)
    else:
        physical = highlights.undo(PhysicalRenderer(lens)(highlights.restore(light), depth_m).clamp(min=0))
    with _computing(light, bfloat16):
        rendered: Tensor = network.render(light, depth_m, lens, physical)  # type: ignore[operator]
    return rendered if highlights is None else rendered.clamp(min=0)


def _computing(like: Tensor, bfloat16: bool) -> AbstractContextManager[object]:
    """Within it, convolutions and products of matrices are of bfloat16 where that is wished."""
    return torch.autocast(like.device.type, torch.bfloat16) if bfloat16 else nullcontext()


def _tiled(
    lens: ThinLens,
    light: Float32[Tensor, "b 3 h w"],
    depth_m: Float32[Tensor, "b 1 h w"],
    highlights: Highlights | None,
) -> Float32[Tensor, "b 3 h w"]:
    """The physical renderer's pictures in bounded memory; highlights are restored and undone tile by tile."""
    out, inverse = torch.empty_like(light), 1 / depth_m
    brightest = light.amax().view(1, 1, 1, 1)
    if highlights is not None:
        brightest = highlights.restore(brightest)
    renderer = PhysicalRenderer(lens, sharp_lights=bool(brightest > 1))
    apart = max(float(torch.as_tensor(one).abs().max()) for one in lens.channel_offset_m())
    apart *= light.shape[-1] / lens.sensor_width_m
    radius = float(lens.coc_radius_px(inverse, light.shape[-1]).abs().max()) + apart
    for one, where, into in zip(light, inverse, out, strict=True):
        read, write = _windows(one, where, into, highlights)
        render_tiled(renderer, light.shape[2], light.shape[3], read, write, radius)
    return out


def _windows(
    light: Float32[Tensor, "3 h w"],
    inverse: Float32[Tensor, "1 h w"],
    into: Float32[Tensor, "3 h w"],
    highlights: Highlights | None,
) -> tuple[Callable[[slice, slice], tuple[Tensor, Tensor]], Callable[[slice, slice, Tensor], None]]:
    def read(rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
        window = light[:, rows, columns]
        if highlights is not None:
            window = highlights.restore(window[None])[0]
        return window, inverse[:, rows, columns]

    def write(rows: slice, columns: slice, made: Tensor) -> None:
        into[:, rows, columns] = made if highlights is None else highlights.undo(made[None].clamp(min=0))[0]

    return read, write


@contextmanager
def _followed(network: nn.Module, on_progress: Callable[[int, int], None] | None) -> Iterator[None]:
    if on_progress is None or not isinstance(network, CoCNet | Hybrid):
        yield
        return
    done = count(1)
    network.on_unit = lambda: on_progress(next(done), network.units)
    try:
        yield
    finally:
        network.on_unit = None

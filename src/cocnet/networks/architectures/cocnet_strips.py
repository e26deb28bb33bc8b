"""CoCNet without gradients, layer by layer in strips of rows that fit the caches: exact, and in little memory.

Enters: a model and its padded input. Leaves: what the model gives as a whole. A layer's statistics belong to the
whole picture, so each plane is stored raw, and normalised whenever it is read. A strip is read before it is written,
so a layer may write over its own input: a module needs one plane, and a decoder takes over the plane of its skip.
Within this file a plane is [h w c], channels last.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.compute import autocast_dtype, without_autocast
from cocnet.networks.layers.local_filter import filter_strip, padded, strips
from cocnet.networks.layers.norm import affine
from cocnet.networks.layers.scales import enlarged, enlarged_rows, halved

if TYPE_CHECKING:
    from cocnet.networks.architectures.cocnet import CoCNet, ConvNormUnit

STRIP_BYTES = 8 << 20  # of a convolution's input or output; half of that costs 15 % more time, twice no less
Read = Callable[[int, int], Float[Tensor, "n w c"]]  # rows top … bottom of a plane
Write = Callable[[int, int, Float[Tensor, "n w c"]], object]  # the same, into a place that is ready for them


@dataclass(frozen=True)
class StoredPlane:
    """Raw results of a convolution and how to normalise them."""

    raw: Float[Tensor, "h w c"]
    scale: Float[Tensor, " c"]
    shift: Float[Tensor, " c"]

    def rows(self, top: int, bottom: int, into: Tensor | None = None) -> Float[Tensor, "n w c"]:
        """Some rows, normalised and rectified: relu(norm(raw))."""
        return torch.addcmul(self.shift, self.raw[top:bottom], self.scale, out=into).relu_()

    def enlarged(self, top: int, bottom: int) -> Float[Tensor, "n 2w c"]:
        """Rows of twice the scale."""
        return _enlarged(self.rows, len(self.raw), 2, top, bottom)

    def halved(self, top: int, bottom: int, into: Float[Tensor, "n w/2 c"]) -> None:
        """Rows of half the scale."""
        into.copy_(_rows(halved(_picture(self.rows(2 * top, 2 * bottom)))))


def in_strips(model: "CoCNet", x: Float[Tensor, "1 i h w"]) -> Float[Tensor, "1 3 h w"]:
    """The model's output for a padded input."""
    levels, (height, width) = len(model.decoders), x.shape[-2:]
    sizes = [(height >> level, width >> level) for level in range(levels)]
    image = x[:, : model.config.filtered_planes]
    skips: list[StoredPlane] = []
    write: Write = lambda top, bottom, into: into.copy_(_rows(x)[top:bottom])  # noqa: E731
    for encoder, size in zip(model.encoders, sizes, strict=False):
        skips.append(_module(model, encoder, write, size))
        write = skips[-1].halved
    plane = _module(model, model.decoders[-1], write, sizes[-1])
    small = [image]
    for _ in skips:
        small.append(halved(small[-1]))
    templates = [_template(model, levels - 1, small.pop(), plane)]
    while skips:
        skip, level = skips.pop(), len(skips)
        plane = _module(model, model.decoders[level], _joined(plane, skip), sizes[level], skip.raw)
        del skip
        templates.insert(0, _template(model, level, small.pop(), plane))
    return _blend(model, x[:, :3], templates, plane)


def _module(
    model: "CoCNet", module: nn.Module, write: Write, size: tuple[int, int], out: Tensor | None = None
) -> StoredPlane:
    """A basic module; out: the plane to write over."""
    for unit in cast("Iterator[ConvNormUnit]", module.children()):
        plane = _unit(unit, write, size, out)
        write, out = plane.rows, plane.raw
        if model.on_unit is not None:
            model.on_unit()
    return plane


def _unit(unit: "ConvNormUnit", write: Write, size: tuple[int, int], out: Tensor | None) -> StoredPlane:
    """One convolution, with the sums that its normalisation needs."""
    precise = torch.promote_types(unit.conv.weight.dtype, torch.float32)
    sums = torch.zeros(2, unit.conv.out_channels, dtype=torch.float64, device=unit.conv.weight.device)
    for top, bottom, y in _convolved(unit.conv, write, size):
        out = y.new_empty(*size, y.shape[-1]) if out is None else out
        out[top:bottom] = y
        pixels = y.flatten(0, 1).to(precise)
        sums += torch.stack([pixels.sum(0), pixels.square().sum(0)])
    assert out is not None
    scale, shift = affine(sums[0], sums[1], size[0] * size[1], unit.norm)
    return StoredPlane(out, scale.to(precise), shift.to(precise))


def _convolved(conv: nn.Conv2d, write: Write, size: tuple[int, int]) -> Iterator[tuple[int, int, Tensor]]:
    """A 3×3 convolution as (top, bottom, rows). Takes each input row once, in order, then yields a strip."""
    height, width = size
    device = conv.weight.device
    dtype = autocast_dtype(device) or conv.weight.dtype
    weight = conv.weight.to(dtype, memory_format=torch.channels_last)
    bias = None if conv.bias is None else conv.bias.to(dtype)
    row_bytes = width * max(conv.in_channels, conv.out_channels) * 4
    kept, seen = torch.zeros(1, width, conv.in_channels, dtype=dtype, device=device), 0
    spans = list(strips(height, row_bytes, device, STRIP_BYTES))
    room = torch.empty(spans[0][1] + 2, width, conv.in_channels, dtype=dtype, device=device)
    for top, bottom in spans:
        ahead = min(bottom + 1, height)
        window = room[: bottom - top + 2]
        window[: len(kept)] = kept
        if ahead > seen:
            write(seen, ahead, window[len(kept) : len(kept) + ahead - seen])
        if bottom == height:
            window[-1] = 0
        y = functional.conv2d(_picture(window), weight, bias, padding=(0, 1))
        kept, seen = window[-2:].clone(), ahead
        yield top, bottom, _rows(y)


def _joined(deeper: StoredPlane, skip: StoredPlane) -> Write:
    """What a decoder level reads: the level below, enlarged, beside its skip."""

    def write(top: int, bottom: int, into: Float[Tensor, "n w c"]) -> None:
        split = deeper.raw.shape[2]
        into[..., :split] = deeper.enlarged(top, bottom)
        skip.rows(top, bottom, into[..., split:])

    return write


def _template(
    model: "CoCNet", level: int, image: Float[Tensor, "1 f h w"], plane: StoredPlane
) -> Float[Tensor, "h w 3"]:
    """Eq. 15 of one level, at that level's scale."""
    margin = model.config.margin
    patch = padded(image, 2 * margin + 1)
    height, width, count = plane.raw.shape
    out = image.new_empty(height, width, 3)
    with without_autocast(image.device):
        for top, bottom in strips(height, image.shape[1] * count * width * 4, image.device):
            features = _picture(plane.rows(top, bottom)).to(image.dtype)
            seen = patch[:, :, top : bottom + 2 * margin]
            parts = [part for part in (seen[:, :3], seen[:, 3:]) if part.shape[1]]
            out[top:bottom] = _rows(model.template(level, parts, features, filter_strip))
    return out


def _blend(
    model: "CoCNet",
    image: Float[Tensor, "1 3 h w"],
    templates: list[Tensor],
    plane: StoredPlane,
) -> Float[Tensor, "1 3 h w"]:
    """Eq. 16 and 17."""

    def enlarged_templates(top: int, bottom: int) -> Float[Tensor, "n w 3q"]:
        rows = [
            _enlarged(partial(_cut, template), len(template), 2**level, top, bottom)
            for level, template in enumerate(templates)
        ]
        return torch.cat(rows, 2)

    def write(top: int, bottom: int, into: Float[Tensor, "n w c"]) -> None:
        first = 3 + 3 * len(templates)
        into[..., :3] = _rows(image[:, :, top:bottom])
        into[..., 3:first] = enlarged_templates(top, bottom)
        plane.rows(top, bottom, into[..., first:])

    out = torch.empty_like(image)
    for top, bottom, weights in _convolved(model.weigh, write, (image.shape[2], image.shape[3])):
        found = _picture(enlarged_templates(top, bottom)), _picture(weights)
        out[:, :, top:bottom] = model.blend(image[:, :, top:bottom], *found)
    return out


def _enlarged(read: Read, height: int, factor: int, top: int, bottom: int) -> Float[Tensor, "n fw c"]:
    """Rows top … bottom of a plane of that height, enlarged."""
    if factor == 1 or top == bottom:
        return read(top, bottom)
    first, last = enlarged_rows(top, bottom, factor, height)
    wide = _rows(enlarged(_picture(read(first, last)), factor))
    return wide[top - first * factor : bottom - first * factor]


def _cut(plane: Float[Tensor, "h w c"], top: int, bottom: int) -> Float[Tensor, "n w c"]:
    return plane[top:bottom]


def _picture(rows: Float[Tensor, "h w c"]) -> Float[Tensor, "1 c h w"]:
    return rows[None].permute(0, 3, 1, 2)  # in this order the strides say channels_last


def _rows(picture: Float[Tensor, "1 c h w"]) -> Float[Tensor, "h w c"]:
    return picture[0].permute(1, 2, 0)

"""The fast, differentiable renderer: image + depth + lens → bokeh.

Enters: scene-linear [b 3 h w] and metres (or inverse depth, 1/m) [b 1 h w]. Leaves: scene-linear [b 3 h w].
Gradients reach the image, the depth, and the lens's focus distance and f-number where these are tensors.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.compute import all_finite
from cocnet.errors import DepthError, InputError
from cocnet.optics import ThinLens
from cocnet.rendering.compiled import kernels, usable
from cocnet.rendering.eq8 import eq8
from cocnet.rendering.fields import Window, magnified, over_fields
from cocnet.rendering.fragments import Fragments, fragments
from cocnet.rendering.highlights import Highlights
from cocnet.rendering.layers import composite
from cocnet.rendering.levels import fine_layers
from cocnet.rendering.lights.discs import with_discs
from cocnet.rendering.spot_cache import SpotCache

Mode = Literal["over", "eq8"]
PREVIEW_SCALE = 2


@dataclass(frozen=True, eq=False)
class PhysicalRenderer:
    """Renders what `lens` would have seen.

    mode "over" composites layers with occlusion, soft silhouettes and hidden background; "eq8" is the paper's
    Eq. 8, literally (seams where depth changes). highlights restores clipped light first (None: off). preview
    works at half size. max_radius_px bounds the blur (None: the picture's longer side). sharp_lights blurs small
    radii at full scale, for the outline of lights above 1.0 (None: where the picture has any). spots are the kernels
    made so far: a copy with other fields keeps them.
    Raises InputError for an unknown mode.
    """

    lens: ThinLens
    mode: Mode = "over"
    highlights: Highlights | None = None
    preview: bool = False
    max_radius_px: float | None = None
    sharp_lights: bool | None = None
    spots: SpotCache = field(default_factory=SpotCache, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise InputError(f"expected mode {' or '.join(get_args(Mode))}, got {self.mode!r}, try over")

    def __call__(
        self, image: Float[Tensor, "b 3 h w"], depth_m: Float[Tensor, "b 1 h w"]
    ) -> Float[Tensor, "b 3 h w"]:
        """Render from depth in metres (infinity allowed). Raises InputError or DepthError for bad input."""
        _check(image, depth_m, self.lens)
        if not bool((depth_m.detach() > 0).all()):
            raise DepthError(
                "expected depth_m above 0 everywhere, got 0, less or NaN, try DepthMap.of(…).depth_m()"
            )
        return self.from_inverse_depth(image, 1 / depth_m)

    def from_inverse_depth(
        self,
        image: Float[Tensor, "b 3 h w"],
        inverse_depth: Float[Tensor, "b 1 h w"],
        window: Window | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """Render from inverse depth (1/m); `window` says of what larger picture the input is a part."""
        _check(image, inverse_depth, self.lens)
        if not all_finite(inverse_depth):
            raise DepthError("expected finite inverse depth, got NaN or infinity, try DepthMap.of(…)")
        if image.dtype.itemsize < torch.float32.itemsize:
            return self.from_inverse_depth(image.float(), inverse_depth, window).to(image)
        window = window or Window.of(image)
        x = self.lens.coc_radius_px(inverse_depth, window.width)
        if self.highlights is not None:
            image = self.highlights.restore(image)
        rendered = self._each(image, x, window)
        if self.lens.lateral_ca:
            rendered = magnified(rendered, self.lens.lateral_ca, window)
        return rendered if self.highlights is None else self.highlights.undo(rendered)

    def _each(self, image: Tensor, x: Tensor, window: Window) -> Float[Tensor, "b 3 h w"]:
        """The pictures together, or one by one where only some have lights: none depends on the others."""
        bright = [bool(one.max() > 1) for one in image.detach()]
        if self.sharp_lights is None and any(bright) != all(bright):
            each = (replace(self, lens=self.lens.of(n)) for n in range(len(bright)))
            return torch.cat(
                [one._each(image[n : n + 1], x[n : n + 1], window) for n, one in enumerate(each)]
            )
        sharp = any(bright) if self.sharp_lights is None else self.sharp_lights
        sure = replace(self, sharp_lights=sharp)
        return sure._preview(image, x, window) if self.preview else sure._channels(image, x, window)

    def _preview(self, image: Tensor, x: Tensor, window: Window) -> Float[Tensor, "b 3 h w"]:
        """At half size; what is in focus gets its detail back."""
        size = tuple(image.shape[-2:])
        if min(size) < 2 * PREVIEW_SCALE:
            return self._channels(image, x, window)
        bound = self.max_radius_px
        half = self if bound is None else replace(self, max_radius_px=bound / PREVIEW_SCALE)
        if usable(image, x):
            loops = kernels()
            small, depth = loops.half_size(image), loops.half_size(x, 1 / PREVIEW_SCALE)
            blurred = half._channels(small, depth, window.smaller(PREVIEW_SCALE))
            return loops.detail_back(image, x, small, blurred)
        small, depth = (functional.avg_pool2d(t, PREVIEW_SCALE, ceil_mode=True) for t in (image, x))
        blurred = half._channels(small, depth / PREVIEW_SCALE, window.smaller(PREVIEW_SCALE))
        up, plain = (
            functional.interpolate(t, scale_factor=PREVIEW_SCALE, mode="bilinear")[..., : size[0], : size[1]]
            for t in (blurred, small)
        )
        return (up + (image - plain) * (1 - x.abs() / 2).clamp(min=0)).clamp(min=0)

    def _channels(self, image: Tensor, x: Tensor, window: Window) -> Float[Tensor, "b 3 h w"]:
        """All colours at once, or each with its own blur under axial chromatic aberration."""
        if not self.lens.axial_ca:
            return self._layers(image, x, window)
        offsets = self.lens.channel_offset_px(window.width)
        colours = [
            self._layers(image[:, c : c + 1], x + _beside(offset, x), window)
            for c, offset in enumerate(offsets)
        ]
        return torch.cat(colours, 1)

    def _layers(self, image: Tensor, x: Tensor, window: Window) -> Float[Tensor, "b c h w"]:
        limit = float(max(window.height, window.width) if self.max_radius_px is None else self.max_radius_px)
        reach = min(float(x.detach().abs().max()), limit)
        x = x.clamp(-limit, limit)
        if self.mode == "eq8":
            return eq8(image, x, reach, lambda radius, scale: self._spot(radius, (0.0, 0.0), scale))
        fine = fine_layers(self.lens.squeeze, bool(self.sharp_lights))

        def split(light: Tensor) -> Fragments:
            reached = reach if self.max_radius_px is None else self.max_radius_px
            return (kernels().split if usable(light, x, gradients=True) else fragments)(light, x, reached)

        def compose(parts: Fragments) -> Tensor:
            return self._composite(parts, window, reach, fine)

        graded = torch.is_grad_enabled() and (image.requires_grad or x.requires_grad)
        if graded or not bool(image.detach().max() > 1):
            return compose(split(image))
        return with_discs(image, x, window, limit, self._spot, split, compose)

    def _composite(
        self, parts: Fragments, window: Window, reach: float, fine: int
    ) -> Float[Tensor, "b d h w"]:
        blend = kernels().picture if usable(*parts, gradients=True) else composite
        if not self.lens.cat_eye:
            return blend(parts, reach, lambda radius, scale: self._spot(radius, (0.0, 0.0), scale), fine)
        return over_fields(
            parts,
            window,
            reach,
            lambda cut, place: blend(
                cut, reach, lambda radius, scale: self._spot(radius, place, scale), fine
            ),
        )

    def _spot(self, radius: float, place: tuple[float, float], scale: int = 1) -> Float[Tensor, "k k"]:
        """The kernel of a signed radius."""
        return self.spots.spot(self.lens, radius, place, scale)


def _beside(value: float | Tensor, like: Tensor) -> float | Tensor:
    return value.view(-1, 1, 1, 1) if isinstance(value, Tensor) and value.ndim == 1 else value


def _check(image: Tensor, depth: Tensor, lens: ThinLens) -> None:
    if image.ndim != 4 or image.shape[1] != 3 or not image.is_floating_point():
        raise InputError(
            f"expected image [b 3 h w] of floats, got {list(image.shape)} {image.dtype}, try image[None]"
        )
    if depth.shape != (image.shape[0], 1, *image.shape[2:]):
        raise DepthError(
            f"expected depth {[image.shape[0], 1, *image.shape[2:]]} for that image, got {list(depth.shape)}, "
            "try DepthMap.of(…).resized(h, w)"
        )
    if 0 in image.shape:
        raise InputError(f"expected pictures of at least 1 × 1 px, got {list(image.shape)}, try others")
    for name in ("f_number", "focus_distance_m"):
        if isinstance(value := getattr(lens, name), Tensor) and value.numel() not in (1, len(image)):
            raise InputError(
                f"expected {name} [1] or [{len(image)}], got {list(value.shape)}, try one number"
            )
    if not all_finite(image):
        raise InputError("expected a finite image, got NaN or infinity, try torch.nan_to_num")

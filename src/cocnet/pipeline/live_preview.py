"""Focus and aperture at a screen's size while they are being moved: only what they change is computed again.

Enters: a scene, the longest side of the view, options. Leaves: display-referred pixels of the view, the settings that
the whole photo would have, and which parts are in focus. Light and depth of the view are kept from move to move.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float32, Int8, Shaped, UInt8
from torch import Tensor
from torch.nn import functional

from cocnet.optics import ThinLens
from cocnet.pipeline.chosen_lens import BLUR_STEP
from cocnet.pipeline.chosen_renderer import restores_lights
from cocnet.pipeline.finish import encoded
from cocnet.pipeline.mapped_lights import MappedLights
from cocnet.pipeline.options import RenderOptions, RenderSettings
from cocnet.pipeline.plan import Plan, plan_of
from cocnet.pipeline.scene import Scene
from cocnet.renderers import Physical, Renderer, at_scale
from cocnet.rendering.lights import restore_lights

# Of the picture's diagonal: the diameter of a blur that counts as sharp (0.03 mm of full frame)
SHARP_SHARE = 1 / 1500
COLOURS = {-1: (255, 140, 0), 0: (255, 255, 255), 1: (40, 120, 255)}
STRENGTH = 0.45
_STRIP_ROWS = 512


@dataclass(frozen=True, eq=False)
class Look:
    """A rendered view, the settings behind it, its lens and inverse depth (1/m), between which distances (metres) it
    is sharp, and the blur as `--blur` counts it."""

    pixels: Shaped[np.ndarray, "h w 3"]
    settings: RenderSettings
    lens: ThinLens
    inverse: Float32[Tensor, "h w"]
    sharp_m: tuple[float, float]
    blur: float

    @cached_property
    def zones(self) -> Int8[np.ndarray, "h w"]:
        """Where it is in front of (-1), in (0) and behind (1) the focus."""
        return zones(self.lens, self.inverse)


@dataclass(frozen=True, eq=False)
class View:
    """A scene whose longer side is `longest_px`, or the photo's own where that is shorter."""

    scene: Scene
    longest_px: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, px."""
        height, width = self.scene.photo.height, self.scene.photo.width
        share = min(1.0, self.longest_px / max(height, width))
        return max(1, round(height * share)), max(1, round(width * share))

    @cached_property
    def light(self) -> Float32[Tensor, "3 h w"]:
        """Linear light, averaged; strip by strip by whole numbers first, so that a large photo is never whole in
        floats."""
        return self._averaged(self.scene.photo.linear)

    def _averaged(self, read: Callable[[slice], Float32[Tensor, "3 i j"]]) -> Float32[Tensor, "3 h w"]:
        """Light of the photo's rows at this size."""
        photo = self.scene.photo
        step = max(1, max(photo.height, photo.width) // self.longest_px)
        rows = max(1, _STRIP_ROWS // step) * step
        strips = (read(slice(top, top + rows)) for top in range(0, photo.height, rows))
        pooled = torch.cat([functional.avg_pool2d(s, step, ceil_mode=True) for s in strips], 1)
        if pooled.shape[-2:] == self.size:
            return pooled
        return functional.interpolate(pooled[None], self.size, mode="bilinear", antialias=True)[0]

    @cached_property
    def light_with_lamps(self) -> Float32[Tensor, "3 h w"]:
        """The same with its lights restored: as the photo's gain map tells, else those that are found in it."""
        mapped, photo = self.mapped, self.scene.photo
        if mapped is None:
            return restore_lights(self.light[None])[0]
        return self._averaged(lambda rows: mapped.restore(photo.linear(rows), rows.start))

    @cached_property
    def mapped(self) -> MappedLights | None:
        """The lights that the photo's gain map tells; None without one."""
        photo = self.scene.photo
        return None if photo.gain_map is None else MappedLights.of(photo)

    def shown(
        self, made: Float32[Tensor, "3 h w"], options: RenderOptions, renderer: Renderer
    ) -> Float32[Tensor, "3 h w"]:
        """Light that a renderer has made of this view, as the photo shows its own; what is kept is the photo's."""
        if self.mapped is not None and restores_lights(options, renderer):
            made = self.mapped.shown(made)
        keep = self.scene.hand.keep
        return made if keep is None else torch.lerp(made, self.light, self.picked(keep))

    @cached_property
    def inverse(self) -> Float32[Tensor, "h w"]:
        """Inverse depth of the scene, 1/m: one of the photo's values to each pixel, no mixture of near and far."""
        return self.picked(self.scene.inverse)

    def picked(self, inverse: Float32[np.ndarray, "a b"]) -> Float32[Tensor, "h w"]:
        """The values that a map of the photo's size has in the middles of the view's pixels."""
        rows, columns = (
            ((np.arange(n) + 0.5) * most / n).astype(int)
            for n, most in zip(self.size, inverse.shape, strict=True)
        )
        return torch.from_numpy(inverse[np.ix_(rows, columns)])

    @cached_property
    def original(self) -> Shaped[np.ndarray, "h w 3"]:
        """The photo itself at this size."""
        return self.scene.photo.encode(self.light)

    def look(self, options: RenderOptions) -> Look:
        """The view rendered with these options. Raises CocnetError."""
        plan = plan_of(self.scene, options)
        renderer, light, inverse = self.inputs(plan, plan.renderer)
        with torch.inference_mode():
            made, inverse = renderer.render(light, inverse, plan.lens)[0].cpu(), inverse.cpu()
        pixels = encoded(self.scene.photo, self.shown(made, options, plan.renderer))
        height, width = inverse.shape[-2:]
        limit_m = SHARP_SHARE * math.hypot(height, width) / width * plan.lens.sensor_width_m
        near, far = plan.settings.sharp_m or plan.lens.depth_of_field_m(limit_m)
        longer = max(self.scene.photo.height, self.scene.photo.width)
        blur = plan.settings.largest_blur_radius_px / (BLUR_STEP * longer)
        return Look(pixels, plan.settings, plan.lens, inverse[0, 0], (float(near), float(far)), blur)

    def inputs(
        self, plan: Plan, renderer: Renderer
    ) -> tuple[Renderer, Float32[Tensor, "1 3 h w"], Float32[Tensor, "1 1 h w"]]:
        """A renderer of a plan, and what it is given at this size: light and inverse depth (1/m)."""
        lamps = restores_lights(plan.settings.options, renderer)
        if isinstance(renderer, Physical):
            renderer = replace(renderer, sharp_lights=None)  # only where a lamp was found
        radius = plan.settings.largest_blur_radius_px * self.size[1] / self.scene.photo.width
        light = self.light_with_lamps if lamps else self.light
        held = plan.inverse_depth is not self.scene.inverse
        inverse = self.picked(plan.inverse_depth) if held else self.inverse
        device = plan.settings.options.device
        return at_scale(renderer, radius), light[None].to(device), inverse[None, None].to(device)


def zones(lens: ThinLens, inverse: Float32[Tensor, "h w"]) -> Int8[np.ndarray, "h w"]:
    """In front of the focus (-1), in it (0), or behind it (1)."""
    height, width = inverse.shape
    radius = lens.coc_radius_px(inverse, width)
    limit = SHARP_SHARE * math.hypot(height, width) / 2
    return (radius.sign() * (radius.abs() > limit)).to(torch.int8).numpy()


def with_zones(
    pixels: Shaped[np.ndarray, "h w 3"], zones: Int8[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Grey, tinted: orange in front of the focus, white in it, blue behind it."""
    codes = pixels.astype(np.float32) / (257 if pixels.dtype == np.uint16 else 1)
    grey = codes.mean(-1, keepdims=True)
    tint = np.array([COLOURS[n] for n in (-1, 0, 1)], np.float32)[zones + 1]
    share = np.where(zones == 0, 0.15, STRENGTH)[..., None]
    return np.rint(grey * (1 - share) + tint * share).clip(0, 255).astype(np.uint8)

"""A network with one lens built in, on a picture of the size at which that lens is the one asked for.

Enters and leaves: as `renderers.protocol` says. The network sees a smaller picture; what it leaves sharp there keeps
the photo's own detail, what it blurs does not.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.imaging import linear_to_srgb
from cocnet.optics import ThinLens
from cocnet.renderers.network import NetworkRenderer
from cocnet.renderers.protocol import Reads, Renderer

LENS_RADIUS_PX = 8.0  # of the blur at the farthest plane, as the weights that ship were taught
WINDOW_PX = 9
NOISE = 2e-3  # detail (sRGB) that says nothing about sharpness: the grain of flat parts stays
BLURRED, SHARP = 0.5, 0.85  # shares of the detail around a pixel that the network has left


@dataclass(frozen=True, eq=False)
class AtScale:
    """A network of one lens that sees the picture `scale` times smaller."""

    renderer: NetworkRenderer
    scale: float

    @property
    def name(self) -> str:
        """Name of the network that is run on the smaller photo."""
        return self.renderer.name

    @property
    def reads(self) -> Reads:
        """What the network reads."""
        return self.renderer.reads

    @property
    def network(self) -> nn.Module:
        """The network that is run on the smaller photo."""
        return self.renderer.network

    def render(
        self,
        light: Float[Tensor, "b 3 h w"],
        inverse_depth: Float[Tensor, "b 1 h w"] | None = None,
        lens: ThinLens | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """Render a batch. Raises InputError or DepthError."""
        height, width = light.shape[-2:]
        size = max(1, round(height / self.scale)), max(1, round(width / self.scale))
        if size == (height, width):
            return self.renderer.render(light, inverse_depth, lens)
        small = resized(light, size)
        depth = None if inverse_depth is None else resized(inverse_depth, size)
        made = self.renderer.render(small, depth, lens)
        sharp = resized(left_sharp(small, made), (height, width))
        whole, before = resized(made, (height, width)), resized(small, (height, width))
        return (whole + (light - before) * sharp).clamp(min=0)


def at_scale(renderer: Renderer, radius_px: float) -> Renderer:
    """A network with one lens at the scale at which this blurs by radius_px at most; other renderers as they are, and
    the network itself where its own blur is as large."""
    inner = renderer.renderer if isinstance(renderer, AtScale) else renderer
    if not isinstance(inner, NetworkRenderer) or "lens" in inner.reads or radius_px <= LENS_RADIUS_PX:
        return inner
    return AtScale(inner, radius_px / LENS_RADIUS_PX)


def left_sharp(before: Float[Tensor, "b 3 h w"], after: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
    """How sharp a picture still is, 0..1, by how much of the detail around each pixel is left (linear light)."""
    was, now = (_detail(linear_to_srgb(light.clamp(0, 1))) for light in (before, after))
    return (((now + NOISE) / (was + NOISE) - BLURRED) / (SHARP - BLURRED)).clamp(0, 1)


def _detail(srgb: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
    """Mean difference to the pixels beside, in a window."""
    fine = (srgb - _mean(srgb, 3)).abs().mean(1, keepdim=True)
    return _mean(fine, WINDOW_PX)


def _mean(t: Float[Tensor, "b c h w"], window: int) -> Float[Tensor, "b c h w"]:
    return functional.avg_pool2d(t, window, 1, window // 2, count_include_pad=False)


def resized(t: Float[Tensor, "b c h w"], size: tuple[int, int]) -> Float[Tensor, "b c i j"]:
    """Bilinear; over the pixels that become one where it is made smaller."""
    return functional.interpolate(
        t, size, mode="bilinear", antialias=size[0] < t.shape[-2] or size[1] < t.shape[-1]
    )

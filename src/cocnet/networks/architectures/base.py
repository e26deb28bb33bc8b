"""What all networks share: the call, its checks, padding.

Enters: sRGB [b 3 h w] in 0..1, depth [b 1 h w] in 0..1 where the card says so. Leaves: sRGB [b 3 h w], not clamped.
"""

from jaxtyping import Float
from torch import Tensor, nn

from cocnet.errors import DepthError, InputError
from cocnet.networks.layers.padding import crop, pad
from cocnet.networks.zoo.registry import Card


class BokehNet(nn.Module):
    """A network behind one call; a subclass gives `bokeh`, which sees sizes that are multiples of the card's."""

    def __init__(self, card: Card) -> None:
        super().__init__()
        self.card = card

    def forward(
        self, image: Float[Tensor, "b 3 h w"], depth: Float[Tensor, "b 1 h w"] | None = None
    ) -> Float[Tensor, "b 3 h w"]:
        """Render bokeh at the picture's own size. Raises InputError or DepthError for bad input."""
        check_input(self.card, image, depth)
        seen = None if self.card.conditioning == "none" or depth is None else depth
        multiple = self.card.size_multiple
        out = self.bokeh(pad(image, multiple), None if seen is None else pad(seen, multiple))
        return crop(out, *image.shape[-2:])

    def bokeh(self, image: Tensor, depth: Tensor | None) -> Float[Tensor, "b 3 h w"]:
        """The network itself; depth is None where the card's conditioning is "none"."""
        raise NotImplementedError


class DeblurNet(nn.Module):
    """A network that sharpens, behind the same call; a subclass gives `sharp`, which sees sizes that are multiples
    of the card's. A tile needs margin_px around it; without gradients, bytes_per_pixel (measured) of memory."""

    margin_px: int
    bytes_per_pixel: int

    def __init__(self, card: Card) -> None:
        super().__init__()
        self.card = card

    def forward(
        self, image: Float[Tensor, "b 3 h w"], depth: Float[Tensor, "b 1 h w"] | None = None
    ) -> Float[Tensor, "b 3 h w"]:
        """Sharpen a picture at its own size; depth isn't read. Raises InputError for bad input."""
        check_input(self.card, image, None)
        return crop(self.sharp(pad(image, self.card.size_multiple)), *image.shape[-2:])

    def sharp(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """The sharpened picture of one whose sides are multiples of the card's; each network's own part."""
        raise NotImplementedError


def check_input(card: Card, image: Tensor, depth: Tensor | None) -> None:
    """Raise InputError or DepthError where a call isn't what the card's network takes."""
    if image.ndim != 4 or image.shape[1] != 3 or not image.is_floating_point() or 0 in image.shape:
        raise InputError(
            f"expected image [b 3 h w] of floats, got {list(image.shape)} {image.dtype}, try image[None]"
        )
    if card.conditioning == "none":
        return
    if depth is None:
        raise DepthError(f"expected a depth map for {card.name}, got none, try model(image, depth)")
    expected = [image.shape[0], 1, *image.shape[2:]]
    if list(depth.shape) != expected or depth.dtype != image.dtype:
        raise DepthError(
            f"expected depth {expected} {image.dtype} for that image, got {list(depth.shape)} {depth.dtype}, "
            "try functional.interpolate(depth, image.shape[-2:])"
        )

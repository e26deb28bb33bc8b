"""One door to every renderer.

Enters: a name (`NAMES`, a registered network whose weights ship) or a weight file. Leaves: a `Renderer`.
"""

from pathlib import Path

from cocnet.errors import InputError
from cocnet.networks import card_of, list_models, load_model
from cocnet.networks.zoo.registry import nearest
from cocnet.renderers.controls import ConstantBlur, Identity
from cocnet.renderers.hybrid_renderer import HybridRenderer
from cocnet.renderers.network import NetworkRenderer
from cocnet.renderers.physical_model import Physical
from cocnet.renderers.protocol import Renderer
from cocnet.rendering import Highlights

NAMES = ("physical", "physical-eq8", "identity", "blur")


def open_renderer(
    name: str | Path = "physical",
    *,
    highlights: Highlights | None = None,
    preview: bool = False,
    bfloat16: bool = False,
    device: str = "cpu",
) -> Renderer:
    """The renderer of a name or a weight file: `open_renderer("cocnet-hybrid").render(light, inverse_depth, lens)`.

    physical is the thin-lens renderer, physical-eq8 the paper's Eq. 8 to the letter, identity the picture as it is,
    blur one Gaussian over the whole picture; other names are those of `list_models()` whose weights ship. highlights
    and preview are for physical renderers (the hybrid's included), bfloat16 for networks; the others ignore them. A
    network comes in evaluation mode with frozen weights; gradients reach light, depth and lens.
    Raises InputError or FileError.
    """
    match str(name):
        case "physical":
            return Physical("over", highlights, preview)
        case "physical-eq8":
            return Physical("eq8", highlights, preview)
        case "identity":
            return Identity()
        case "blur":
            return ConstantBlur()
    located = Path(name) if Path(name).suffix else str(name)
    known = [card.name for card in list_models()]
    if isinstance(located, str) and located not in known:
        raise InputError(f"expected a renderer, got '{name}', try {nearest(located, [*NAMES, *known])}")
    network = load_model(located, device).eval().requires_grad_(False)
    if card_of(str(network.name)).task != "bokeh":
        raise InputError(f"expected a network that renders bokeh, got {network.name}, try `cocnet deblur`")
    corrects = card_of(str(network.name)).physical
    return HybridRenderer(network, highlights, bfloat16) if corrects else NetworkRenderer(network, bfloat16)

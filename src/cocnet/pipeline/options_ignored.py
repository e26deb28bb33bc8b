"""Choices that a renderer can't follow, told to the user.

Enters: a network (None: the physical renderer), the options. Leaves: lines of text.
"""

from torch import nn

from cocnet.networks import card_of
from cocnet.pipeline.options import RenderOptions

_RENDERER_S = ("preview", "mode", "max_mem_mb")  # options of the physical renderer alone


_IRIS_S = (
    "highlights",
    "aperture_blades",
    "aperture_rotation_deg",
    "roundness",
    "cat_eye",
    "axial_ca",
    "lateral_ca",
)


def ignored_by(network: nn.Module | None, options: RenderOptions) -> tuple[str, ...]:
    """Lines for the user where there are choices that this network can't follow."""
    if network is None:
        return ("--bfloat16: no effect without --model",) if options.bfloat16 else ()
    card, lines = card_of(str(network.name)), []
    if card.conditioning == "none":
        lines.append(f"{card.name} sees only the photo: depth, focus and aperture have no effect")
    elif card.conditioning == "depth":
        lines.append(f"{card.name} has one lens built in: focus and aperture have no effect")
    others = _RENDERER_S if card.physical else _RENDERER_S + _IRIS_S
    given = [name for name in others if getattr(options, name) != getattr(RenderOptions(), name)]
    if given:
        flags = ", ".join("--" + name.removesuffix("_mb").replace("_", "-") for name in given)
        lines.append(f"{flags}: no effect with {card.name}")
    return tuple(lines)

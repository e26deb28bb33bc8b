"""Choices that a renderer can't follow, told to the user.

Enters: a renderer, the options. Leaves: lines of text.
"""

from cocnet.pipeline.options import RenderOptions
from cocnet.renderers import HybridRenderer, NetworkRenderer, Physical, Renderer

_OF_LAYERS = ("preview", "mode", "max_mem_mb")
_OF_THE_LENS = (
    "squeeze",
    "aperture_image",
    "highlights",
    "aperture_blades",
    "aperture_rotation_deg",
    "roundness",
    "cat_eye",
    "axial_ca",
    "lateral_ca",
)


def ignored_by(renderer: Renderer, options: RenderOptions) -> tuple[str, ...]:
    """Lines for the user where there are choices that this renderer can't follow."""
    if isinstance(renderer, Physical):
        return ("--bfloat16: no effect without --model",) if options.bfloat16 else ()
    lines, name = [], renderer.name
    if "depth" not in renderer.reads and options.subject is not None:
        lines.append(f"--subject: no effect with {name}; --keep has")
    if not renderer.reads:
        scaled = "; --blur has" if isinstance(renderer, NetworkRenderer) else ""
        lines.append(f"{name} sees only the photo: depth, focus and aperture have no effect{scaled}")
    elif "lens" not in renderer.reads:
        lines.append(
            f"{name} has one lens built in: focus has no effect; f-number and --blur say how large it is"
        )
    others = _OF_LAYERS if isinstance(renderer, HybridRenderer) else (*_OF_LAYERS, "grain", *_OF_THE_LENS)
    given = [option for option in others if getattr(options, option) != getattr(RenderOptions(), option)]
    if given:
        flags = ", ".join("--" + option.removesuffix("_mb").replace("_", "-") for option in given)
        lines.append(f"{flags}: no effect with {name}")
    return tuple(lines)

"""Choices that a renderer can't follow, told to the user.

Enters: a renderer, the options. Leaves: lines of text.
"""

from collections.abc import Iterator, Sequence

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
    if options.deblur_model != RenderOptions.deblur_model and not options.deblur_first:
        return ("--deblur-model: no effect without --deblur-first", *_ignored_by(renderer, options))
    return _ignored_by(renderer, options)


def _ignored_by(renderer: Renderer, options: RenderOptions) -> tuple[str, ...]:
    if isinstance(renderer, Physical):
        return tuple(_of_physical(options))
    lines, name = list(_of_aperture(options)) if isinstance(renderer, HybridRenderer) else [], renderer.name
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
    if flags := _flags(options, others):
        lines.append(f"{flags}: no effect with {name}")
    return tuple(lines)


def _of_physical(options: RenderOptions) -> Iterator[str]:
    if options.bfloat16 and not options.deblur_first:
        yield "--bfloat16: no effect without --model"
    if options.mode == "eq8" and options.cat_eye:
        yield "--cat-eye: no effect with --mode eq8"
    yield from _of_aperture(options)


def _of_aperture(options: RenderOptions) -> Iterator[str]:
    flags = _flags(options, ("aperture_rotation_deg", "roundness"))
    if flags and options.aperture_image is not None:
        yield f"{flags}: no effect with --aperture-image, which can be drawn so"
    elif flags and not options.aperture_blades:
        yield f"{flags}: no effect without --aperture-blades"


def _flags(options: RenderOptions, names: Sequence[str]) -> str:
    """Those that aren't the default's, as they are written."""
    given = [name for name in names if getattr(options, name) != getattr(RenderOptions(), name)]
    return ", ".join("--" + name.removesuffix("_mb").replace("_", "-") for name in given)

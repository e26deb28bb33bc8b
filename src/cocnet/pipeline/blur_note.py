"""A blur that can't be meant, told to the user: depth in other units or of another kind is seen by it.

Enters: the settings of a render. Leaves: a line with the numbers, or none.
"""

from cocnet.pipeline.options import RenderSettings
from cocnet.renderers import Renderer

_SMALLEST_PX, _LARGEST_SHARE = 1.0, 0.2


def blur_note(settings: RenderSettings, renderer: Renderer) -> tuple[str, ...]:
    """A note where the largest blur radius is under 1 px or over a fifth of the picture's shorter side.

    None for renderers that take no lens.
    """
    if "lens" not in renderer.reads:
        return ()
    radius, side = settings.largest_blur_radius_px, min(settings.width, settings.height)
    if radius < _SMALLEST_PX:
        size = f"the largest blur has a radius of {radius:.2g} px, too small to see"
    elif radius > _LARGEST_SHARE * side:
        size = f"the largest blur has a radius of {radius:.0f} px, over a fifth of the picture's {side} px"
    else:
        return ()
    span = f"depth from {settings.nearest_m:.3g} m to {settings.farthest_m:.3g} m"
    where = f"focus at {settings.focus_m.value:.3g} m, f/{settings.f_number.value:.3g}"
    placed = ", --near-m, --far-m" if settings.depth_kind.startswith("relative") else ""
    return (f"{size}: {span}, {where}; check --depth-kind, --depth-scale{placed}",)

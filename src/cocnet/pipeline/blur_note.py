"""A blur that can't be meant, told to the user: depth in other units or of another kind is seen by it.

Enters: the settings of a render. Leaves: a line with the numbers, or none.
"""

from cocnet.pipeline.chosen_lens import BLUR_STEP, LEAST_STOP
from cocnet.pipeline.options import RenderSettings, distance_text
from cocnet.renderers import NetworkRenderer, Renderer
from cocnet.renderers.at_scale import LENS_RADIUS_PX

_SMALLEST_PX, _LARGEST_SHARE = 1.0, 0.2
_REACHED = 0.99
_BARELY = 2.0  # of --blur: who asks for so little wants it


def blur_note(settings: RenderSettings, renderer: Renderer) -> tuple[str, ...]:
    """A note where the largest blur radius is under 1 px, less than --blur asks for, or over a fifth of the picture's
    shorter side; of a network with one lens built in, where less blur is asked for than that lens has.

    None for other renderers that take no lens.
    """
    if "lens" not in renderer.reads:
        return _built_in(settings) if isinstance(renderer, NetworkRenderer) else ()
    radius, side = settings.largest_blur_radius_px, min(settings.width, settings.height)
    wanted = (settings.options.blur or 0) * BLUR_STEP * max(settings.width, settings.height)
    if radius < _REACHED * wanted and settings.f_number.value == LEAST_STOP:
        got = f"f/{LEAST_STOP:g} blurs {radius:.2g} px of {wanted:.3g}"
        return (f"--blur {settings.options.blur:g} can't be reached: {got}",)
    if settings.options.blur is not None and settings.options.blur < _BARELY:
        return ()
    if radius < _SMALLEST_PX:
        size = f"the largest blur has a radius of {radius:.2g} px, too small to see"
    elif radius > _LARGEST_SHARE * side:
        size = f"the largest blur has a radius of {radius:.0f} px, over a fifth of the picture's {side} px"
    else:
        return ()
    span = f"depth from {settings.nearest_m:.3g} m to {settings.farthest_m:.3g} m"
    where = f"focus at {distance_text(settings.focus_m.value)}, f/{settings.f_number.value:.3g}"
    checked = ["--depth-kind", "--depth-scale"] if settings.depth is not None else []
    checked += ["--near-m", "--far-m"] if settings.depth_kind.startswith("relative") else []
    return (f"{size}: {span}, {where}; check {', '.join(checked or ['--f-number', '--focus-m'])}",)


def _built_in(settings: RenderSettings) -> tuple[str, ...]:
    radius = settings.largest_blur_radius_px
    if settings.options.blur is None or radius >= LENS_RADIUS_PX:
        return ()
    return (
        f"--blur asks for {radius:.2g} px, the lens built into the network has {LENS_RADIUS_PX:g} px at the least",
    )

"""The distance in focus and the span of a relative map: what was given, else what is seen, else a default.

Enters: inverse depth (1/m), the options, the subject's mask. Leaves: metres with their origin.
"""

import numpy as np
from jaxtyping import Float32

from cocnet.depth.focal_plane import inverse_at, masked_inverse, subject_inverse
from cocnet.imaging import DepthMap
from cocnet.pipeline.options import RenderOptions, Resolved


def choose_span_m(depth: DepthMap, options: RenderOptions) -> tuple[float, float]:
    """Near and far distance (metres) of a relative map: given, suggested by the map, else 1 and 10 m.

    One that is given alone keeps the ratio: a near one always, a far one where the suggested near one isn't nearer.
    """
    near, far = depth.span_m or (1.0, 10.0)
    ratio = far / near
    if options.near_m is not None:
        return options.near_m, options.far_m or options.near_m * ratio
    if options.far_m is not None:
        return near if near < options.far_m else options.far_m / ratio, options.far_m
    return near, far


def choose_focus_m(
    inverse_depth: Float32[np.ndarray, "h w"],
    options: RenderOptions,
    subject: Float32[np.ndarray, "i j"] | None = None,
) -> Resolved:
    """The distance in focus, metres: given, seen at the focus point, or of the subject, a mask of any size.

    Without a subject it is what is near around the middle.
    """
    if options.focus_m is not None:
        return Resolved(options.focus_m, "given")
    if options.focus_point is not None:
        x, y = options.focus_point
        return Resolved(1.0 / inverse_at(inverse_depth, x, y), f"depth at {x:g},{y:g}")
    found = None if subject is None else masked_inverse(inverse_depth, subject)
    if found is not None:
        return Resolved(1.0 / found, "auto: the subject")
    return Resolved(1.0 / subject_inverse(inverse_depth), "auto: near the middle")

"""Depth around what is in focus: what is held sharp, and what stands before and beside it.

Enters: inverse depth [h w] (1/m) and the focus. Leaves: the inverse depth that is rendered.
"""

import numpy as np
from jaxtyping import Float32

from cocnet.depth.contact import meeting
from cocnet.depth.placement import background_blur, limit_foreground
from cocnet.pipeline.depth_source import FoundDepth
from cocnet.pipeline.focus import Focus
from cocnet.pipeline.options import RenderOptions

Map = Float32[np.ndarray, "h w"]


def placed_around(found: FoundDepth, inverse_depth: Map, focus: Focus, options: RenderOptions) -> Map:
    """Inverse depth whose foreground is blurred no more than its background where distances were only chosen, or than
    the background of the subject that they were chosen for where something else is put in focus."""
    span_m = found.depth.span_m if found.depth.kind.startswith("relative") else None
    if span_m is None or options.near_m is not None or options.far_m is not None:
        return inverse_depth
    of_subject = 0.0 if focus.distance.origin.startswith("auto") else background_blur(span_m)
    return limit_foreground(inverse_depth, 1 / focus.distance.value, of_subject)


def held_sharp(inverse_depth: Map, focus: Focus, keep: Map | None = None, subject: Map | None = None) -> Map:
    """Inverse depth with everything between the sharp ends, and under both masks, at the distance in focus.

    What is beyond the ends moves along, so that blur begins at 0 there: d' = 1/P + (d − 1/near) or (d − 1/far). So
    does what touches the subject, as in `cocnet.depth.contact`.
    """
    middle = np.float32(1 / focus.distance.value)
    if focus.sharp_m is not None:
        near, far = (np.float32(1 / end) for end in focus.sharp_m)
        beyond = np.maximum(inverse_depth - near, 0) + np.minimum(inverse_depth - far, 0)
        inverse_depth = np.maximum(middle + beyond, np.float32(1e-4))
    if subject is not None:
        inverse_depth = meeting(inverse_depth, subject, float(middle))
    for mask in (keep, subject):
        if mask is not None:
            inverse_depth = np.where(mask > 0.5, middle, inverse_depth)
    return inverse_depth

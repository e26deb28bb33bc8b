"""What is in focus, and the span of a relative map: what was given, else what is seen, else a default.

Enters: inverse depth (1/m), the options, the subject's mask, faces. Leaves: metres with their origin, and the
distances between which everything is to be sharp.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from cocnet.depth.faces import Face
from cocnet.depth.focal_plane import inverse_at, inverse_within, masked_inverse, subject_inverse, upper_part
from cocnet.imaging import DepthMap
from cocnet.pipeline.options import RenderOptions, Resolved

Map = Float32[np.ndarray, "h w"]


@dataclass(frozen=True)
class Focus:
    """The distance in focus, m, and the near and far end of what is sharp, m; None: only that distance."""

    distance: Resolved
    sharp_m: tuple[float, float] | None = None


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


def choose_focus(
    inverse_depth: Map,
    options: RenderOptions,
    subject: Float32[np.ndarray, "i j"] | None = None,
    faces: Sequence[Face] = (),
    drawn: bool = False,
    held: bool = False,
) -> Focus:
    """Given as a distance, a range or a point; else a face, or all faces of a group; else the subject.

    A range is focused where both its ends are equally blurred without it: 2/(1/near + 1/far). Of a subject that is
    taller than wide it is the upper part, where a head is, unless all of it will be `held` in focus. Without a
    subject: what is near around the middle. One that was drawn by hand may be of any size.
    """
    if options.focus_m is not None:
        return Focus(Resolved(options.focus_m, "given"))
    if options.focus_range is not None:
        return _between(*options.focus_range, "the middle of the range")
    if options.focus_point is not None:
        x, y = options.focus_point
        return Focus(Resolved(1.0 / inverse_at(inverse_depth, x, y), f"depth at {x:g},{y:g}"))
    if faces:
        found = [inverse_within(inverse_depth, *face.middle) for face in faces]
        if len(found) > 1:
            return _between(1 / max(found), 1 / min(found), f"auto: {len(found)} faces")
        return Focus(Resolved(1.0 / found[0], "auto: the face"))
    return Focus(_of_subject(inverse_depth, subject, drawn, held))


def choose_focus_m(
    inverse_depth: Map, options: RenderOptions, subject: Float32[np.ndarray, "i j"] | None = None
) -> Resolved:
    """The distance of `choose_focus` alone."""
    return choose_focus(inverse_depth, options, subject).distance


def _of_subject(
    inverse_depth: Map, subject: Float32[np.ndarray, "i j"] | None, drawn: bool, held: bool
) -> Resolved:
    least = any_size(drawn)
    whole = None if subject is None else masked_inverse(inverse_depth, subject, **least)
    if subject is None or whole is None:
        return Resolved(1.0 / subject_inverse(inverse_depth), "auto: near the middle")
    head = None if held else upper_part(subject)
    above = None if head is None else masked_inverse(inverse_depth, head, **least)
    if above is not None:
        return Resolved(1.0 / above, "auto: the subject, its upper part")
    return Resolved(1.0 / whole, "auto: the subject")


def any_size(drawn: bool) -> dict[str, float]:
    """The argument of `masked_inverse` for a subject that was drawn by hand, which may be of any size."""
    return {"least_share": 0.0} if drawn else {}


def _between(near_m: float, far_m: float, origin: str) -> Focus:
    return Focus(Resolved(2 / (1 / near_m + 1 / far_m), origin), (near_m, far_m))

"""What a photo is of, where the focus is to be found by itself.

Enters: a `Scene` and the options. Leaves: the subject's mask, faces, and the subject as one surface; found once for a
scene, as neither lens nor renderer changes them.
"""

from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float32
from torch import nn

from cocnet.depth.estimators.estimator import as_rgb8
from cocnet.depth.faces import Face, find_faces
from cocnet.pipeline.depth_source import find_subject, named_network
from cocnet.pipeline.one_surface import subject_surface
from cocnet.pipeline.options import RenderOptions, finds_focus
from cocnet.pipeline.scene import Scene


class Subject(NamedTuple):
    """The subject's mask (as drawn, at the photo's size, else about 256² px), the faces that are meant, and what is
    held at the distance in focus [h w]; None where there is none."""

    mask: Float32[np.ndarray, "i j"] | None
    faces: tuple[Face, ...] = ()
    whole: Float32[np.ndarray, "h w"] | None = None


_kept: WeakKeyDictionary[Scene, tuple[nn.Module | None, Subject]] = WeakKeyDictionary()


def subject_of(scene: Scene, options: RenderOptions, look: bool = True) -> Subject:
    """What was drawn; else, where the focus is to be found and for those who `look`, what the network and the face
    detector find. Raises FileError for weights that can't be read."""
    drawn = scene.hand.subject
    if not finds_focus(options) or (drawn is None and not look):
        return Subject(drawn)
    network, kept = named_network(options), _kept.get(scene)
    if kept is not None and kept[0] is network:
        return kept[1]
    mask = find_subject(scene.photo, options) if drawn is None else drawn
    faces = find_faces(as_rgb8(scene.photo.pixels)) if drawn is None else ()
    found = Subject(mask, faces, subject_surface(scene, mask, faces))
    _kept[scene] = network, found
    return found

"""One photo through many renderers: the same light, depth, focus and lens for each, of which it takes what it reads.

Enters: a `View` of a scene, the plan that all share, a renderer's name. Leaves: display-referred pixels at the view's
size, with the seconds of the render and the number of parameters.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Shaped

from cocnet.networks import list_models, parameters_of, shipped_weights
from cocnet.pipeline.chosen_renderer import renderer_for
from cocnet.pipeline.live_preview import View
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.options_ignored import ignored_by
from cocnet.pipeline.plan import Plan, plan_of
from cocnet.pipeline.scene import Scene
from cocnet.renderers import NAMES
from cocnet.renderers.protocol import Reads

_WARM_UP_PX = 64


@dataclass(frozen=True, eq=False)
class Compared:
    """One renderer's picture; seconds: of the render, without loading; what it reads; choices it can't follow."""

    name: str
    pixels: Shaped[np.ndarray, "h w 3"]
    seconds: float
    reads: Reads
    notes: tuple[str, ...]


def comparable_renderers() -> tuple[str, ...]:
    """The renderers without weights, the networks for bokeh whose weights ship, then the networks without weights."""
    networks = [card.name for card in list_models() if card.task == "bokeh"]
    return (*NAMES, *sorted(networks, key=lambda name: shipped_weights(name) is None))


def parameters_in(name: str) -> int | None:
    """How many parameters a renderer has learned; None where an extra is missing to count them."""
    return 0 if name in NAMES else parameters_of(name)


def common_plan(scene: Scene, options: RenderOptions) -> Plan:
    """The focus and lens that every renderer is given: the physical renderer's. Raises InputError or FileError."""
    return plan_of(scene, options.changed(model=None, mode="over"))


def compare(view: View, plan: Plan, name: str) -> Compared:
    """The view through the renderer of this name. Raises CocnetError, e.g. where weights or an extra are missing.

    A corner is rendered first, so that what is compiled or allocated once isn't in the seconds.
    """
    options = plan.settings.options.changed(model=name)
    renderer, light, inverse = view.inputs(plan, renderer_for(options))
    with torch.inference_mode():
        corner = (..., slice(_WARM_UP_PX), slice(_WARM_UP_PX))
        renderer.render(light[corner], inverse[corner], plan.lens)
        begun = time.perf_counter()
        made = renderer.render(light, inverse, plan.lens)[0].cpu()
        seconds = time.perf_counter() - begun
    pixels = view.scene.photo.encode(view.shown(made, options, renderer))
    return Compared(renderer.name, pixels, seconds, renderer.reads, ignored_by(renderer, options))

"""A film's frames as plans of one shot after another: depth steadied, focus pulled by keys or with the subject.

Enters: frames in order with their seconds, what was asked, what an earlier process had in mind. Leaves: a plan for
each frame. What a photo chooses for itself is chosen once for a shot: the span of relative depth, the f-number of
--blur, the grain. A scene cut begins another shot.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch.nn import functional

from cocnet.depth.estimators.estimator import Rgb, as_rgb8
from cocnet.depth.focal_plane import inverse_at, masked_inverse
from cocnet.depth.refinement.guided_filter import shrunk, working_size
from cocnet.depth.refinement.refine import REACH_SHARE, refine_inverse_depth
from cocnet.depth.steadying import Moment, is_cut, steadied
from cocnet.imaging import Photo
from cocnet.pipeline.by_hand import ByHand, given_by_hand
from cocnet.pipeline.camera import choose_camera
from cocnet.pipeline.chosen_renderer import renderer_for
from cocnet.pipeline.depth_source import (
    FoundDepth,
    find_depth,
    find_subject,
    inverse_depth_of,
    placed_by_faces,
)
from cocnet.pipeline.film_lights import NO_LAMPS, Lamps, steady_lights
from cocnet.pipeline.film_options import FilmOptions
from cocnet.pipeline.finish import Grain
from cocnet.pipeline.focus import Focus, any_size, choose_focus, choose_span_m
from cocnet.pipeline.keys import between, f_number_at
from cocnet.pipeline.mapped_lights import MappedLights
from cocnet.pipeline.one_surface import AREA_PX as MASK_PX
from cocnet.pipeline.one_surface import subject_surface
from cocnet.pipeline.options import RenderOptions, Resolved
from cocnet.pipeline.plan import Plan, plan_at, prepare
from cocnet.pipeline.render_photo import lights_of
from cocnet.pipeline.scene import Scene, opened_photo
from cocnet.rendering.lights import Lights

VIEW_PX, ESTIMATED_PX, PREVIEW_PX = 1 << 16, 1 << 18, 1 << 16
MASK_PREVIEW_PX = 1 << 16
PREVIEW_STEP = 2  # px: what depth is made for, as the renderer's preview is
FOLLOW_S = 0.3
Plane = Float32[np.ndarray, "h w"]


@dataclass(frozen=True, eq=False)
class Shot:
    """What the frames of a shot share, and what the last of them left: its moment, second, focus (1/m), lamps."""

    moment: Moment
    second: float
    focus: float
    span_m: tuple[float, float]
    f_number: float
    grain: Grain
    lamps: Lamps


class Film:
    """Plans for frames that come in order; `state` is all that the next frame needs to know of those before."""

    def __init__(self, options: FilmOptions, state: Mapping[str, np.ndarray] | None = None) -> None:
        self._options, self._shot, self._frames, self.shots = options, None, 0, 0
        if state is not None:
            self._frames, self.shots = (int(n) for n in state["counts"])
            self._shot = _shot_of(state) if "picture" in state else None

    def plan(self, photo: Any, second: float, depth: Any = None) -> Plan:
        """The plan of the next frame; depth: a map of this frame, as for `render`. Raises CocnetError."""
        render = self._render_at(second)
        self._frames += 1
        if "depth" not in renderer_for(render).reads:
            return replace(prepare(photo, None, render), seed=self._frames)
        picture = opened_photo(photo, render)
        hand = given_by_hand(picture, render)
        view = _view(picture, VIEW_PX if render.preview else ESTIMATED_PX)
        found, exact = self._found(picture, view, depth, render, hand)
        now = self._moment(view, exact, render, hand)
        same = self._shot is not None and not is_cut(self._shot.moment, now)
        self.shots += not same
        before = self._shot if same and self._options.steady else None
        if before is None and hand.subject is None:
            focal_px = choose_camera(view, render).known_focal_px(view.width)
            found = placed_by_faces(found, view, render, focal_px)
        span = before.span_m if before else choose_span_m(found.depth, render)
        if exact is None:
            now = replace(now, inverse=_resized(found.depth.inverse_depth(*span), now.mask.shape))
        if before is not None:
            steady = steadied(before.moment, now, second - before.second)
            now = steady if exact is None else replace(steady, inverse=now.inverse)
        step = PREVIEW_STEP if render.preview and exact is None else 1
        rgb = np.ascontiguousarray(as_rgb8(picture.pixels)[::step, ::step])
        inverse = _edged(now.inverse, rgb, render) if exact is None else exact
        whole = self._surface(Scene(Photo(rgb), found, inverse, hand), now.mask, render)
        focus = self._focus(now, inverse, second, render, before, hand.subject is not None, whole is not None)
        scene = Scene(picture, found, _enlarged(inverse, step, picture), hand)
        if before is not None and render.blur is not None:
            render = render.changed(blur=None, f_number=before.f_number)
        plan = plan_at(scene, render, focus, _enlarged(whole, step, picture))
        grain = before.grain if before else Grain.of(picture)
        stop = plan.settings.f_number.value
        lights, lamps = self._lights(plan, second, before)
        self._shot = Shot(now, second, 1 / focus.distance.value, span, stop, grain, lamps)
        coarse = render.preview and picture.pixels.dtype == np.uint8
        return replace(plan, grain=grain, seed=self._frames, dithered=not coarse, lights=lights)

    @property
    def state(self) -> dict[str, np.ndarray]:
        """What `Film(options, state)` goes on from."""
        counts = {"counts": np.array([self._frames, self.shots])}
        shot = self._shot
        if shot is None:
            return counts
        numbers = np.array([shot.second, shot.focus, *shot.span_m, shot.f_number])
        return {
            **counts,
            **vars(shot.moment),
            "numbers": numbers,
            "grain": shot.grain.deviation,
            "lamps": shot.lamps,
        }

    def _lights(
        self, plan: Plan, second: float, before: Shot | None
    ) -> tuple[Lights | MappedLights | None, Lamps]:
        """The lights of a frame, steadied where they were found, and the lamps to remember."""
        lights = lights_of(plan)
        if not isinstance(lights, Lights) or not self._options.steady:
            return lights, NO_LAMPS
        if before is None:
            return steady_lights(lights, plan.photo, None, 0.0)
        return steady_lights(lights, plan.photo, before.lamps, second - before.second)

    def _render_at(self, second: float) -> RenderOptions:
        keys, render = self._options.aperture_keys, self._options.render
        return render.changed(f_number=f_number_at(keys, second)) if keys else render

    def _found(
        self, photo: Photo, view: Photo, depth: Any, render: RenderOptions, hand: ByHand
    ) -> tuple[FoundDepth, Plane | None]:
        """Depth as it is found, and inverse depth of the photo's size where it is given and needs no steadying."""
        seen = view if depth is None else photo
        focal_px = choose_camera(seen, render).known_focal_px(seen.width)
        found = find_depth(depth, seen, render, focal_px, hand.subject, look_for_faces=False)
        given = found.origin == "given" and not found.depth.kind.startswith("relative")
        return found, inverse_depth_of(found, photo, render) if given else None

    def _moment(self, view: Photo, exact: Plane | None, render: RenderOptions, hand: ByHand) -> Moment:
        """The frame as it is seen by itself; inverse depth that still has to be placed is 0."""
        size = working_size(view.height, view.width, VIEW_PX)
        mask = hand.subject
        if mask is None and self._options.follows:
            mask = find_subject(view, render)
        planes = [np.zeros(size, np.float32) if x is None else _resized(x, size) for x in (exact, mask)]
        return Moment(shrunk(view.pixels, size).numpy(), *planes)

    def _surface(self, scene: Scene, mask: Plane, render: RenderOptions) -> Plane | None:
        """The subject that is followed, as it is held in focus."""
        if not self._options.follows:
            return None
        subject = mask if scene.hand.subject is None else scene.hand.subject
        area_px = MASK_PREVIEW_PX if render.preview else MASK_PX
        return subject_surface(scene, subject, (), area_px, thin=False)

    def _focus(
        self,
        now: Moment,
        inverse: Plane,
        second: float,
        render: RenderOptions,
        before: Shot | None,
        drawn: bool,
        held: bool,
    ) -> Focus:
        """The distance in focus: between keys linear in 1/m; the subject's (found, or drawn by hand), followed, kept
        where it is lost."""
        if self._options.focus_keys:
            low, high, share = between(self._options.focus_keys, second)
            ends = [inverse_at(inverse, key.x, key.y) for key in (low, high)]
            return Focus(Resolved(1 / ((1 - share) * ends[0] + share * ends[1]), "keys"))
        if not self._options.follows:
            return choose_focus(inverse, render)
        if before is not None and masked_inverse(now.inverse, now.mask, **any_size(drawn)) is None:
            return Focus(Resolved(1 / before.focus, "auto: where the subject was"))
        found = choose_focus(now.inverse, render, now.mask, drawn=drawn, held=held)
        if before is None:
            return found
        share = 1 - math.exp(-(second - before.second) / FOLLOW_S)
        followed = before.focus + share * (1 / found.distance.value - before.focus)
        return Focus(Resolved(1 / followed, found.distance.origin))


def _shot_of(state: Mapping[str, np.ndarray]) -> Shot:
    moment = Moment(state["picture"], state["inverse"], state["mask"])
    second, focus, near, far, stop = (float(x) for x in state["numbers"])
    return Shot(moment, second, focus, (near, far), stop, Grain(state["grain"]), state["lamps"])


def _view(photo: Photo, area_px: int) -> Photo:
    """The photo as estimators see it: of at most so many px, in 8 bit."""
    rgb = as_rgb8(photo.pixels)
    size = working_size(photo.height, photo.width, area_px)
    small = (shrunk(rgb, size) * 255).round().byte().permute(1, 2, 0).contiguous().numpy()
    return Photo(small, camera=photo.camera)


def _resized(plane: Plane, size: tuple[int, ...]) -> Float32[np.ndarray, "i j"]:
    whole = torch.from_numpy(np.ascontiguousarray(plane, np.float32))[None, None]
    return functional.interpolate(whole, size, mode="bilinear", antialias=True)[0, 0].numpy()


def _edged(inverse: Plane, rgb: Rgb, render: RenderOptions) -> Plane:
    """Inverse depth at the picture's size, its edges on the picture's."""
    large = _resized(inverse, rgb.shape[:2])
    if render.refine_depth == "off":
        return large
    if not render.preview:
        return refine_inverse_depth(
            large, rgb, thin=False
        )  # what is thin would come and go from frame to frame
    return refine_inverse_depth(large, rgb, REACH_SHARE * min(rgb.shape[:2]), PREVIEW_PX, thin=False)


def _enlarged(plane: Plane | None, step: int, photo: Photo) -> Any:
    """Each value for step × step px of the photo; None stays, and what has the photo's size."""
    if plane is None or plane.shape == photo.pixels.shape[:2]:
        return plane
    return plane.repeat(step, 0).repeat(step, 1)[: photo.height, : photo.width]

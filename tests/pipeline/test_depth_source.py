"""Where depth without a scale is placed: by the largest face, unless somebody says how far away things are."""

from dataclasses import replace

import numpy as np
import pytest

from cocnet.depth.faces import Face
from cocnet.depth.placement import suggest_face_span_m
from cocnet.imaging import DepthMap, Photo
from cocnet.pipeline import depth_source
from cocnet.pipeline.depth_source import find_depth
from cocnet.pipeline.film import Film
from cocnet.pipeline.film_options import FilmOptions
from cocnet.pipeline.options import RenderOptions

FACE = Face(0.4, 0.2, 0.6, 0.5, 0.9)
SIZE = (96, 128)


@pytest.fixture
def photo(monkeypatch):
    monkeypatch.setattr(depth_source, "find_faces", lambda rgb: (FACE,))
    random = np.random.default_rng(0)
    return Photo(random.integers(0, 256, (*SIZE, 3), np.uint8))


@pytest.fixture
def disparity():
    values = np.linspace(0, 1, SIZE[1], dtype=np.float32)[None].repeat(SIZE[0], 0)
    return DepthMap.of(values, "relative_disparity", "a test")


def test_the_built_in_network_and_maps_without_distances_are_placed_by_a_face(photo, disparity):
    built_in = find_depth(None, photo, RenderOptions(estimator="builtin"))
    plain = find_depth(None, photo, RenderOptions(estimator="builtin"), look_for_faces=False)
    ignored = find_depth(None, photo, RenderOptions(estimator="builtin", depth_fit="stretch")).notes
    assert "--depth-fit: no effect on estimated depth" in ignored
    assert built_in.depth.span_m != plain.depth.span_m
    near, far = built_in.depth.span_m
    assert f"placed from {near:.3g} m to {far:.3g} m" in built_in.notes[-1]
    given = find_depth(disparity, photo, RenderOptions()).depth.span_m
    assert given == pytest.approx(suggest_face_span_m(0.5, 0.3, SIZE), rel=0.02)


def test_distances_that_are_known_stay(photo, disparity):
    own = replace(disparity, span_m=(3.0, 9.0))
    assert find_depth(own, photo, RenderOptions()).depth.span_m == (3.0, 9.0)
    assert find_depth(lambda rgb, focal_px=None: own, photo, RenderOptions()).depth.span_m == (3.0, 9.0)
    near = RenderOptions(near_m=2.0)
    assert (
        not find_depth(disparity, photo, near).chosen
        and find_depth(disparity, photo, near).depth.span_m is None
    )
    assert not find_depth(None, photo, RenderOptions(near_m=2.0, estimator="builtin")).chosen
    drawn = np.zeros(SIZE, np.float32)
    drawn[60:, :40] = 1
    with_face = find_depth(disparity, photo, RenderOptions()).depth.span_m
    assert find_depth(disparity, photo, RenderOptions(), subject=drawn).depth.span_m != with_face


def test_without_a_face_the_subject_decides(photo, disparity, monkeypatch):
    monkeypatch.setattr(depth_source, "find_faces", lambda rgb: ())
    found = find_depth(disparity, photo, RenderOptions())
    alone = find_depth(disparity, photo, RenderOptions(), look_for_faces=False)
    assert found.depth.span_m == alone.depth.span_m is not None


def test_a_films_shot_is_placed_by_the_face_of_its_first_frame(photo, monkeypatch):
    film = Film(FilmOptions(RenderOptions(estimator="builtin")))
    first = film.plan(photo, 0.0)
    monkeypatch.setattr(depth_source, "find_faces", lambda rgb: pytest.fail("a later frame needs no faces"))
    second = film.plan(photo, 0.04)
    assert second.settings.farthest_m == pytest.approx(first.settings.farthest_m, rel=0.01)
    assert first.settings.farthest_m == pytest.approx(suggest_face_span_m(0.5, 0.3, SIZE)[1], rel=0.05)

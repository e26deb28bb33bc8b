"""Anything callable plugs in; a bare array needs its kind; where depth comes from, in which order."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from cocnet.depth import builtin_depth, estimate, estimate_depth, list_estimators, make_estimator
from cocnet.depth.estimators import order as sources
from cocnet.depth.estimators.estimator import Estimator, as_rgb8
from cocnet.errors import CocnetError, DepthError, DownloadError, InputError, MissingExtraError
from cocnet.imaging import DepthMap, Photo
from cocnet.pipeline.render_photo import render


@pytest.fixture
def rgb():
    return np.random.default_rng(0).integers(0, 256, (24, 36, 3)).astype(np.uint8)


def slope(rgb, focal_px=None):
    """A bare array: metres that grow to the right."""
    return np.linspace(1, 5, rgb.shape[1])[None].repeat(rgb.shape[0], 0)


def typed(rgb, focal_px=None):
    return DepthMap.of(slope(rgb), "metric", "a ruler")


def test_a_callable_is_an_estimator(rgb):
    assert isinstance(typed, Estimator)
    depth = estimate(typed, rgb)
    assert depth.kind == "metric" and depth.source == "a ruler" and depth.values.shape == (24, 36)


def test_a_bare_array_needs_a_kind(rgb):
    with pytest.raises(DepthError, match="bare array from 'slope', try kind="):
        estimate(slope, rgb)
    depth = estimate(slope, rgb, kind="metric")
    assert depth.source == "estimated by slope"


def test_depth_of_another_size_comes_to_the_photo_and_another_aspect_is_refused(rgb):
    half = estimate(lambda rgb, focal_px=None: DepthMap.of(slope(rgb)[::2, ::2], "metric"), rgb)
    assert half.values.shape == (24, 36)
    with pytest.raises(DepthError, match="aspect"):
        estimate(lambda rgb, focal_px=None: DepthMap.of(slope(rgb).T, "metric"), rgb)


def test_render_takes_an_estimator_and_hands_it_a_known_focal_length(rgb):
    seen = []

    def watching(rgb, focal_px=None):
        seen.append(focal_px)
        return typed(rgb)

    result = render(rgb, watching, focus_m=2, refine_depth="off")
    assert result.settings.depth_source == "a ruler" and seen == [None]
    render(rgb, watching, focus_m=2, focal_length_mm=50, sensor_width_mm=25)
    assert seen[1] == pytest.approx(72)
    with pytest.raises(DepthError, match="bare array"):
        render(rgb, slope)


def test_order_plugged_in_then_the_built_in_one_with_reasons(rgb, monkeypatch):
    def broken(rgb, focal_px=None):
        raise DepthError("expected a battery, got none, try charging")

    def full(rgb, focal_px=None):
        raise RuntimeError("CUDA out of memory")

    points = [
        SimpleNamespace(name="a-broken", load=lambda: broken),
        SimpleNamespace(name="a-full", load=lambda: full),
        SimpleNamespace(name="b", load=lambda: typed),
    ]
    monkeypatch.setattr(sources, "entry_points", lambda group: points)
    found = estimate_depth(rgb)
    assert found.name == "b" and found.depth.source == "a ruler"
    assert found.notes[0] == "a-broken: expected a battery, got none, try charging"
    assert "'a-full', got 'CUDA out of memory'" in found.notes[1] and len(found.notes) == 2
    assert list_estimators()[:3] == ("a-broken", "a-full", "b")
    points.pop()
    found = estimate_depth(rgb)
    assert found.name == "builtin" and "estimated" in found.depth.source


def test_a_named_estimator_that_fails_is_an_error(rgb, monkeypatch):
    def bad():
        raise RuntimeError("boom\nboom")

    points = [SimpleNamespace(name="bad", load=bad), SimpleNamespace(name="number", load=lambda: 3)]
    monkeypatch.setattr(sources, "entry_points", lambda group: points)
    with pytest.raises(DepthError, match="'bad', got 'boom boom'"):
        estimate_depth(rgb, name="bad")
    with pytest.raises(DepthError, match="callable, got int"):
        make_estimator("number")
    with pytest.raises(DepthError, match="try one of auto, bad"):
        make_estimator("none")


@pytest.mark.parametrize("name", ["depth-pro", "moge-2", "rembg"])
def test_packages_that_are_missing_say_so(name):
    with pytest.raises(MissingExtraError, match="try"):
        make_estimator(name)


def test_every_kind_of_photo_is_taken_and_nonsense_refused(rgb):
    for photo in (rgb, rgb.astype(np.uint16) * 257, rgb / 255, torch.from_numpy(rgb / 255).permute(2, 0, 1)):
        assert np.array_equal(as_rgb8(photo), rgb)
    for photo in (
        rgb[..., 0],
        np.zeros((0, 4, 3), np.uint8),
        5,
        None,
        rgb.astype(complex),
        np.zeros((3, 4, 4)),
    ):
        with pytest.raises(InputError, match="one photo"):
            as_rgb8(photo)


def test_photos_are_those_that_render_takes(rgb, tmp_path):
    Image.fromarray(rgb).save(tmp_path / "a.png")
    for photo in (str(tmp_path / "a.png"), Image.fromarray(rgb), Photo(rgb)):
        assert np.array_equal(as_rgb8(photo), rgb)
        assert estimate_depth(photo, name="builtin").depth.values.shape == rgb.shape[:2]
        assert builtin_depth(photo).values.shape == rgb.shape[:2]


def test_errors_are_ours():
    assert issubclass(DepthError, CocnetError)


def test_a_missing_download_is_told_once(rgb, monkeypatch):
    """Not on every render: the cache folder remembers."""

    def missing(name):
        raise DownloadError("expected weights, got none offline")

    monkeypatch.setattr(sources, "_automatic", lambda: ["far-away"])
    monkeypatch.setattr(sources, "make_estimator", missing)
    assert estimate_depth(rgb).notes == ("far-away: expected weights, got none offline",)
    assert estimate_depth(rgb).notes == ()
    monkeypatch.setenv("COCNET_CACHE", "/proc/none")
    assert len(estimate_depth(rgb).notes) == len(estimate_depth(rgb).notes) == 1

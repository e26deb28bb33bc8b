"""Tiles are the whole."""

import pytest
import torch
from scenes import inverse_of, lens_of

from cocnet import Highlights, InputError, PhysicalRenderer, render_tiled
from cocnet.rendering import tiling


def scene(height, width):
    made = torch.Generator().manual_seed(5)
    image = torch.rand(1, 3, height // 8, width // 8, generator=made)
    image = torch.nn.functional.interpolate(image, size=(height, width), mode="bicubic").clamp(0, 1)
    x = torch.linspace(2, 14, height)[:, None].expand(1, 1, height, width).clone()
    for i in range(12):
        top, left = 37 * i % (height - 60), 91 * i % (width - 60)
        x[..., top : top + 50, left : left + 24] = -12 + 2 * i
    return image, x


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"highlights": Highlights()},
        {"lateral_ca": 0.004},
        {"lateral_ca": 0.15},
        {"cat_eye": 0.7},
        {"preview": True},
    ],
)
def test_tiles_equal_the_whole(options):
    height, width = 240, 400
    image, x = scene(height, width)
    of_renderer = {k: v for k, v in options.items() if k in ("highlights", "preview")}
    lens = lens_of(**{k: v for k, v in options.items() if k not in of_renderer})
    inverse = inverse_of(lens, x, width)
    reach = float(x.abs().max())
    renderer = PhysicalRenderer(lens, sharp_lights=True, max_radius_px=reach, **of_renderer)
    whole = renderer.from_inverse_depth(image, inverse)[0]
    out = torch.full_like(whole, torch.nan)
    calls = []

    def write(rows, columns, light):
        out[:, rows, columns] = light

    render_tiled(
        renderer,
        height,
        width,
        lambda rows, columns: (image[0, :, rows, columns], inverse[0, :, rows, columns]),
        write,
        reach,
        max_mem_mb=24,
        on_progress=lambda done, count: calls.append((done, count)),
    )
    assert len(calls) > 1 and calls[-1][0] == calls[-1][1]
    assert (out - whole).abs().max() < 1e-3


@pytest.mark.parametrize("radius", [40, 150, 400])
def test_tiles_of_large_blurs_begin_on_the_grid(radius, monkeypatch):
    """At 128 px they didn't: hidden background is carried in by cells of 256."""
    height, width = 704, 1408
    image, x = scene(height, width)
    lens, x = lens_of(), x * radius / 14
    inverse = inverse_of(lens, x, width)
    renderer = PhysicalRenderer(lens, sharp_lights=True, max_radius_px=float(x.abs().max()))
    whole = renderer.from_inverse_depth(image, inverse)[0]
    monkeypatch.setattr(tiling, "_cores", lambda *_: (384, 384))
    differences = []
    render_tiled(
        renderer,
        height,
        width,
        lambda rows, columns: (image[0, :, rows, columns], inverse[0, :, rows, columns]),
        lambda rows, columns, light: differences.append((light - whole[:, rows, columns]).abs().max()),
        float(x.abs().max()),
    )
    assert len(differences) == 8 and max(differences) < 1e-3


def test_work_grows_with_pixels_and_not_with_the_radius():
    """44 megapixels: up to 600 px of radius, four times the picture's pixels at most."""
    for radius in (10, 50, 96, 144, 200, 400, 600):
        margin = int(1.5 * radius + min(2 * radius, 256) + 16)
        cores = tiling._cores(5440, 8160, margin, None, 200)
        done = [sum(tiling._outer(n, core, margin, 256)) for n, core in zip((5440, 8160), cores, strict=True)]
        assert done[0] * done[1] < 4 * 5440 * 8160


def test_too_little_memory_says_how_much_is_needed():
    with pytest.raises(InputError, match="try --max-mem"):
        render_tiled(PhysicalRenderer(lens_of()), 4000, 6000, None, None, 100.0, max_mem_mb=1)


@pytest.mark.parametrize(
    "height, width, margin, bytes_, expected",
    [
        (3024, 4032, 384, 200, 4),
        (4032, 3024, 384, 200, 4),
        (1000, 1500, 384, 200, 1),
    ],
)
def test_tiles_are_as_few_as_the_memory_holds(height, width, margin, bytes_, expected):
    tall, wide = tiling._cores(height, width, margin, None, bytes_)
    assert -(-height // tall) * -(-width // wide) == expected


def test_a_bound_is_kept_where_it_can_be():
    tall, wide = tiling._cores(3024, 4032, 128, 300, 200)
    outer = [max(tiling._outer(*axis, 128, tiling.ALIGN)) for axis in ((3024, tall), (4032, wide))]
    assert outer[0] * outer[1] * 200 <= 300e6


def tiled(renderer, image, inverse, reach, core, monkeypatch):
    height, width = image.shape[-2:]
    monkeypatch.setattr(tiling, "_cores", lambda *_: core)
    out = torch.full_like(image[0], torch.nan)

    def write(rows, columns, light):
        out[:, rows, columns] = light

    render_tiled(renderer, height, width, lambda r, c: (image[0, :, r, c], inverse[0, :, r, c]), write, reach)
    return out


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("light", [1.6, 8.0])
def test_a_light_across_the_edge_of_a_tile_is_drawn_as_in_the_whole(light, preview, monkeypatch):
    """It is 60 px long: a tile that saw a part alone would draw that as a disc."""
    lens, reach = lens_of(), 6.0
    image, x = torch.full((1, 3, 64, 384), 0.1), torch.full((1, 1, 64, 384), reach)
    image[..., 30:33, 122:182] = light
    inverse = inverse_of(lens, x, 384)
    renderer = PhysicalRenderer(lens, sharp_lights=True, max_radius_px=reach, preview=preview)
    whole = renderer.from_inverse_depth(image, inverse)[0]
    assert (tiled(renderer, image, inverse, reach, (64, 128), monkeypatch) - whole).abs().max() < 1e-3


def test_the_renderer_s_own_bound_holds_in_tiles(monkeypatch):
    lens = lens_of()
    image, x = scene(128, 192)
    inverse = inverse_of(lens, x, 192)
    renderer = PhysicalRenderer(lens, max_radius_px=3.0, sharp_lights=False)
    whole = renderer.from_inverse_depth(image, inverse)[0]
    assert (tiled(renderer, image, inverse, 14.0, (64, 64), monkeypatch) - whole).abs().max() < 1e-3

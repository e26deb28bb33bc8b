"""False colours: dark blue to bright yellow, brighter with nearness, holes black."""

import numpy as np

from cocnet.imaging.depth.false_colour import depth_picture

FAR, NEAR = (13, 8, 60), (253, 253, 190)


def test_from_dark_blue_to_bright_yellow_in_even_steps():
    ramp = np.linspace(0.1, 1.0, 4001, dtype=np.float32)[None]
    colours = depth_picture(ramp)[0].astype(int)
    assert tuple(colours[0]) == FAR and tuple(colours[-1]) == NEAR
    luminance = colours @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(luminance) >= 0).all()
    assert np.abs(np.diff(colours, axis=0)).max() <= 4
    runs = np.diff(np.flatnonzero(np.abs(np.diff(colours, axis=0)).sum(1)))
    assert len(runs) > 245 and runs.min() >= 14 and runs.max() <= 17


def test_the_outermost_half_percent_saturates():
    values = np.linspace(0, 1, 2001, dtype=np.float32)
    wild = values.copy()
    wild[:5], wild[-5:] = -1e6, 1e6
    assert np.array_equal(depth_picture(wild[None]), depth_picture(values[None]))


def test_holes_are_black_and_a_flat_map_is_one_colour():
    assert not depth_picture(np.full((2, 3), np.nan, np.float32)).any()
    flat = depth_picture(np.full((2, 3), 0.3, np.float32))
    assert (flat == FAR).all()
    holed = np.array([[0.1, np.inf, 0.9]], np.float32)
    assert not depth_picture(holed)[0, 1].any() and tuple(depth_picture(holed)[0, 2]) == NEAR

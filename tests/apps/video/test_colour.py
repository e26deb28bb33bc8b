"""To RGB and back, a film's colours stay."""

from fractions import Fraction

import numpy as np
import pytest

from cocnet.apps.video.colour import frame_of, rgb_of
from cocnet.apps.video.reel import Look

av = pytest.importorskip("av", reason="the package av reads and writes films")


@pytest.mark.parametrize(("bits", "form"), [(8, "yuv420p"), (10, "yuv420p10le")])
@pytest.mark.parametrize("tags", [(1, 1), (5, 2)])
def test_colours_come_back_as_they_were(bits, form, tags):
    """Within RGB's rounding, and the brightness on average."""
    look = Look(96, 64, Fraction(24), Fraction(1, 24), bits, form, *tags)
    rng, off = np.random.default_rng(0), []
    for middle in rng.integers((90, 108, 108), (160, 148, 148), (40, 3)):
        codes = np.repeat(middle, (64, 16, 16))[:, None].repeat(96, 1) << bits - 8
        codes = codes.astype(np.uint8 if bits == 8 else np.uint16)
        back = frame_of(rgb_of(av.VideoFrame.from_ndarray(codes, form), look, (96, 64)), look).to_ndarray()
        off.append([(back[row] - codes[row].astype(float)).mean() / (1 << bits - 8) for row in (32, 72, 88)])
    assert np.abs(off).max() <= 1 and (np.abs(np.mean(off, 0)) < (0.4, 0.6, 0.6)).all()

"""The subject that is held in focus, with what is thin and its own."""

from types import SimpleNamespace

import numpy as np
import pytest

from cocnet.imaging import DepthMap
from cocnet.pipeline.one_surface import subject_surface


@pytest.mark.parametrize("thin", [True, False])
def test_a_whisker_is_held_with_its_subject(thin):
    """A line of 2 px from a block, in a mask of an eighth of the photo's size that doesn't show it."""
    pixels = np.full((256, 256, 3), 180, np.uint8)
    pixels[96:192, 64:160], pixels[140:142, 160:230] = 30, 30
    mask = np.zeros((32, 32), np.float32)
    mask[12:24, 8:20] = 1
    depth = DepthMap.of(np.ones((256, 256), np.float32), "relative_disparity", "made")
    scene = SimpleNamespace(
        photo=SimpleNamespace(pixels=pixels),
        found=SimpleNamespace(depth=depth, origin="estimated"),
        hand=SimpleNamespace(subject=None),
    )
    held = subject_surface(scene, mask, (), thin=thin)
    assert (held[96:192, 64:160] > 0.5).mean() > 0.98
    assert ((held[140:142, 164:228] > 0.5).mean() > 0.95) == thin
    assert (held[:90] < 0.5).all()

"""Captions: dark text in the middle of a white field."""

import numpy as np

from cocnet.imaging.photo.caption import caption


def test_text_is_dark_in_the_middle_of_white():
    drawn = caption("focus far", 36, 200)
    assert drawn.shape == (36, 200, 3) and drawn.dtype == np.uint8
    ink = drawn[..., 0] < 128
    rows, columns = np.nonzero(ink)
    assert abs(rows.mean() - 18) < 4 and abs(columns.mean() - 100) < 8 and 60 < np.ptp(columns) < 140
    assert (drawn[[0, -1]] == 255).all() and not np.array_equal(drawn, caption("focus fan", 36, 200))

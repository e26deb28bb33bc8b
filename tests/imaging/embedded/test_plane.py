"""A depth picture's codes as shares of their full scale, colour as its luma."""

import numpy as np
import pytest

from cocnet.imaging.embedded.plane import decode_plane


@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535)])
def test_codes_are_shares_of_full_scale(make, dtype, full):
    codes = np.array([[0, 1, full // 3], [full // 2, full - 1, full]], dtype)
    assert np.allclose(decode_plane(make.encoded(codes, "PNG")), codes / full, atol=1e-7)


@pytest.mark.parametrize("channel", range(3))
def test_colour_is_read_as_its_luma(make, channel):
    """Rec. 601, as in a JPEG's own Y."""
    colour = np.zeros((2, 2, 3), np.uint8)
    colour[..., channel] = 200
    luma = np.dot(colour / 255, (0.299, 0.587, 0.114))
    assert np.allclose(decode_plane(make.encoded(colour, "PNG")), luma, atol=1e-6)


def test_other_formats_are_refused(make):
    with pytest.raises(ValueError, match="can't be decoded"):
        decode_plane(make.encoded(np.zeros((2, 2), np.uint8), "BMP"))

"""Frames to RGB and back, by the matrix and the range that the film says it has.

Enters: a frame of FFmpeg, or pixels [h w 3] of uint8 or uint16. Leaves: the other. A film that doesn't say has BT.709
from 720 rows on, else BT.601, and limited range, as players take it.
"""

from typing import Any

import numpy as np
from jaxtyping import Shaped

from cocnet.apps.video.ffmpeg import pyav
from cocnet.apps.video.reel import Look

BT709, BT601 = 1, 5
HD_ROWS = 720
MATRICES = {
    1: BT709,
    4: 4,
    5: BT601,
    6: BT601,
    7: 7,
    9: 9,
    10: 9,
}  # FFmpeg's number of a matrix → its scaler's
LIMITED, FULL = 1, 2
EXACT = 0x4 | 0x2000 | 0x4000 | 0x40000  # FFmpeg's SWS_BICUBIC, FULL_CHR_H_INT, FULL_CHR_H_INP, ACCURATE_RND


def rgb_of(frame: Any, look: Look, size: tuple[int, int]) -> Shaped[np.ndarray, "h w 3"]:
    """The frame's pixels as uint8, or as uint16 where it has more than 8 bits; resized where the film's width and
    height change."""
    return frame.reformat(
        *size,
        format=_rgb(look),
        src_colorspace=_matrix(look),
        src_color_range=_range(look),
        dst_color_range="JPEG",
        interpolation=EXACT,
    ).to_ndarray()


def frame_of(pixels: Shaped[np.ndarray, "h w 3"], look: Look) -> Any:
    """A frame for the encoder."""
    frame = pyav().VideoFrame.from_ndarray(np.ascontiguousarray(pixels), _rgb(look))
    return frame.reformat(
        format=look.pixel_format,
        dst_colorspace=_matrix(look),
        src_color_range="JPEG",
        dst_color_range=_range(look),
        interpolation=EXACT,
    )


def usual_matrix(width: int, height: int) -> int:
    """The matrix of a film of this size that doesn't say."""
    return BT709 if min(width, height) >= HD_ROWS else BT601


def _rgb(look: Look) -> str:
    return "rgb24" if look.bits == 8 else "rgb48le"


def _matrix(look: Look) -> int:
    return MATRICES.get(look.matrix, usual_matrix(look.width, look.height))


def _range(look: Look) -> str:
    return "JPEG" if look.range == FULL else "MPEG"

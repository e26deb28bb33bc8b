"""How a film's display matrix turns and mirrors its frames.

Enters: a frame of FFmpeg; pixels [h w 3] as stored. Leaves: the pixels as they are shown.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Shaped


@dataclass(frozen=True)
class Turn:
    """Whether rows become columns, and the directions that rows and columns are then read in: 1 or -1."""

    sideways: bool = False
    down: int = 1
    right: int = 1

    @classmethod
    def of(cls, frame: Any) -> "Turn":
        """From x' = a x + c y, y' = b x + d y, to the nearest quarter of a turn."""
        matrix = frame.side_data.get("DISPLAYMATRIX")
        if matrix is None:
            return cls()
        a, b, _, c, d = struct.unpack_from("=5i", bytes(matrix))
        sideways = abs(b) + abs(c) > abs(a) + abs(d)
        down, right = (b, c) if sideways else (d, a)
        return cls(sideways, -1 if down < 0 else 1, -1 if right < 0 else 1)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height after turning, or, of what is turned, before."""
        return (height, width) if self.sideways else (width, height)

    def shown(self, pixels: Shaped[np.ndarray, "i j 3"]) -> Shaped[np.ndarray, "h w 3"]:
        """The pixels as they are shown."""
        upright = pixels.swapaxes(0, 1) if self.sideways else pixels
        return np.ascontiguousarray(upright[:: self.down, :: self.right])

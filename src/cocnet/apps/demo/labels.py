"""Captions on a contact sheet: capitals, digits and a few signs, 5 × 7 dots, without any font file.

Enters: text. Leaves: uint8 pixels [h w 3], dark on white.
"""

import numpy as np
from jaxtyping import UInt8

_ROWS = {
    "A": "0E11111F111111",
    "C": "0E11101010110E",
    "D": "1E11111111111E",
    "E": "1F10101E10101F",
    "F": "1F10101E101010",
    "G": "0E11101711110F",
    "H": "1111111F111111",
    "I": "0E04040404040E",
    "L": "1010101010101F",
    "M": "111B1515111111",
    "N": "11191513111111",
    "O": "0E11111111110E",
    "P": "1E11111E101010",
    "R": "1E11111E141211",
    "S": "0F10100E01011E",
    "T": "1F040404040404",
    "U": "1111111111110E",
    "0": "0E11131519110E",
    "1": "040C040404040E",
    "2": "0E11010204081F",
    "3": "1F02040201110E",
    "4": "02060A121F0202",
    "5": "1F101E0101110E",
    "6": "0608101E11110E",
    "7": "1F010204080808",
    "8": "0E11110E11110E",
    "9": "0E11110F01020C",
    "/": "00010204081000",
    ".": "00000000000C0C",
}


def label(text: str, height: int, width: int, scale: int = 3) -> UInt8[np.ndarray, "h w 3"]:
    """Text in the middle of a white field of height × width px; what has no glyph stays blank."""
    dots = np.concatenate([_glyph(letter) for letter in text.upper()], axis=1)[:, :-1]
    ink = np.kron(dots, np.ones((scale, scale), bool))[:height, :width]
    field = np.full((height, width, 3), 255, np.uint8)
    top, left = (height - ink.shape[0]) // 2, (width - ink.shape[1]) // 2
    field[top : top + ink.shape[0], left : left + ink.shape[1]][ink] = 40
    return field


def _glyph(letter: str) -> np.ndarray:
    """Seven rows of five dots and a blank column, bool [7 6]."""
    rows = bytes.fromhex(_ROWS.get(letter, "00" * 7))
    return np.array([[row >> bit & 1 for bit in (4, 3, 2, 1, 0)] + [0] for row in rows], bool)

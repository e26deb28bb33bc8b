"""Depth in a phone maker's own format behind the picture, which can be named but not read.

Enters: the bytes of a photo. Leaves: the maker's name, None where no such depth is seen.
"""

_LOOKED_AT_BYTES = 64_000_000
_MARKS = (
    (b"DualShot_", "Samsung"),
    (b"SingleShot_", "Samsung"),
    (b"SingeShot_", "Samsung"),  # as its phones spell it
    (b"\x00edof", "Huawei"),
    (b"edof\x00", "Huawei"),
    (b"PMPD", "Xiaomi"),
    (b"depthlength", "Xiaomi"),
)
_XIAOMI_XMP = (b"ns.xiaomi.com/photos/1.0/camera", b"depthmap")


def maker_of_trailer(data: bytes, picture_end: int) -> str | None:
    """Whose depth follows the picture's end, by the marks that makers leave there or in the photo's XMP."""
    start = max(picture_end, len(data) - _LOOKED_AT_BYTES)
    found = next((maker for mark, maker in _MARKS if data.find(mark, start) >= 0), None)
    in_xmp = all(data.find(mark, 0, picture_end) >= 0 for mark in _XIAOMI_XMP)
    return found or ("Xiaomi" if in_xmp and picture_end < len(data) else None)

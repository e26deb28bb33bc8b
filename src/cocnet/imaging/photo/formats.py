"""Which format a file is, by its bytes and never by its name alone; camera raw files by name.

Enters: the first bytes of a file, its whole bytes where those are a TIFF. Leaves: a format's name. Sources: TIFF 6.0,
DNG 1.7 (tag 50706, photometric 32803 and 34892), ISO/IEC 14496-12 (brands).
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

RAW = "a camera raw file"
PHOTO_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif"),
    *(".avif", ".jxl", ".jp2", ".bmp", ".ppm"),
)
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"IIRO", f"{RAW} (ORF)"),
    (b"IIRS", f"{RAW} (ORF)"),
    (b"MMOR", f"{RAW} (ORF)"),
    (b"IIU\x00", f"{RAW} (RW2)"),
    (b"FUJIFILMCCD-RAW", f"{RAW} (RAF)"),
    (b"FOVb", f"{RAW} (X3F)"),
    (b"\x00MRM", f"{RAW} (MRW)"),
    (b"II\x1a\x00\x00\x00HEAPCCDR", f"{RAW} (CRW)"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"%PDF", "PDF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"\xff\x0a", "JXL"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JXL"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG2000"),
    *((b"P%d%c" % (kind, space), "PPM") for kind in range(1, 7) for space in b" \t\r\n"),
    (b"v/1\x01", "EXR"),
)
_RAW_SUFFIXES = (
    *(
        "3fr",
        "arw",
        "cr2",
        "cr3",
        "crw",
        "dcr",
        "dng",
        "erf",
        "fff",
        "iiq",
        "k25",
        "kdc",
        "mef",
        "mos",
        "mrw",
    ),
    *("nef", "nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f"),
)
_MAKERS = (("NIKON", "NEF"), ("SONY", "ARW"), ("PENTAX", "PEF"), ("SAMSUNG", "SRW"), ("Hasselblad", "3FR"))
_MAKE, _PHOTOMETRIC, _SUBIFDS, _DNG = 0x010F, 0x0106, 0x014A, 0xC612
_OF_A_SENSOR = (32803, 34892)
_MOST_DIRECTORIES, _MOST_ENTRIES = 16, 400
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 13: 4}


def sniff(stream: BinaryIO, suffix: str = "") -> str:
    """Name a format by its bytes; the suffix helps only to name a raw file that is built as a TIFF."""
    stream.seek(0)
    head = stream.read(512)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _by_brand(head[8:12])
    if b"<svg" in head or head.lstrip().startswith(b"<?xml"):
        return "SVG"
    name = next((name for magic, name in _SIGNATURES if head.startswith(magic)), "an unknown format")
    return (_raw_tiff(stream, head, suffix) or name) if name == "TIFF" else name


def is_raw(suffix: str) -> bool:
    """Whether a name's ending (".nef") is a camera raw file's."""
    return suffix.lower().lstrip(".") in _RAW_SUFFIXES


def _by_brand(brand: bytes) -> str:
    if brand == b"crx ":
        return f"{RAW} (CR3)"
    return "HEIC" if brand in _HEIF_BRANDS else "AVIF" if brand[:3] == b"avi" else "a video"


def _raw_tiff(stream: BinaryIO, head: bytes, suffix: str) -> str | None:
    """A raw file's name where a TIFF holds a sensor's mosaic, else None: what opens would be its thumbnail."""
    if head[8:10] == b"CR":
        return f"{RAW} (CR2)"
    order, make, found = "<" if head[:2] == b"II" else ">", b"", None
    for tag, values in _tags(stream, order):
        if tag == _DNG:
            return f"{RAW} (DNG)"
        if tag == _MAKE and not make:
            make = bytes(values)
        if tag == _PHOTOMETRIC and values and values[0] in _OF_A_SENSOR:
            found = next((name for maker, name in _MAKERS if maker.encode().lower() in make.lower()), "TIFF")
    if found is None and not is_raw(suffix):
        return None
    return f"{RAW} ({suffix.lstrip('.').upper() if is_raw(suffix) else found})"


def _tags(stream: BinaryIO, order: str) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(tag, values) of a classic TIFF's directories and those below them, bounded; damage ends the walk."""
    stream.seek(4)
    queue, seen = [_numbers(stream, order + "I", 4)], set[int]()
    starts = [start for found in queue for start in found]
    while starts and len(seen) < _MOST_DIRECTORIES:
        start = starts.pop(0)
        if start < 8 or start in seen:
            continue
        seen.add(start)
        stream.seek(start)
        count = min((*_numbers(stream, order + "H", 2), 0)[0], _MOST_ENTRIES)
        table = stream.read(12 * count + 4)
        for at in range(0, len(table) - 11, 12):
            tag, values = _entry(stream, order, table[at : at + 12])
            if tag == _SUBIFDS:
                starts += values
            yield tag, values
        starts += _numbers_of(order + "I", table[12 * count :])


def _entry(stream: BinaryIO, order: str, entry: bytes) -> tuple[int, tuple[int, ...]]:
    tag, kind, count = struct.unpack_from(order + "HHI", entry)
    size = _SIZES.get(kind, 0) * count
    if tag not in (_MAKE, _PHOTOMETRIC, _SUBIFDS, _DNG) or not 0 < size <= 1024:
        return tag, ()
    data = entry[8 : 8 + size]
    if size > 4:
        stream.seek(struct.unpack_from(order + "I", entry, 8)[0])
        data = stream.read(size)
    letter = {1: "B", 2: "B", 3: "H"}.get(kind, "I")
    return tag, _numbers_of(f"{order}{count}{letter}", data)


def _numbers(stream: BinaryIO, form: str, size: int) -> tuple[int, ...]:
    return _numbers_of(form, stream.read(size))


def _numbers_of(form: str, data: bytes) -> tuple[int, ...]:
    return struct.unpack(form, data) if len(data) == struct.calcsize(form) else ()

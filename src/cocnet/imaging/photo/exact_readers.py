"""What Pillow alone reads less than exactly: 16-bit colour, HEIC, TIFF's layouts.

Enters: an opened source. Leaves: arrays as stored, with what the file says of them, or an error of any type: the
caller's border names the file.
"""

import importlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt16
from PIL import Image

from cocnet.containers.completeness import TiffLayout
from cocnet.containers.isobmff import HeifItems, read_items
from cocnet.errors import FileError, MissingExtraError
from cocnet.files.quiet import quiet_logger, quiet_stderr
from cocnet.imaging.photo.limits import check_memory
from cocnet.imaging.photo.orientation import upright
from cocnet.imaging.photo.source import Source

# Pillow's name of a 16-bit layout → the layouts that give its high and its low bytes (None: both at once)
WIDE_PNG: dict[str, tuple[str, str | None]] = {
    "RGB;16B": ("RGB;16B", "RGB;16L"),
    "RGBA;16B": ("RGBA;16B", "RGBA;16L"),
    "LA;16B": ("RGBA", None),
}
CheckSize = Callable[[int, int, int], None]
_ASSOCIATED, _UNASSOCIATED = 1, 2
_DEPTH_ITEMS = (b"urn:mpeg:hevc:2015:auxid:2", b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth")


def require(module: str, extra: str, purpose: str) -> Any:
    """Import an optional package; raises MissingExtraError naming the extra that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"expected the package {module} for {purpose}, got none, try: pip install 'cocnet[{extra}]'"
        ) from error


def ppm_white(image: Any) -> int:
    """The code of white in Pillow's PPM of colours, 255 in others."""
    args = image.tile[0].args
    return int(args[1]) if image.mode == "RGB" and isinstance(args, tuple) else 255


def wide_ppm(image: Any, data: bytes) -> UInt16[np.ndarray, "h w 3"]:
    """Colour PPM of more than 8 bits, which Pillow cuts to 8, as text or as bytes; white becomes 65535."""
    start, count = image.tile[0].offset, image.width * image.height * 3
    if image.tile[0].codec_name == "ppm_plain":
        codes = np.fromstring(re.sub(rb"#[^\r\n]*", b"", data[start:]), np.int64, count, sep=" ")
    else:
        codes = np.frombuffer(data, ">u2", count, start)
    white = ppm_white(image)
    table = np.rint(np.arange(65536).clip(max=white) * (65535 / white)).astype(np.uint16)
    return table[codes].reshape(image.height, image.width, 3)


def is_wide_tiff(image: Image.Image) -> bool:
    """True for a TIFF of several channels with more than 8 bits each, which Pillow would cut to 8."""
    return max(tiff_bits(image)) > 8 and len(image.getbands()) > 1


def tiff_bits(image: Image.Image) -> tuple[int, ...]:
    """Bits of each channel of Pillow's TIFF."""
    bits = image.tag_v2.get(258, (1,)) if hasattr(image, "tag_v2") else (1,)
    return bits if isinstance(bits, tuple) else (bits,)


def tiff_layout(image: Any) -> TiffLayout:
    """Where Pillow's TIFF has its picture data, by its own tags."""
    tags = image.tag_v2

    def numbers(tag: int) -> tuple[int, ...]:
        value = tags.get(tag, ())
        return tuple(value) if isinstance(value, tuple) else (value,)

    tiled = 324 in tags
    planes = int(tags.get(277, 1)) if tags.get(284, 1) == 2 else 1
    bits = numbers(258) or (1,)
    samples = int(tags.get(277, 1)) // planes
    offsets, counts = numbers(324 if tiled else 273), numbers(325 if tiled else 279)
    compressed = tags.get(259, 1) != 1 or tags.get(262) == 6
    rows = int(tags.get(323 if tiled else 278, image.height))
    if not counts and len(offsets) == 1:
        counts = (1 << 40,)
    return TiffLayout(
        *(int(tags[256]), int(tags[257]), int(max(bits)) * max(samples, 1), planes, rows),
        *(int(tags[322]) if tiled else None, offsets, counts, compressed),
    )


def tiff_faults(said: str) -> list[str]:
    """The lines that libtiff printed about its JPEG decoder: some of its failures raise no error."""
    return [line for line in said.splitlines() if line.startswith("JPEGLib")]


def read_wide_tiff(source: Source, check: CheckSize) -> tuple[np.ndarray, bytes | None, int]:
    """Read the first page of a TIFF that Pillow would cut to 8 bit or can't read; needs the extra `tiff`.

    Returns pixels [h w c] as stored, with plain alpha and white as the largest code, profile and orientation;
    `check(width, height, bytes a pixel)` may refuse the size.
    """
    tifffile = require("tifffile", "tiff", "16-bit colour TIFF")
    require("imagecodecs", "tiff", "16-bit colour TIFF")
    quiet_logger("tifffile")
    source.stream.seek(0)
    with tifffile.TiffFile(source.stream) as tiff:
        page = tiff.pages[0]
        size, photometric = np.dtype(page.dtype or np.uint8).itemsize, page.photometric.name
        check(page.imagewidth, page.imagelength, size * page.samplesperpixel)
        got = f"{page.dtype} {photometric} {page.axes}"
        if page.dtype not in (np.uint8, np.uint16) or photometric not in ("RGB", "MINISBLACK", "MINISWHITE"):
            raise FileError(f"expected 8 or 16 bit RGB or grey, got {got} in '{source.name}', try PNG")
        _page_layout(page).check(source.size)
        with quiet_stderr():
            pixels: np.ndarray = page.asarray()
        icc, turn = (page.tags[tag].value if tag in page.tags else None for tag in (34675, 274))
    pixels = np.moveaxis(pixels, 0, -1) if page.axes.startswith("S") else pixels
    pixels = (pixels[..., None] if pixels.ndim == 2 else pixels).astype(pixels.dtype.newbyteorder("="))
    return _plain(pixels, photometric, tuple(int(e) for e in page.extrasamples)), icc, int(turn or 1)


def read_grey_tiff(source: Source, check: CheckSize) -> Shaped[np.ndarray, "h w"]:
    """Read the first page of a TIFF of one channel of any type, upright; needs the extra `tiff`."""
    tifffile = require("tifffile", "tiff", "TIFF of such numbers")
    require("imagecodecs", "tiff", "TIFF of such numbers")
    quiet_logger("tifffile")
    source.stream.seek(0)
    with tifffile.TiffFile(source.stream) as tiff:
        page = tiff.pages[0]
        if page.samplesperpixel != 1 or page.dtype is None or page.dtype.kind not in "fiu":
            got = f"{page.samplesperpixel} channels of {page.dtype}"
            raise FileError(f"expected one channel of numbers, got {got} in '{source.name}', try one channel")
        check(page.imagewidth, page.imagelength, page.dtype.itemsize)
        _page_layout(page).check(source.size)
        with quiet_stderr():
            pixels: np.ndarray = page.asarray()
        turn = page.tags[274].value if 274 in page.tags else 1
    return upright(pixels.astype(pixels.dtype.newbyteorder("=")), int(turn))


def _page_layout(page: Any) -> TiffLayout:
    planes = page.samplesperpixel if page.planarconfig == 2 and page.samplesperpixel > 1 else 1
    return TiffLayout(
        width=page.imagewidth,
        height=page.imagelength,
        pixel_bits=page.bitspersample * (page.samplesperpixel // planes),
        planes=planes,
        rows=page.tilelength if page.is_tiled else page.rowsperstrip,
        columns=page.tilewidth if page.is_tiled else None,
        offsets=page.dataoffsets,
        counts=page.databytecounts,
        compressed=page.compression != 1,
    )


def _plain(
    pixels: Shaped[np.ndarray, "h w c"], photometric: str, extras: tuple[int, ...]
) -> Shaped[np.ndarray, "h w c2"]:
    """Colour, with the first extra channel that is an opacity: white the largest code, colour not yet multiplied."""
    base = 3 if photometric == "RGB" else 1
    color = pixels[..., :base]
    if photometric == "MINISWHITE":
        color = np.iinfo(pixels.dtype).max - color
    which = next((i for i, extra in enumerate(extras) if extra in (_ASSOCIATED, _UNASSOCIATED)), None)
    if which is None or pixels.shape[2] <= base + which:
        return np.ascontiguousarray(color)
    alpha = pixels[..., base + which, None]
    if extras[which] == _ASSOCIATED:
        color = unmultiplied(color, alpha)
    return np.concatenate([color, alpha], axis=2)


def unmultiplied(
    color: Shaped[np.ndarray, "h w c"], alpha: Shaped[np.ndarray, "h w 1"]
) -> Shaped[np.ndarray, "h w c"]:
    """Colour that was stored multiplied by its opacity, divided by it again; 0 where nothing is opaque."""
    top = np.iinfo(color.dtype).max
    out = np.empty_like(color)
    for row in range(0, color.shape[0], 256):
        part, cover = color[row : row + 256].astype(np.uint64), alpha[row : row + 256].astype(np.uint64)
        whole = (part * top + cover // 2) // np.maximum(cover, 1)
        out[row : row + 256] = np.where(cover > 0, np.minimum(whole, top), 0)
    return out


def open_heif(data: bytes) -> tuple[Any, HeifItems]:
    """Open a HEIC's primary picture without decoding it, all its parts there; needs the extra `heif`.

    Depth of a kind that libheif doesn't know makes it refuse the file: it is hidden from it, and info says so.
    """
    pillow_heif = require("pillow_heif", "heif", "HEIC photos")
    items = read_items(data)
    items.check(len(data))
    items.check_ends(data)
    try:
        return pillow_heif.open_heif(data, convert_hdr_to_8bit=False), items
    except ValueError as error:
        if "depth representation" not in str(error):
            raise
        heif = pillow_heif.open_heif(_without_depth(data), convert_hdr_to_8bit=False)
        heif.info["unreadable_depth"] = str(error)
        return heif, items


def _without_depth(heic: bytes) -> bytes:
    """The same file with its depth under a name that no decoder knows."""
    for name in _DEPTH_ITEMS:
        heic = heic.replace(name, name[:-1] + b"?")
    return heic


def heif_pixels(heif: Any, data: bytes, items: HeifItems) -> Shaped[np.ndarray, "h w *c"]:
    """Decode the picture. Where a tile is of one colour each is decoded alone, too: broken ones are left blank
    without a word in the whole, but raise by themselves."""
    pixels = np.asarray(heif)
    if len(items.tiles) > 1 and _has_blank_tile(pixels, heif.info.get("tiling") or {}):
        pillow_heif = require("pillow_heif", "heif", "HEIC photos")
        data = _without_depth(data)
        for item in items.tiles:
            np.asarray(pillow_heif.open_heif(items.with_primary(data, item)))
    if heif.mode.split(";")[0].endswith("a"):
        pixels = np.concatenate([unmultiplied(pixels[..., :-1], pixels[..., -1:]), pixels[..., -1:]], axis=2)
    return pixels


def _has_blank_tile(pixels: np.ndarray, tiling: dict[str, int]) -> bool:
    """Whether a tile is of one colour, however the picture was turned since; True where its grid isn't known."""
    size = tiling.get("image_height"), tiling.get("image_width")
    views = [np.rot90(view, turn) for view in (pixels, pixels[:, ::-1]) for turn in range(4)]
    views = [view for view in views if view.shape[:2] == size]
    wide, high = tiling.get("tile_width") or pixels.shape[1], tiling.get("tile_height") or pixels.shape[0]
    tiles = (
        view[top : top + high, left : left + wide]
        for view in views
        for top in range(0, view.shape[0], high)
        for left in range(0, view.shape[1], wide)
    )
    return not views or any((t[0, 0] == t[-1, -1]).all() and (t == t[:1, :1]).all() for t in tiles)


def heif_item(data: bytes, items: HeifItems, item: int, max_bytes: int) -> Shaped[np.ndarray, "h w *c"]:
    """Decode another picture of a HEIC than its main one, turned as the file says. Raises FileError, ValueError."""
    pillow_heif = require("pillow_heif", "heif", "HEIC photos")
    heif = pillow_heif.open_heif(items.with_primary(_without_depth(data), item), convert_hdr_to_8bit=False)
    (width, height), channels = heif.size, len(heif.mode.split(";")[0])
    check_memory(width, height, channels, "its further picture", len(data), max_bytes)
    return np.asarray(heif)


def heif_losses(heif: Any, items: HeifItems) -> list[str]:
    """Say what of a HEIC is not carried over: further pictures, mattes, gain map."""
    notes = []
    if len(heif) > 1:
        notes.append("holds several frames; only the main one is used")
    if any("matte" in str(name).lower() for name in heif.info.get("aux", {})):
        notes.append("its portrait mattes (subject, hair, skin) aren't used; edges are found in the picture")
    derived = any(kind == b"tmap" for kind, _ in items.made_of.values())
    if derived or any("gainmap" in name for name in heif.info.get("aux", {})):
        notes.append("its HDR gain map isn't kept; the picture is the standard one")
    return notes

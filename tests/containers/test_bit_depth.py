"""More bits than are read are told."""

import io

import numpy as np
import pytest
from PIL import Image

from cocnet.containers.bit_depth import avif_bits, jpeg2000_bits
from cocnet.errors import CocnetWarning
from cocnet.imaging import read_photo

WIDE = (np.arange(32 * 32, dtype=np.uint16) * 60).reshape(32, 32)


def encoded(picture, form):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, form)
    return stream.getvalue()


def test_avif_of_10_bit():
    heif = pytest.importorskip("pillow_heif")
    imagecodecs = pytest.importorskip("imagecodecs")
    del heif
    colour = np.stack([WIDE >> 6] * 3, -1).astype(np.uint16)
    data = imagecodecs.avif_encode(colour, bitspersample=10)
    assert avif_bits(data) == 10
    with pytest.warns(CocnetWarning, match="has 10 bits a channel, of which 8 are read"):
        assert read_photo(data).pixels.dtype == np.uint8


def test_jpeg_2000_of_16_bit():
    imagecodecs = pytest.importorskip("imagecodecs")
    data = imagecodecs.jpeg2k_encode(np.stack([WIDE] * 3, -1), level=0)
    assert jpeg2000_bits(data) == 16
    with pytest.warns(CocnetWarning, match="has 16 bits"):
        assert read_photo(data).pixels.dtype == np.uint8


@pytest.mark.parametrize(("form", "bits"), [("AVIF", avif_bits), ("JPEG2000", jpeg2000_bits)])
def test_8_bit_needs_no_note(form, bits):
    data = encoded(np.stack([WIDE >> 8] * 3, -1).astype(np.uint8), form)
    assert bits(data) == 8 and bits(b"") == 8 and bits(data[:60]) == 8
    read_photo(data)


@pytest.mark.parametrize(
    ("flags", "bits"), [(0x00, 8), (0x40, 10), (0x60, 12), (0x20, 8), (0x1F, 8), (0x5F, 10)]
)
def test_av1_says_high_bit_depth_and_twelve_bit(flags, bits):
    """av1C: marker and version 0x81, profile and level, then tier, high_bitdepth, twelve_bit, …"""
    assert avif_bits(b"..av1C\x81\x60" + bytes((flags,))) == bits
    assert avif_bits(b"av1C\x81\x60" + bytes((flags,)) + bytes(9)) == bits
    assert avif_bits(b"..av1C\x80\x60" + bytes((flags,))) == 8
    assert avif_bits(b"..av1C\x81\x60") == 8


@pytest.mark.parametrize("bits", [1, 8, 12, 16, 38])
@pytest.mark.parametrize("signed", [0, 0x80])
def test_jpeg_2000_says_bits_less_one(bits, signed):
    """SIZ: Rsiz to YTOsiz are 34 bytes behind its length, Csiz two, then Ssiz of each component."""
    size = b"\xff\x4f\xff\x51" + bytes(2 + 34 + 2) + bytes((signed | bits - 1,))
    assert jpeg2000_bits(size) == jpeg2000_bits(b"box" + size + b"\x01\x01") == bits
    assert jpeg2000_bits(size[:-1]) == 8

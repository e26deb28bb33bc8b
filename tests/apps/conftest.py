"""Small photos and depth maps made on the spot, and the command line run in this process."""

import base64
import io
import struct
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from cocnet.apps.cli.main import main


@dataclass
class Outcome:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def errors(self):
        """Lines as a terminal shows them at last: a bar of slow work has been overwritten."""
        shown = (line.rpartition("\r")[2] for line in self.err.split("\n"))
        return [line for line in shown if line and not line.startswith("note: ")]


class Files:
    """Builders that write into one folder and return paths."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, name, data):
        (self.folder / name).write_bytes(data)
        return self.folder / name

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())

    def photo(self, name="photo.jpg", height=18, width=24, mode="RGB", **settings):
        rows, columns = np.mgrid[0:height, 0:width]
        rgb = np.stack([rows * 9 + 40, columns * 7 + 30, (rows * columns) % 200], axis=-1).astype(np.uint8)
        image = Image.fromarray(rgb)
        if mode == "RGBA":
            image.putalpha(Image.fromarray((columns * 9).astype(np.uint8)))
        image.convert(mode).save(self.folder / name, **settings)
        return self.folder / name

    def depth(self, name="depth.npy", height=18, width=24, near=1.5, far=6.0):
        """Near on the left, far on the right, metres."""
        halves = np.where(np.arange(width) < width / 2, near, far)
        np.save(self.folder / name, np.tile(halves, (height, 1)).astype(np.float32))
        return self.folder / name

    def gdepth(self, name="phone.jpg", near="1", far="5", data=None, xmp=None, **settings):
        """A 24 × 18 JPEG with a 4 × 3 GDepth map, near on the left as stored."""
        stream = io.BytesIO()
        codes = np.tile(np.array([0, 0, 255, 255], np.uint8), (3, 1))
        Image.fromarray(codes).save(stream, "PNG")
        text = base64.b64encode(stream.getvalue()).decode() if data is None else data
        body = (
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            '<rdf:Description xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" '
            f'GDepth:Format="RangeLinear" GDepth:Near="{near}" GDepth:Far="{far}" GDepth:Units="m" '
            f'GDepth:Mime="image/png" GDepth:Data="{text}"/></rdf:RDF></x:xmpmeta>'
        )
        return self.photo(name, xmp=body.encode() if xmp is None else xmp, **settings)


def exif(*entries, order="<"):
    """An EXIF block with fractions (tag, top, bottom) in its EXIF directory."""
    head = b"Exif\x00\x00II*\x00" + struct.pack("<I", 8)
    main_directory = struct.pack("<HHHII", 1, 0x8769, 4, 1, 26) + bytes(4)
    start = 26 + 2 + 12 * len(entries) + 4
    table, data = struct.pack("<H", len(entries)), b""
    for tag, kind, *values in sorted(entries):
        if kind == 3:
            table += struct.pack("<HHIHH", tag, 3, 1, values[0], 0)
        else:
            table += struct.pack("<HHII", tag, kind, 1, start + len(data))
            data += struct.pack("<ii", *values)
    return head + main_directory + table + bytes(4) + data


def huge_png():
    """A few hundred bytes that claim 50,000 × 50,000 pixels."""

    def chunk(name, body):
        import zlib

        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x\x9c\x03\x00") + chunk(b"IEND", b"")
    )


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.fixture
def make_exif():
    return exif


@pytest.fixture
def bomb_png():
    return huge_png()


@pytest.fixture
def run(capsys):
    """Run `cocnet` with arguments; returns an Outcome."""

    def call(*arguments):
        code = main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call

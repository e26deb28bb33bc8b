"""Photo files made on the spot (profiles, EXIF blocks, JPEGs with phone depth); fixtures that hand them to tests."""

import base64
import io
import struct

import numpy as np
import pytest
from PIL import Image

from cocnet.imaging.photo.photo import read_photo


def make_icc(curves, space=b"RGB "):
    """A minimal ICC profile with the given curve blobs: three for RGB, one for GRAY."""
    names = (b"kTRC",) if space == b"GRAY" else (b"rTRC", b"gTRC", b"bTRC")
    blobs = [curve + bytes(-len(curve) % 4) for curve in curves]
    start = 132 + 12 * len(names)
    table, body = struct.pack(">I", len(names)), b""
    for name, blob in zip(names, blobs, strict=True):
        table += struct.pack(">4sII", name, start + len(body), len(blob))
        body += blob
    head = bytearray(128)
    struct.pack_into(">I", head, 0, start + len(body))
    head[8:12], head[12:24], head[36:40] = b"\x04\x30\x00\x00", b"mntr" + space + b"XYZ ", b"acsp"
    return bytes(head) + table + body


def curv(*values):
    return b"curv" + bytes(4) + struct.pack(f">I{len(values)}H", len(values), *values)


def para(kind, *values):
    numbers = struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + numbers


def make_exif(entries, inner=(), order="<"):
    """An EXIF block from (tag, type, values); `inner` goes to the EXIF directory."""
    codes = {2: "s", 3: "H", 4: "I", 5: "II", 10: "ii"}

    def pack(kind, values):
        if kind == 2:
            return len(values) + 1, values + b"\x00"
        flat = [n for v in values for n in (v if isinstance(v, tuple) else (v,))]
        return len(values), struct.pack(f"{order}{len(flat)}{codes[kind][0]}", *flat)

    def directory(items, start):
        data, table = b"", struct.pack(order + "H", len(items))
        for tag, kind, values in items:
            count, raw = pack(kind, values)
            value = raw.ljust(4, b"\x00")
            if len(raw) > 4:
                value = struct.pack(order + "I", start + 6 + 12 * len(items) + len(data))
                data += raw + bytes(len(raw) % 2)
            table += struct.pack(order + "HHI", tag, kind, count) + value
        return table + bytes(4) + data

    items = sorted(entries, key=lambda e: e[0])
    if not inner:
        return (
            (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 8) + directory(items, 8)
        )
    size = len(directory([*items, (0x8769, 4, [0])], 8))
    main = directory([*items, (0x8769, 4, [8 + size])], 8)
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 8)
    return head + main + directory(sorted(inner, key=lambda e: e[0]), 8 + size)


def encoded(array, form, **settings):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, format=form, **settings)
    return stream.getvalue()


def app1(body):
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def with_xmp(jpeg, xmp, extended=None):
    """Put XMP (and extended XMP in pieces) behind a JPEG's start marker."""
    parts = app1(b"http://ns.adobe.com/xap/1.0/\x00" + xmp)
    for at in range(0, len(extended or b""), 60_000):
        head = b"http://ns.adobe.com/xmp/extension/\x00" + b"A" * 32 + struct.pack(">II", len(extended), at)
        parts = (
            app1(head + extended[at : at + 60_000]) + parts
        )  # pieces out of order, as some writers leave them
    return jpeg[:2] + parts + jpeg[2:]


def rdf(body, attributes=""):
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f"<rdf:Description {attributes}>{body}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def gdepth_xmp(picture, near="1", far="5", form="RangeInverse", units="m", data=None):
    text = base64.b64encode(picture).decode() if data is None else data
    return rdf(
        "",
        'xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" '
        f'GDepth:Format="{form}" GDepth:Near="{near}" GDepth:Far="{far}" GDepth:Units="{units}" '
        f'GDepth:Mime="image/png" GDepth:Data="{text}"',
    )


def dynamic_depth_xmp(length, near="1", far="5", units="Meters", extra=""):
    item = (
        '<rdf:li rdf:parseType="Resource">'
        '<Container:Item Item:Mime="image/{}" Item:Length="{}" Item:DataURI="{}"/></rdf:li>'
    )
    items = item.format("jpeg", 0, "primary_image") + item.format("png", length, "android/depthmap") + extra
    return rdf(
        f"<Device:Container><Container:Directory><rdf:Seq>{items}</rdf:Seq>"
        "</Container:Directory></Device:Container>"
        "<Device:Cameras><rdf:Seq><rdf:li><Camera:DepthMap><rdf:Description "
        f'DepthMap:Format="RangeInverse" DepthMap:Near="{near}" DepthMap:Far="{far}" '
        f'DepthMap:Units="{units}" '
        'DepthMap:DepthURI="android/depthmap"/></Camera:DepthMap></rdf:li></rdf:Seq></Device:Cameras>',
        'xmlns:Device="http://ns.google.com/photos/dd/1.0/device/" '
        'xmlns:Camera="http://ns.google.com/photos/dd/1.0/camera/" '
        'xmlns:Container="http://ns.google.com/photos/dd/1.0/container/" '
        'xmlns:Item="http://ns.google.com/photos/dd/1.0/item/" '
        'xmlns:DepthMap="http://ns.google.com/photos/dd/1.0/depthmap/"',
    )


def container_xmp(items, attributes="", spell=None):
    """XMP with a container of (semantic, length, padding); `spell` writes one item's fields."""

    def as_attributes(fields):
        written = " ".join(f'Item:{name}="{value}"' for name, value in fields.items())
        return f'<rdf:li rdf:parseType="Resource"><Container:Item {written}/></rdf:li>'

    rows = [
        {"Semantic": semantic, "Mime": "image/jpeg", "Length": length, "Padding": padding}
        for semantic, length, padding in items
    ]
    body = "".join((spell or as_attributes)(fields) for fields in rows)
    return rdf(
        f"<Container:Directory><rdf:Seq>{body}</rdf:Seq></Container:Directory>",
        'xmlns:Container="http://ns.google.com/photos/1.0/container/" '
        'xmlns:Item="http://ns.google.com/photos/1.0/container/item/" '
        'xmlns:DepthMap="http://ns.google.com/photos/dd/1.0/depthmap/" DepthMap:Format="RangeLinear" '
        f'DepthMap:Units="m" DepthMap:Near="1" DepthMap:Far="2" {attributes}',
    )


def apple_xmp(kind="disparity", accuracy="relative", **ranges):
    """The XMP of an iPhone's further picture."""
    fields = {
        "IntMinValue": 0,
        "IntMaxValue": 255,
        "FloatMinValue": 0.5,
        "FloatMaxValue": 2.0,
        "AuxiliaryImageType": kind,
    } | ranges
    body = "".join(f"<apdi:{name}>{value}</apdi:{name}>" for name, value in fields.items())
    return rdf(
        f"{body}<depthData:Accuracy>{accuracy}</depthData:Accuracy>",
        'xmlns:apdi="http://ns.apple.com/pixeldatainfo/1.0/" '
        'xmlns:depthData="http://ns.apple.com/depthData/1.0/"',
    )


def mpf(jpeg, *others, order="<"):
    """A JPEG with further pictures behind it and the index (MPF) that lists them."""
    count = len(others) + 1
    size = 4 + 8 + 2 + 3 * 12 + 4 + 16 * count
    whole = len(jpeg) + size + 4
    base, entries, at = 2 + 4 + 4, struct.pack(order + "IIII", 0x030000, whole, 0, 0), whole
    for other in others:
        entries += struct.pack(order + "IIII", 0, len(other), at - base, 0)
        at += len(other)
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "IH", 8, 3)
    head += struct.pack(order + "HHI", 0xB000, 7, 4) + b"0100"
    head += struct.pack(order + "HHII", 0xB001, 4, 1, count)
    head += struct.pack(order + "HHIII", 0xB002, 7, len(entries), 50, 0)
    segment = b"\xff\xe2" + struct.pack(">H", size + 2) + b"MPF\x00" + head + entries
    return jpeg[:2] + segment + jpeg[2:] + b"".join(others)


class Make:
    """The builders above, handed to tests as one fixture."""

    icc = staticmethod(make_icc)
    curv = staticmethod(curv)
    para = staticmethod(para)
    exif = staticmethod(make_exif)
    encoded = staticmethod(encoded)
    with_xmp = staticmethod(with_xmp)
    rdf = staticmethod(rdf)
    gdepth_xmp = staticmethod(gdepth_xmp)
    dynamic_depth_xmp = staticmethod(dynamic_depth_xmp)
    container_xmp = staticmethod(container_xmp)
    apple_xmp = staticmethod(apple_xmp)
    mpf = staticmethod(mpf)


@pytest.fixture(scope="session")
def make():
    return Make


@pytest.fixture
def rgb():
    """A smooth 24 × 16 picture with some texture, uint8."""
    rows, columns = np.mgrid[0:16, 0:24]
    return np.stack([rows * 15, columns * 10, (rows * columns) % 256], axis=-1).astype(np.uint8)


@pytest.fixture
def codes():
    """Depth codes [3 4], each another."""
    return np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


@pytest.fixture
def jpeg(make, rgb):
    """A 24 × 18 JPEG; depth of 4 × 3 has its aspect."""
    return make.encoded(np.vstack([rgb, rgb[:2]]), "JPEG")


@pytest.fixture
def png(make, codes):
    return make.encoded(codes, "PNG")


@pytest.fixture
def open_bytes(tmp_path):
    def read(data, name="phone.jpg"):
        (tmp_path / name).write_bytes(data)
        return read_photo(tmp_path / name)

    return read

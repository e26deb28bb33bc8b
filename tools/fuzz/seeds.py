"""Small whole files of every kind that is read, made on the spot: what the fuzzer damages.

Leaves: `Seed`s. Formats whose package is missing are left out and named in `missing`.
"""

import base64
import csv
import io
import json
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 24, 32
RDF = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    "<rdf:Description {}>{}</rdf:Description></rdf:RDF></x:xmpmeta>"
)
DEPTH_RANGE = 'Format="RangeInverse" {0}Near="1" {0}Far="5" {0}Units="m"'


@dataclass(frozen=True)
class Seed:
    """A whole file: what reads it, the ending of its name, its bytes, and how often it is taken."""

    name: str
    reader: str
    suffix: str
    data: bytes
    weight: float = 1.0


def all_seeds() -> tuple[list[Seed], list[str]]:
    """Every seed, and what can't be made here."""
    seeds, missing = [], []
    for make in (photos, modern_photos, phones, depths, openexr, parts, weights, tables, runs):
        try:
            seeds += make()
        except ImportError as error:
            missing.append(f"{make.__name__} ({error})")
    return seeds, missing


def picture(dtype: type = np.uint8, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    most = np.iinfo(dtype).max / 255
    return (np.stack([y * 10 % 256, x * 7 % 256, (x * y) % 256], -1) * most).astype(dtype)


def encoded(pixels: np.ndarray | Image.Image, form: str, **settings: object) -> bytes:
    stream = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(stream, form, **settings)
    return stream.getvalue()


def exif() -> bytes:
    block = Image.Exif()
    block[0x0112], block[0x010F], block[0x0110] = 6, "Maker", "Model"
    inner = block.get_ifd(0x8769)
    inner[0x829D], inner[0x920A], inner[0xA405], inner[0xA002] = 1.8, 4.2, 26, WIDTH
    inner[0x927C] = b"note" * 8
    block.get_ifd(0x8825)[1] = "N"
    return block.tobytes()


def photos() -> list[Seed]:
    """Of every format that Pillow itself reads."""
    rgb, image = picture(), Image.fromarray(picture())
    about = {
        "exif": exif(),
        "xmp": RDF.format('xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"', "").encode(),
    }
    found = {
        "jpeg": ("jpg", encoded(rgb, "JPEG", quality=80, icc_profile=icc(), dpi=(300, 300), **about)),
        "jpeg-progressive": ("jpg", encoded(rgb, "JPEG", progressive=True)),
        "jpeg-cmyk": ("jpg", encoded(image.convert("CMYK"), "JPEG")),
        "png": ("png", encoded(rgb, "PNG", exif=exif(), icc_profile=icc())),
        "png-palette": ("png", encoded(image.convert("P"), "PNG", transparency=3)),
        "png-grey16": ("png", encoded(rgb[..., 0].astype(np.uint16) * 257, "PNG")),
        "png-rgb16": ("png", wide_png()),
        "png-interlaced": ("png", wide_png(interlaced=True)),
        "tiff": ("tif", encoded(rgb, "TIFF", exif=exif())),
        "tiff-lzw": ("tif", encoded(rgb, "TIFF", compression="tiff_lzw", tiffinfo={317: 2})),
        "tiff-jpeg": ("tif", encoded(rgb, "TIFF", compression="jpeg")),
        "tiff-alpha": ("tif", encoded(image.convert("RGBA"), "TIFF", compression="tiff_adobe_deflate")),
        "tiff-grey16": ("tif", encoded(rgb[..., 0].astype(np.uint16) * 257, "TIFF")),
        "webp": ("webp", encoded(rgb, "WEBP", exif=exif())),
        "webp-lossless": ("webp", encoded(image.convert("RGBA"), "WEBP", lossless=True)),
        "bmp": ("bmp", encoded(rgb, "BMP")),
        "ppm": ("ppm", encoded(rgb, "PPM")),
        "jpeg2000": ("jp2", encoded(rgb, "JPEG2000")),
    }
    return [Seed(name, "photo", f".{suffix}", data) for name, (suffix, data) in found.items()]


def modern_photos() -> list[Seed]:
    """HEIC, AVIF, JPEG XL, TIFF of 16-bit colour."""
    seeds, rgb = [], picture()
    try:
        import pillow_heif

        heif = pillow_heif.from_pillow(Image.fromarray(rgb))
        stream = io.BytesIO()
        heif.save(stream, quality=40, exif=exif())
        seeds.append(Seed("heic", "photo", ".heic", stream.getvalue(), 0.5))
    except ImportError:
        pass
    seeds.append(Seed("avif", "photo", ".avif", encoded(rgb, "AVIF", speed=10), 0.5))
    try:
        import pillow_jxl  # noqa: F401

        seeds.append(Seed("jxl", "photo", ".jxl", encoded(rgb, "JXL"), 0.5))
    except ImportError:
        pass
    try:
        import tifffile

        stream = io.BytesIO()
        tifffile.imwrite(stream, picture(np.uint16), photometric="rgb", compression="deflate")
        seeds.append(Seed("tiff-rgb16", "photo", ".tif", stream.getvalue()))
    except ImportError:
        pass
    return seeds


def icc() -> bytes:
    """A matrix profile with one gamma."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def wide_png(interlaced: bool = False) -> bytes:
    """16-bit RGB with gAMA and cHRM; interlaced: the seven passes of an 8 × 8 picture."""
    wide = picture(np.uint16, 8, 8).astype(">u2")
    passes = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    rows = b""
    for left, top, right, down in passes if interlaced else ((0, 0, 1, 1),):
        part = wide[top::down, left::right]
        rows += b"".join(b"\x00" + row.tobytes() for row in part)
    head = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, interlaced)
    colours = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    chunks = (
        (b"IHDR", head),
        (b"gAMA", struct.pack(">I", 100000)),
        (b"cHRM", colours),
        (b"IDAT", zlib.compress(rows)),
    )
    body = b"".join(chunk(name, data) for name, data in (*chunks, (b"IEND", b"")))
    return b"\x89PNG\r\n\x1a\n" + body


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def app(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def xmp_segment(xmp: bytes) -> bytes:
    return app(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + xmp)


def phones() -> list[Seed]:
    """JPEGs as phones write them: GDepth (also extended), containers, Apple's further pictures."""
    plain = encoded(picture(), "JPEG", quality=50)
    plane = encoded(picture()[:, :, 0][::2, ::2], "PNG")
    text = base64.b64encode(plane).decode()
    space = 'xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" GDepth:' + DEPTH_RANGE.format("GDepth:")
    gdepth = RDF.format(f'{space} GDepth:Mime="image/png" GDepth:Data="{text}"', "").encode()
    guid = b"A" * 32
    more = RDF.format(f'{space} GDepth:Data="{text}"', "").encode()
    note = f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{guid.decode()}"'
    parts = [
        app(
            0xE1,
            b"http://ns.adobe.com/xmp/extension/\x00"
            + guid
            + struct.pack(">II", len(more), at)
            + more[at : at + 200],
        )
        for at in range(0, len(more), 200)
    ]
    extended = with_segments(plain, xmp_segment(RDF.format(note, "").encode()), *parts)
    item = (
        '<rdf:li rdf:parseType="Resource">'
        '<Container:Item Item:Semantic="{}" Item:Mime="{}" Item:Length="{}"/></rdf:li>'
    )
    items = item.format("Primary", "image/jpeg", 0) + item.format("Depth", "image/png", len(plane))
    names = (
        'xmlns:Container="http://ns.google.com/photos/1.0/container/" '
        'xmlns:Item="http://ns.google.com/photos/1.0/container/item/" '
        'xmlns:DepthMap="http://ns.google.com/photos/dd/1.0/depthmap/" DepthMap:'
        + DEPTH_RANGE.format("DepthMap:")
    )
    container = RDF.format(
        names, f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory>"
    ).encode()
    found = {
        "gdepth": with_segments(plain, xmp_segment(gdepth)),
        "gdepth-extended": extended,
        "container": with_segments(plain, xmp_segment(container)) + plane,
        "apple": apple(plain),
        "iso-gain-map": with_segments(plain, app(0xE2, b"urn:iso:std:iso:ts:21496:-1\x00" + bytes(20))),
    }
    return [Seed(name, "photo", ".jpg", data, 2.0) for name, data in found.items()]


def apple(plain: bytes) -> bytes:
    """A JPEG with a disparity map behind it, listed by MPF."""
    facts = {
        "IntMinValue": 0,
        "IntMaxValue": 255,
        "FloatMinValue": 0.5,
        "FloatMaxValue": 2,
        "AuxiliaryImageType": "disparity",
    }
    body = "".join(f"<apdi:{name}>{value}</apdi:{name}>" for name, value in facts.items())
    xmp = RDF.format('xmlns:apdi="http://ns.apple.com/pixeldatainfo/1.0/"', body).encode()
    other = with_segments(encoded(picture()[..., 0], "JPEG"), xmp_segment(xmp))
    size = 4 + 8 + 2 + 3 * 12 + 4 + 32
    whole = len(plain) + size + 4
    entries = struct.pack("<IIII", 0x030000, whole, 0, 0) + struct.pack("<IIII", 0, len(other), whole - 10, 0)
    head = b"II*\x00" + struct.pack("<IH", 8, 3) + struct.pack("<HHI", 0xB000, 7, 4) + b"0100"
    head += struct.pack("<HHII", 0xB001, 4, 1, 2) + struct.pack("<HHIII", 0xB002, 7, 32, 50, 0)
    return (
        with_segments(plain, b"\xff\xe2" + struct.pack(">H", size + 2) + b"MPF\x00" + head + entries) + other
    )


def depths() -> list[Seed]:
    """Depth maps of every format but EXR, and a sidecar."""
    metres = np.linspace(1, 9, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    codes = (metres * 1000).astype(np.uint16)
    sidecar = {
        "kind": "metric",
        "scale": 0.001,
        "offset": 0.0,
        "encoding": "linear",
        "hole": 0,
        "span_m": [1, 9],
    }
    found = {
        "depth-png": (".png", encoded(codes, "PNG")),
        "depth-png8": (".png", encoded(codes.astype(np.uint8), "PNG")),
        "depth-tiff16": (".tif", encoded(codes, "TIFF")),
        "depth-tiff32": (".tif", encoded(metres, "TIFF")),
        "depth-npy": (".npy", npy(metres)),
        "depth-npy16": (".npy", npy(metres.astype(np.float16))),
        "depth-npz": (".npz", npz(depth=metres)),
        "depth-pfm": (".pfm", f"Pf\n{WIDTH} {HEIGHT}\n-1.0\n".encode() + metres.tobytes()),
    }
    seeds = [Seed(name, "depth", suffix, data) for name, (suffix, data) in found.items()]
    try:
        import tifffile

        stream = io.BytesIO()
        tifffile.imwrite(stream, metres.astype(np.float64), compression="zlib")
        seeds.append(Seed("depth-tiff64", "depth", ".tif", stream.getvalue()))
    except ImportError:
        pass
    return [*seeds, Seed("sidecar", "sidecar", ".json", json.dumps(sidecar).encode(), 2.0)]


def openexr() -> list[Seed]:
    """EXR of one depth channel, and of two parts."""
    import tempfile
    from pathlib import Path

    import OpenEXR

    z = np.linspace(1, 9, 12 * 16, dtype=np.float32).reshape(12, 16)
    head = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.exr"
        OpenEXR.File(dict(head), {"Z": z}).write(str(path))
        one = path.read_bytes()
        colours = OpenEXR.Part(dict(head), {"RGB": np.stack([z] * 3, -1)}, "beauty")
        OpenEXR.File([colours, OpenEXR.Part(dict(head), {"Z": z}, "depth")]).write(str(path))
        two = path.read_bytes()
    return [Seed("exr", "depth", ".exr", one), Seed("exr-parts", "depth", ".exr", two)]


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def parts() -> list[Seed]:
    """What is within photos, by itself: millions of these are tried in the time of one decoder."""
    plain = encoded(picture(height=8, width=8), "JPEG")
    space = 'xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" GDepth:' + DEPTH_RANGE.format("GDepth:")
    phone = {seed.name: seed.data for seed in phones()}
    found = {
        "exif": ("exif", exif().removeprefix(b"Exif\x00\x00")),
        "icc": ("icc", icc()),
        "xmp": (
            "xmp",
            RDF.format(space, "<dc:a xmlns:dc='x'><rdf:Seq><rdf:li>1</rdf:li></rdf:Seq></dc:a>").encode(),
        ),
        "mpf": ("jpeg", apple(plain)),
        "directory": ("jpeg", phone["container"]),
    }
    try:
        import pillow_heif

        stream = io.BytesIO()
        pillow_heif.from_pillow(Image.fromarray(picture())).save(stream, quality=40)
        found["boxes"] = ("boxes", stream.getvalue())
    except ImportError:
        pass
    return [Seed(f"part-{name}", reader, ".bin", data, 4.0) for name, (reader, data) in found.items()]


def weights() -> list[Seed]:
    """A tiny network's weights, and a file of PyTorch's own kind."""
    import tempfile
    from pathlib import Path

    import torch

    from cocnet.networks import create_model, save_checkpoint

    small = create_model("cocnet-hybrid", channels=[4] * 5, groups=2, kernel_size=3, filtered=4)
    with tempfile.TemporaryDirectory() as folder:
        data = save_checkpoint(small, Path(folder) / "a.safetensors").read_bytes()
    stream = io.BytesIO()
    torch.save({"state_dict": {"a.weight": torch.zeros(2, 2)}}, stream)
    return [
        Seed("weights", "weights", ".safetensors", data, 0.5),
        Seed("pickle", "pickle", ".pth", stream.getvalue(), 1.0),
    ]


def tables() -> list[Seed]:
    """Labels: CSV of both kinds, classes.json; a ray-traced scene."""
    ours, theirs = io.StringIO(), io.StringIO()
    csv.writer(ours).writerows(
        [["split", "file", "label", "target"], ["eval", "a.png", 3, 5], ["train", "b.png", 1, ""]]
    )
    csv.writer(theirs).writerows([["ImageId", "TrueLabel", "TargetClass"], ["a", 3, 5], ["b", 1, 7]])
    light = picture(height=6, width=8).astype(np.float16) / 256
    lens = {
        "focal_length_m": 0.05,
        "f_number": 2.0,
        "focus_distance_m": 2.0,
        "sensor_width_m": 0.036,
        "blades": 0,
        "blade_rotation_rad": 0.0,
    }
    scene = npz(
        all_in_focus=light, bokeh=light, depth_m=np.ones((6, 8), np.float32), lens=np.array(json.dumps(lens))
    )
    found = {
        "csv": ("table", ".csv", ours.getvalue().encode()),
        "csv-competition": ("table", ".csv", theirs.getvalue().encode()),
        "classes": ("classes", ".json", b'{"cat": 0, "dog": 1}'),
        "classes-list": ("classes", ".json", b'["cat", "dog"]'),
        "scene": ("scene", ".npz", scene),
    }
    return [Seed(name, reader, suffix, data) for name, (reader, suffix, data) in found.items()]


def runs() -> list[Seed]:
    """The files of a run: settings, records, summary, the log of a training."""
    from dataclasses import asdict

    from cocnet.robustness.records import AttackRecord, PhotoRecord, TransformRecord

    record = AttackRecord(
        photo="a.png", stem="a", batch=0, row=0, label=1, renderer="physical", victim="v", method="gda", epsilon=1e-3,
        steps=1, restarts=1, full=False, clean_right=True, natural_right=True, success=True, success_saved=True,
        prediction=2, prediction_saved=2, margin=0.5, queries=3, seconds=0.1, zero_gradient=False,
        to_photo={"psnr": 30.0}, to_natural={"psnr": 40.0}, perturbation={"largest": 1e-3}, others={"w": 1},
    )  # fmt: skip
    interval = {"value": 0.5, "low": 0.4, "high": 0.6, "count": 9}
    photo = PhotoRecord("a.png", "a", 1, {"v": 1}, {"v": 1}, {"v": 1})
    moved = TransformRecord("a", "v", "gda", "jpeg75", 1, 2)
    found = {
        "records": {"records": [asdict(record)]},
        "photos": {"photos": [asdict(photo)], "problems": [["b.png", "damaged"]]},
        "transformed": {"transformed": [asdict(moved)]},
        "summary": {
            "cocnet": "0",
            "run": {"victims": ["v", "w"]},
            "clean": {"v": interval, "w": interval},
            "natural": {"v": interval, "w": interval},
            "scores": [
                {"victim": "v", "method": "gda", "right_saved": interval}
                | {"to_photo": {"psnr": interval}, "to_natural": {"psnr": interval}}
            ],
            "matrices": [{"method": "gda", "right": {"v": {"w": interval}, "w": {"v": interval}}}],
        },
        "settings": {"run": {"a": 1}, "recipe": {"stages": [{"steps": 5}]}},
    }
    seeds = [Seed(name, name, ".json", json.dumps(data).encode()) for name, data in found.items()]
    return [*seeds, Seed("log", "log", ".jsonl", b'{"step": 0, "loss": 1}\n{"step": 1, "loss": 2}\n')]

"""Photos with gain maps, made of a scene whose light is known: JPEGs of every kind, the others box by box."""

import io
import struct

import numpy as np
import pytest
from picture_files import encoded, make_exif, mpf, rdf, with_xmp
from PIL import Image

SIZE = (96, 128)
STOPS = 6.0  # of the brightest light above white
HDRGM = 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"'
APPLE = 'xmlns:HDRGainMap="http://ns.apple.com/HDRGainMap/1.0/" xmlns:apdi="http://ns.apple.com/pixeldatainfo/1.0/"'
AUXILIARY = "urn:com:apple:photo:2020:aux:hdrgainmap"


def night(seed=0, size=SIZE):
    """Linear light [h w 3]: dim texture, a white paper, a ramp, lamps of 3 to 50 whites, some of them coloured."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    light = np.repeat((0.03 + 0.02 * np.sin(x / 5) * np.sin(y / 7))[..., None], 3, 2)
    light[20:44, 12:36] = (0.8, 0.78, 0.74)
    light[-12:] = (np.linspace(0.05, 3, size[1]) ** 1.5)[:, None]
    for _ in range(14):
        middle, radius = random.uniform((4, 40), (size[0] - 4, size[1] - 4)), random.uniform(1.2, 3.5)
        there = np.hypot(y - middle[0], x - middle[1])
        share = np.clip(radius + 0.5 - there, 0, 1)[..., None]
        colour = np.array([(1, 1, 1), (1, 0.75, 0.4), (1, 0.15, 0.1)][random.integers(3)])
        light = light * (1 - share) + share * colour * random.uniform(3, 50)
    return light.astype(np.float32)


def clipped(light):
    """What a camera without a tone curve shows."""
    return np.clip(light, 0, 1)


def rolled_off(light):
    """What a camera shows that keeps some of its lights: Reinhard's curve with its white at 16, by the peak."""
    peak = np.maximum(light.max(-1, keepdims=True), 1e-6)
    return np.clip(light * (1 + peak / 256) / (1 + peak), 0, 1)


def srgb8(light):
    bent = np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055
    )
    return np.uint8(np.rint(bent * 255))


def linear(codes):
    x = codes / 255
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def log_codes(base, light, low=0.0, high=STOPS, gamma=1.0, offset=1 / 64):
    """8-bit codes of a logarithmic map [h w c]."""
    stops = np.log2((light + offset) / (base + offset))
    return np.uint8(np.rint(np.clip((stops - low) / (high - low), 0, 1) ** gamma * 255))


def apple_codes(base, light, stops=STOPS):
    """8-bit codes [h w] of Apple's map: the gain of luminance, Rec. 709 encoded."""
    gain = light.max(-1) / np.maximum(base.max(-1), 1e-4)
    share = np.clip((gain - 1) / (2**stops - 1), 0, 1)
    return np.uint8(
        np.rint(np.where(share < 0.018, 4.5 * share, 1.099 * np.maximum(share, 1e-9) ** 0.45 - 0.099) * 255)
    )


def fine_jpeg(codes, **more):
    codes = codes[..., 0] if codes.ndim == 3 and codes.shape[2] == 1 else codes
    return encoded(codes, "JPEG", quality=100, subsampling=0, **more)


def hdrgm_xmp(**fields):
    """hdrgm's fields; a list becomes rdf:Seq."""
    fields = {"Version": "1.0", "GainMapMax": STOPS, "HDRCapacityMax": STOPS} | fields
    written = " ".join(
        f'hdrgm:{name}="{value}"' for name, value in fields.items() if not isinstance(value, list)
    )
    lists = "".join(
        f"<hdrgm:{name}><rdf:Seq>{''.join(f'<rdf:li>{each}</rdf:li>' for each in value)}</rdf:Seq></hdrgm:{name}>"
        for name, value in fields.items()
        if isinstance(value, list)
    )
    return rdf(lists, f"{HDRGM} {written}")


def ultra_hdr(base, codes, index=True, **fields):
    """A JPEG whose gain map is listed in its index (MPF) and container, or in the container alone."""
    behind = with_xmp(fine_jpeg(codes), hdrgm_xmp(**fields))
    container = rdf(
        '<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" '
        'Item:Mime="image/jpeg"/></rdf:li><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" '
        f'Item:Mime="image/jpeg" Item:Length="{len(behind)}"/></rdf:li></rdf:Seq></Container:Directory>',
        f'{HDRGM} hdrgm:Version="1.0" xmlns:Container="http://ns.google.com/photos/1.0/container/" '
        'xmlns:Item="http://ns.google.com/photos/1.0/container/item/"',
    )
    photo = with_xmp(fine_jpeg(base), container)
    return mpf(photo, behind) if index else photo + behind


def iso_block(
    low=(0.0,), high=(STOPS,), gamma=(1.0,), offset=(1 / 64,), other=(1 / 64,), headroom=(0.0, STOPS), flags=0
):
    """ISO 21496-1's block; flags 8: over one denominator."""
    unit = 1 << 20
    head = struct.pack(">HHB", 0, 0, flags | (0x80 if len(low) == 3 else 0))
    kinds = "iIiIIIiIiI" if not flags & 8 else "iiIii"

    def pairs(values):
        return [n for v in values for n in ((round(v * unit),) if flags & 8 else (round(v * unit), unit))]

    body = struct.pack(">I", unit) if flags & 8 else b""
    body += struct.pack(f">{len(pairs(headroom))}I", *pairs(headroom))
    for values in zip(low, high, gamma, offset, other, strict=True):
        body += struct.pack(">" + kinds, *pairs(values))
    return head + body


def app2(body):
    return b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body


def iso_jpeg(base, codes, block):
    name = b"urn:iso:std:iso:ts:21496:-1\x00"
    behind, photo = fine_jpeg(codes), fine_jpeg(base)
    behind = behind[:2] + app2(name + block) + behind[2:]
    return mpf(photo[:2] + app2(name + bytes(4)) + photo[2:], behind)


def maker_note(headroom=None, gain=None):
    """Apple's note with tags 33 and 48, as signed fractions behind its directory."""
    told = [(tag, value) for tag, value in ((33, headroom), (48, gain)) if value is not None]
    place, table, values = 16 + 12 * len(told), b"", b""
    for tag, value in told:
        table += struct.pack(">HHII", tag, 10, 1, place + len(values))
        values += struct.pack(">ii", round(value * 100_000), 100_000)
    return b"Apple iOS\x00\x00\x01MM" + struct.pack(">H", len(told)) + table + values


def exif_with(note):
    """An EXIF block with a maker note."""
    block = make_exif([], [(0x927C, 2, note)])
    return b"Exif\x00\x00" + block


def apple_xmp(headroom=None):
    said = (
        ""
        if headroom is None
        else f"<HDRGainMap:HDRGainMapHeadroom>{headroom}</HDRGainMap:HDRGainMapHeadroom>"
    )
    return rdf(
        f"<apdi:AuxiliaryImageType>{AUXILIARY}</apdi:AuxiliaryImageType>"
        f"<HDRGainMap:HDRGainMapVersion>65536</HDRGainMap:HDRGainMapVersion>{said}",
        APPLE,
    )


def apple_jpeg(base, codes, headroom=None, note=None):
    photo = fine_jpeg(base) if note is None else fine_jpeg(base, exif=exif_with(note))
    return mpf(photo, with_xmp(fine_jpeg(codes), apple_xmp(headroom)))


def box(name, body):
    return struct.pack(">I4s", len(body) + 8, name) + body


def full(name, body, version=0, flags=0):
    return box(name, struct.pack(">I", version << 24 | flags) + body)


def _inside(data, *names):
    """The body of a box in a box."""
    at, end = 0, len(data)
    for name in names:
        while True:
            size, found = struct.unpack_from(">I4s", data, at)
            if found == name:
                at, end = at + (12 if name in (b"meta", b"iref") else 8), at + size
                break
            at += size
            assert at < end
    return data[at:end]


def _coded_av1(codes):
    """The decoder's settings and the data of a picture."""
    data = encoded(codes, "AVIF", quality=100, subsampling="4:4:4")
    properties = _inside(data, b"meta", b"iprp", b"ipco")
    return box(b"av1C", _inside(properties, b"av1C")), _inside(data, b"mdat")


def _coded(codes):
    """The decoder's settings and the data of a picture."""
    pillow_heif = pytest.importorskip("pillow_heif")
    stream = io.BytesIO()
    heif = pillow_heif.from_pillow(Image.fromarray(codes))
    heif.save(stream, quality=-1, chroma=444)
    data = stream.getvalue()
    properties = _inside(data, b"meta", b"iprp", b"ipco")
    return box(b"hvcC", _inside(properties, b"hvcC")), _inside(data, b"mdat")


def heic(base, codes, block=None, headroom=None, note=None):
    """A HEIC of a photo and its gain map: ISO's derived picture where a block is given, else Apple's."""
    (base_set, base_data), (map_set, map_data) = _coded(base), _coded(codes)
    sizes = [full(b"ispe", struct.pack(">II", x.shape[1], x.shape[0])) for x in (base, codes)]
    auxiliary = full(b"auxC", AUXILIARY.encode() + b"\x00")
    properties = [base_set, sizes[0], map_set, sizes[1], auxiliary]
    uses = {1: [1, 2], 2: [3, 4] + ([5] if block is None else [])}
    items = {1: (b"hvc1", base_data), 2: (b"hvc1", map_data)}
    refs = box(b"auxl", struct.pack(">HHH", 2, 1, 1))
    if block is not None:
        items[3] = (b"tmap", b"\x00" + block)
        uses[3] = [2]
        refs = box(b"dimg", struct.pack(">HHHH", 3, 2, 1, 2))
    if note is not None:
        items[4] = (b"Exif", bytes(4) + exif_with(note)[6:])
        refs += box(b"cdsc", struct.pack(">HHH", 4, 1, 1))
    if headroom is not None:
        items[5] = (b"mime", apple_xmp(headroom))
        refs += box(b"cdsc", struct.pack(">HHH", 5, 1, 2))
    return _heic(items, properties, uses, refs)


def avif(base, codes, block, turned=0):
    """An AVIF of a photo and its gain map with ISO's derived picture, both to be turned left by quarters."""
    (base_set, base_data), (map_set, map_data) = _coded_av1(base), _coded_av1(codes)
    sizes = [full(b"ispe", struct.pack(">II", x.shape[1], x.shape[0])) for x in (base, codes)]
    bits = [
        full(b"pixi", bytes([3 if x.ndim == 3 else 1] + [8] * (3 if x.ndim == 3 else 1)))
        for x in (base, codes)
    ]
    properties = [base_set, sizes[0], bits[0], map_set, sizes[1], bits[1], box(b"irot", bytes([turned]))]
    items = {1: (b"av01", base_data), 2: (b"av01", map_data), 3: (b"tmap", b"\x00" + block)}
    refs = box(b"dimg", struct.pack(">HHHH", 3, 2, 1, 2))
    return _heic(
        items, properties, {1: [0x81, 2, 3, 0x87], 2: [0x84, 5, 6, 0x87], 3: [2, 0x87]}, refs, b"avif"
    )


def jxl(base, codes, block, colour=b"", profile=b""):
    """A JPEG XL container of a photo and the bundle of its gain map."""
    pytest.importorskip("pillow_jxl")
    photo, behind = (encoded(x, "JXL", lossless=True) for x in (base, codes))
    bundle = struct.pack(">BH", 0, len(block)) + block + bytes([len(colour)]) + colour
    bundle += struct.pack(">I", len(profile)) + profile + behind
    head = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl " + bytes(4) + b"jxl ")
    return head + box(b"jhgm", bundle) + box(b"jxlc", photo)


def _heic(items, properties, uses, refs, brand=b"heic"):
    kinds = {b"mime": b"application/rdf+xml\x00\x00"}
    entries = b"".join(
        full(b"infe", struct.pack(">HH4s", item, 0, kind) + b"\x00" + kinds.get(kind, b""), 2, int(item != 1))
        for item, (kind, _) in items.items()
    )
    owned = b"".join(struct.pack(f">HB{len(to)}B", item, len(to), *to) for item, to in uses.items())

    def meta(start):
        places = b""
        for item, (_, data) in items.items():
            places += struct.pack(">HHHII", item, 0, 1, start, len(data))
            start += len(data)
        return full(
            b"meta",
            full(b"hdlr", bytes(4) + b"pict" + bytes(13))
            + full(b"pitm", struct.pack(">H", 1))
            + full(b"iinf", struct.pack(">H", len(items)) + entries)
            + full(b"iref", refs)
            + box(
                b"iprp",
                box(b"ipco", b"".join(properties)) + full(b"ipma", struct.pack(">I", len(uses)) + owned),
            )
            + full(b"iloc", b"\x44\x00" + struct.pack(">H", len(items)) + places),
        )

    head = box(b"ftyp", brand + bytes(4) + b"mif1" + brand + b"tmap")
    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", b"".join(data for _, data in items.values()))

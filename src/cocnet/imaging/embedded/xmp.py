"""XMP out of a JPEG, and what it says about depth, without trusting it.

Enters: the bytes of a JPEG. Leaves: a `DepthXmp` of plain strings and numbers, or a ValueError with why.
Entities and DTDs are refused (defusedxml). Source: Adobe XMP part 3 (extended XMP), Google GDepth and
Dynamic Depth 1.0.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

_STANDARD = b"http://ns.adobe.com/xap/1.0/\x00"
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\x00"


@dataclass(frozen=True)
class ContainerItem:
    """A file appended to the JPEG: its length in bytes and what it is called."""

    length: int
    name: str
    padding: int = 0


@dataclass(frozen=True)
class DepthXmp:
    """Depth properties by local name (Data, Format, Near, Far, Units, …) and the files of the container."""

    properties: dict[str, str] = field(default_factory=dict)
    items: tuple[ContainerItem, ...] = ()


def read_depth_xmp(jpeg: bytes) -> DepthXmp:
    """Collect depth properties and container items from all XMP packets of a JPEG.

    Raises ValueError, with a reason in plain words, where a packet is refused or broken.
    """
    properties: dict[str, str] = {}
    items: list[ContainerItem] = []
    for packet in _packets(jpeg):
        root = _parse(packet)
        for element in root.iter():
            for name, text in _named_values(element):
                space, _, local = name[1:].rpartition("}")
                if space.rstrip("/").endswith("depthmap") and text.strip():
                    properties.setdefault(local, text.strip())
        items += _container(root)
    return DepthXmp(properties, tuple(items))


def segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Walk a JPEG's segments up to its picture data: (marker, start, end) of each body, in bytes."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker = jpeg[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", jpeg, at + 2)
        end = at + 2 + length
        if length < 2 or end > len(jpeg):
            return
        yield marker, at + 4, end
        if marker == 0xDA:
            return
        at = end


def _packets(jpeg: bytes) -> list[bytes]:
    """The standard XMP packet and the extended one, put together from its numbered pieces."""
    packets: list[bytes] = []
    pieces: dict[bytes, dict[int, bytes]] = {}
    totals: dict[bytes, int] = {}
    for marker, start, end in segments(jpeg):
        body = jpeg[start:end] if marker == 0xE1 else b""
        if body.startswith(_STANDARD):
            packets.append(body[len(_STANDARD) :])
        elif body.startswith(_EXTENDED) and len(body) >= len(_EXTENDED) + 40:
            head = body[len(_EXTENDED) :]
            total, offset = struct.unpack_from(">II", head, 32)
            pieces.setdefault(head[:32], {})[offset] = head[40:]
            totals[head[:32]] = total
    return packets + [_join(pieces[key], totals[key]) for key in pieces]


def _join(pieces: dict[int, bytes], total: int) -> bytes:
    joined = bytearray()
    for offset in sorted(pieces):
        if offset != len(joined):
            break
        joined += pieces[offset]
    if len(joined) != total:
        raise ValueError(f"its extended XMP is incomplete: {len(joined):,} of {total:,} bytes")
    return bytes(joined)


def _parse(packet: bytes) -> Element:
    text = packet.rstrip(b"\x00 \t\r\n")
    try:
        return fromstring(text, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ValueError("its XMP was refused: it declares XML entities or a DTD") from error
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise ValueError(f"its XMP is broken ({' '.join(str(error).split())})") from error


def _named_values(element: Element) -> Iterator[tuple[str, str]]:
    yield from element.attrib.items()
    if element.text and len(element) == 0:
        yield element.tag, element.text


def _container(root: Element) -> list[ContainerItem]:
    """Items of every Container:Directory in order; attributes or child elements, with or without rdf:li."""
    found = []
    for directory in (e for e in root.iter() if e.tag.endswith("}Directory")):
        current: dict[str, str] = {}
        for element in directory.iter():
            for name, text in _named_values(element):
                space, _, local = name[1:].rpartition("}")
                if local == "Mime" and "Mime" in current:
                    found.append(_item(current))
                    current = {}
                if space.rstrip("/").endswith(("item", "container")):
                    current[local] = text.strip()
        if current:
            found.append(_item(current))
    return found


def _item(values: dict[str, str]) -> ContainerItem:
    name = values.get("DataURI") or values.get("Semantic") or ""
    length, padding = values.get("Length", "0"), values.get("Padding", "0")
    if not (length.isdecimal() and padding.isdecimal() and len(length) < 16 and len(padding) < 16):
        raise ValueError(f"its container gives '{length[:20]}' as a length")
    return ContainerItem(int(length), name, int(padding))

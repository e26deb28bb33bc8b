"""What a photo's XMP says about depth and about the files behind the photo, without trusting it.

Enters: packets of XMP. Leaves: a `PhotoXmp` of plain strings and numbers, or a ValueError with why. A structure
is what its element holds, in whatever order and spelling (attributes or children) RDF allows. Entities and DTDs
are refused (defusedxml), nesting and size are bounded. Source: Google GDepth, GImage, Dynamic Depth 1.0.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

_DEEPEST = 64
_MOST_ELEMENTS = 100_000
_MOST_BYTES = 200_000_000
_MOST_ITEMS = 1000
_LONGEST_LIST = 3  # of numbers, one for each colour
_FILM_NAMES = ("MotionPhoto", "MicroVideo")  # 1 where there is one

Fields = dict[str, str]


@dataclass(frozen=True)
class ContainerItem:
    """A file of the container: its length in bytes, the padding behind it, and what it is."""

    length: int
    padding: int = 0
    uri: str = ""
    semantic: str = ""

    @property
    def is_gain_map(self) -> bool:
        """The difference between a standard and an HDR picture, which looks like depth and isn't."""
        return self.semantic.lower() == "gainmap" or "gainmap" in self.uri.lower()


@dataclass(frozen=True)
class PhotoXmp:
    """Fields by local name (Data, Format, Near, Far, Units, …).

    gdepth, gimage: Google's properties of the photo. depth_maps: one for each DepthMap of Dynamic Depth.
    apple: Apple's facts of a depth picture or a gain map. hdrgm: Adobe's of a gain map, lists as "1 2 3".
    directories: the files of each container, the photo itself among them. has_film: a film of the same moment
    lies behind the photo.
    """

    gdepth: Fields = field(default_factory=dict)
    gimage: Fields = field(default_factory=dict)
    apple: Fields = field(default_factory=dict)
    hdrgm: Fields = field(default_factory=dict)
    depth_maps: tuple[Fields, ...] = ()
    directories: tuple[tuple[ContainerItem, ...], ...] = ()
    has_gain_map: bool = False
    has_film: bool = False


def read_xmp(packets: Iterable[bytes]) -> PhotoXmp:
    """Collect what all packets of a photo say; raises ValueError where one is refused or broken."""
    gdepth: Fields = {}
    gimage: Fields = {}
    apple: Fields = {}
    hdrgm: Fields = {}
    depth_maps: list[Fields] = []
    directories: list[tuple[ContainerItem, ...]] = []
    has_gain_map = has_film = False
    left = _MOST_ELEMENTS
    for packet in packets:
        root = _parse(packet, left)
        for element in root.iter():
            left -= 1
            values = list(_fields_of(element))
            gdepth = _picked(values, "/1.0/depthmap", but="/dd/") | gdepth
            gimage = _picked(values, "/1.0/image", but="/dd/") | gimage
            apple = _picked(values, "/pixeldatainfo/1.0", "/depthData/1.0", "/HDRGainMap/1.0") | apple
            hdrgm = _picked([*values, *_lists_of(element)], "/hdr-gain-map/1.0") | hdrgm
            depth_maps += filter(None, [_picked(values, "/dd/1.0/depthmap")])
            has_gain_map |= any("hdr-gain-map" in space or "HDRGainMap" in space for space, _, _ in values)
            has_film |= any(local in _FILM_NAMES and text == "1" for _, local, text in values)
        directories += [tuple(_items(e)) for e in _outermost(root, "Directory")]
    has_gain_map |= any(item.is_gain_map for directory in directories for item in directory)
    has_film |= any(item.semantic == "MotionPhoto" for directory in directories for item in directory)
    told = has_gain_map, has_film
    return PhotoXmp(gdepth, gimage, apple, hdrgm, tuple(depth_maps), tuple(directories), *told)


class _BoundedTree(TreeBuilder):
    """A tree that is neither deep nor huge: walking it takes time in proportion to its bytes."""

    def __init__(self, most_elements: int) -> None:
        super().__init__()
        self._depth, self._left = 0, most_elements

    def start(self, tag: Any, attrs: Any, /) -> Element:
        self._depth, self._left = self._depth + 1, self._left - 1
        if self._depth > _DEEPEST or self._left < 0:
            raise ValueError(f"more than {_DEEPEST} levels or {_MOST_ELEMENTS:,} elements")
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def _parse(packet: bytes, most_elements: int) -> Element:
    text = packet.rstrip(b"\x00 \t\r\n")
    if len(text) > _MOST_BYTES:
        raise ValueError(f"its XMP has {len(text):,} bytes, more than {_MOST_BYTES:,}")
    parser = XMLParser(target=_BoundedTree(most_elements), forbid_dtd=True)
    try:
        parser.feed(text)
        return parser.close()
    except DefusedXmlException as error:
        raise ValueError("its XMP was refused: it declares XML entities or a DTD") from error
    except (ParseError, ValueError, LookupError, AssertionError, RecursionError) as error:
        raise ValueError(f"its XMP is broken ({' '.join(str(error).split())})") from error


def _fields_of(element: Element) -> Iterator[tuple[str, str, str]]:
    """(namespace, local name, text) of an element's attributes and of its children that hold only text."""
    leaves = ((child.tag, child.text) for child in element if len(child) == 0)
    for name, text in (*element.attrib.items(), *leaves):
        space, closed, local = name[1:].rpartition("}")
        if closed and text and text.strip():
            yield space.rstrip("/"), local, text.strip()


def _lists_of(element: Element) -> Iterator[tuple[str, str, str]]:
    """(namespace, local name, texts in order) of an element's children that hold one list of texts."""
    for child in element:
        if len(child) == 1 and 0 < len(child[0]) <= _LONGEST_LIST:
            space, _, local = child.tag[1:].rpartition("}")
            yield space.rstrip("/"), local, " ".join((each.text or "").strip() for each in child[0])


def _picked(values: Iterable[tuple[str, str, str]], *ends: str, but: str = "\n") -> Fields:
    """The fields of the namespaces with one of these ends; the first of a name counts."""
    picked: Fields = {}
    for space, local, text in values:
        if space.endswith(ends) and but not in space:
            picked.setdefault(local, text)
    return picked


def _outermost(element: Element, name: str) -> Iterator[Element]:
    """Elements of a local name that are in no other of that name."""
    for child in element:
        if child.tag.endswith("}" + name):
            yield child
        else:
            yield from _outermost(child, name)


def _items(directory: Element) -> Iterator[ContainerItem]:
    """The items of a container in order: each is an Item element, or the rdf:li that holds none."""
    for count, place in enumerate(_outermost(directory, "li") if _has(directory, "li") else [directory]):
        found = list(_outermost(place, "Item")) or ([place] if place is not directory else [])
        for item in found:
            if count >= _MOST_ITEMS:
                raise ValueError(f"its container lists more than {_MOST_ITEMS:,} files")
            yield _item(item)


def _has(element: Element, name: str) -> bool:
    return next(_outermost(element, name), None) is not None


def _item(element: Element) -> ContainerItem:
    values: Fields = {}
    for part in element.iter():
        values = _picked(_fields_of(part), "item", "container") | values
    length, padding = values.get("Length", "0"), values.get("Padding", "0")
    if not all(text.isascii() and text.isdecimal() and len(text) < 16 for text in (length, padding)):
        raise ValueError(f"its container gives '{length[:20]}' as a length and '{padding[:20]}' as padding")
    return ContainerItem(int(length), int(padding), values.get("DataURI", ""), values.get("Semantic", ""))

"""XMP that may go on with a picture: ratings, keywords, texts; nothing about parts that are gone.

Enters: an XMP packet. Leaves: the packet less depth, containers, gain maps, moving pictures, thumbnails, sizes and
orientation, in one pass without recursion; None where it is refused, broken or too deep. Source: Adobe XMP part 1.
"""

import io
from typing import Any
from xml.sax import SAXException
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from defusedxml.common import DefusedXmlException
from defusedxml.sax import parseString

_MOST_BYTES, _DEEPEST = 2_000_000, 64
_GONE_SPACES = (
    "depth",
    "container",
    "photos/dd",
    "hdr-gain-map",
    "hdrgainmap",
    "pixeldatainfo",
    "photos/1.0/image",
)
_GONE_NAMES = {
    *("Thumbnails", "HasExtendedXMP", "Orientation", "ImageWidth", "ImageLength"),
    *("PixelXDimension", "PixelYDimension", "ExifImageWidth", "ExifImageHeight"),
}
_GONE_STARTS = ("MotionPhoto", "MicroVideo")


def kept_xmp(packet: Any) -> bytes | None:
    """The part of a packet that is still true of the result; None where there is none."""
    data = packet.encode() if isinstance(packet, str) else packet
    if not isinstance(data, bytes) or not data.strip() or len(data) > _MOST_BYTES:
        return None
    keeper = _Keeper()
    try:
        parseString(data.rstrip(b"\x00 \t\r\n"), keeper, forbid_dtd=True)
    except (DefusedXmlException, SAXException, ValueError, LookupError, RecursionError):
        return None
    return keeper.result()


class _Keeper(XMLGenerator):
    """Writes what it reads, less elements and attributes that are gone, with the prefixes that it finds."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        super().__init__(self._text, "utf-8", short_empty_elements=True)
        self._spaces: list[dict[str, str]] = [{}]
        self._skipped = 0
        self._facts = 0

    def startDocument(self) -> None:
        pass

    def processingInstruction(self, target: str, data: str) -> None:
        """Leave out the packet's own wrapper: `result` writes one."""

    def startElement(self, name: str, attrs: Any) -> None:
        """Pass an element on, or skip it with all that is in it. Raises ValueError where elements nest too deep."""
        given = dict(attrs.items())
        spaces = dict(self._spaces[-1])
        spaces |= {key[6:]: value for key, value in given.items() if key.startswith("xmlns:")}
        self._spaces.append(spaces)
        if len(self._spaces) > _DEEPEST:
            raise ValueError("too deep")
        if self._skipped or self._is_gone(name):
            self._skipped += 1
            return
        kept = {
            key: value for key, value in given.items() if key.startswith("xmlns") or not self._is_gone(key)
        }
        self._facts += sum(not key.startswith(("xmlns", "rdf:", "x:", "xml:")) for key in kept)
        self._facts += not name.startswith(("rdf:", "x:"))
        super().startElement(name, AttributesImpl(kept))

    def endElement(self, name: str) -> None:
        self._spaces.pop()
        if self._skipped:
            self._skipped -= 1
        else:
            super().endElement(name)

    def characters(self, content: str) -> None:
        if not self._skipped:
            super().characters(content)

    def ignorableWhitespace(self, content: str) -> None:
        self.characters(content)

    def _is_gone(self, name: str) -> bool:
        prefix, _, local = name.rpartition(":")
        space = self._spaces[-1].get(prefix, "").lower()
        if local in _GONE_NAMES or local.startswith(_GONE_STARTS):
            return True
        return any(part in space for part in _GONE_SPACES)

    def result(self) -> bytes | None:
        head, tail = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>', '<?xpacket end="w"?>'
        return (head + self._text.getvalue() + tail).encode() if self._facts else None

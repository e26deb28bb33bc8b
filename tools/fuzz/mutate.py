"""Damage to a file: by bits and bytes, by lengths and numbers, by cutting, doubling and mixing, by words in texts.

Enters: a file's bytes, others to mix with, a source of random numbers. Leaves: other bytes; the same numbers make
the same bytes.
"""

import re
import struct
import zlib
from random import Random

NUMBERS = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
)
WORDS = (
    *(
        "0",
        "-1",
        "1e308",
        "-1e999",
        "NaN",
        "Infinity",
        "null",
        "true",
        '""',
        "[]",
        "{}",
        "9" * 400,
        "../../../x",
    ),
    *("\x00", "\n", "=1+1", "%s", "é", "\udcff", "a" * 5000, "[" * 3000, "0x10", "1_0", "٣", "-0", "1e-320"),
)
LARGEST = 200_000
_TOKEN = re.compile(rb"[\w.+-]+|\"[^\"]*\"")


def mutated(data: bytes, others: list[bytes], draw: Random) -> bytes:
    """The bytes after one to four damages."""
    steps = (bits, bytes_, number, cut, removed, doubled, moved, mixed, zeroed, grown)
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 4))):
        step = draw.choice(steps)
        if is_text(changed) and draw.random() < 0.6:
            step = word
        changed = step(changed, others, draw) or bytearray(b"\x00")
    if changed.startswith(b"\x89PNG") and draw.random() < 0.7:
        changed = with_checksums(changed)
    return bytes(changed[:LARGEST])


def is_text(data: bytearray) -> bool:
    return data[:1] in (b"{", b"[", b"<", b"P") or b"," in data[:40]


def bits(data: bytearray, others: list[bytes], draw: Random) -> bytearray:
    for _ in range(draw.choice((1, 1, 2, 8))):
        data[place(data, draw)] ^= 1 << draw.randrange(8)
    return data


def bytes_(data: bytearray, others: list[bytes], draw: Random) -> bytearray:
    for _ in range(draw.choice((1, 2, 4, 16))):
        data[place(data, draw)] = draw.randrange(256)
    return data


def number(data: bytearray, others: list[bytes], draw: Random) -> bytearray:
    """A whole number of 1, 2, 4 or 8 bytes, either way round, at a place that headers prefer."""
    form = draw.choice(("B", "H", "I", "I", "Q"))
    order, size = draw.choice("<>"), struct.calcsize(form)
    at = place(data, draw)
    if at + size <= len(data):
        (old,) = struct.unpack_from(order + form, data, at)
        new = draw.choice((*NUMBERS, old + 1, old - 1, old * 2, len(data), len(data) - at)) % (1 << 8 * size)
        struct.pack_into(order + form, data, at, new)
    return data


def cut(data: bytearray, others: list[bytes], draw: Random) -> bytearray:
    return data[: draw.randrange(len(data) + 1)]


def removed(data: bytearray, others: list[bytes], draw: Random) -> bytearray:
    at = place(data, draw)
    return data[:at] + data[at + draw.choice((1, 2, 4, 12, 64, 1000)) :]


def doubled(data: bytearray, others: list[bytes], draw: Random) -> bytearray:
    at, length = place(data, draw), draw.choice((1, 4, 12, 64, 500))
    return data[:at] + data[at : at + length] * draw.choice((2, 3, 50)) + data[at + length :]


def moved(data: bytearray, others: list[bytes], draw: Random) -> bytearray:
    a, b, length = place(data, draw), place(data, draw), draw.choice((2, 4, 12, 40))
    part = data[a : a + length]
    return data[:b] + part + data[b + len(part) :]


def mixed(data: bytearray, others: list[bytes], draw: Random) -> bytearray:
    other = draw.choice(others)
    start = draw.randrange(len(other))
    part = other[start : start + draw.choice((8, 64, 512, len(other)))]
    at = place(data, draw)
    return data[:at] + part + data[at + draw.choice((0, len(part))) :]


def zeroed(data: bytearray, others: list[bytes], draw: Random) -> bytearray:
    at, length = place(data, draw), draw.choice((4, 16, 200))
    part = bytes((draw.choice((0, 255)),)) * len(data[at : at + length])
    return data[:at] + part + data[at + length :]


def grown(data: bytearray, others: list[bytes], draw: Random) -> bytearray:
    return data + bytes(draw.randrange(256) for _ in range(draw.choice((1, 16, 256))))


def word(data: bytearray, others: list[bytes], draw: Random) -> bytearray:
    """One token of a text by another."""
    found = list(_TOKEN.finditer(data))
    if not found:
        return data
    token = draw.choice(found)
    new = draw.choice(WORDS).encode("utf-8", "surrogateescape")
    if token[0][:1] == b'"' and draw.random() < 0.5:
        new = b'"' + new + b'"'
    return data[: token.start()] + new + data[token.end() :]


def place(data: bytearray, draw: Random) -> int:
    """A place in the data, in its first bytes as often as anywhere."""
    return (
        draw.randrange(min(len(data), draw.choice((16, 64, 400, len(data), len(data)))) or 1) if data else 0
    )


def with_checksums(png: bytearray) -> bytearray:
    """A PNG whose chunks' checksums are right again, so that damage gets past them."""
    at, whole = 8, bytearray(png)
    while at + 12 <= len(whole):
        (length,) = struct.unpack_from(">I", whole, at)
        if at + 12 + length > len(whole):
            break
        struct.pack_into(">I", whole, at + 8 + length, zlib.crc32(whole[at + 4 : at + 8 + length]))
        at += 12 + length
    return whole

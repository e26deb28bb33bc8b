"""Files appended to a JPEG, as the directory in its XMP lists them.

Enters: the bytes of the JPEG, its `PhotoXmp`. Leaves: the bytes of one file, or a ValueError with why it can't be
there. The photo itself is an item, too: the one called primary, else the first. Each item's padding follows it.
"""

from cocnet.containers.jpeg import is_picture, picture_end
from cocnet.containers.xmp import ContainerItem, Fields, PhotoXmp

Directory = tuple[ContainerItem, ...]
_DEPTH_NAMES = ("depth", "depthmap", "android/depthmap")
_PRIMARY_NAMES = ("primary", "primary_image", "android/primary")


def find_depth_item(xmp: PhotoXmp) -> tuple[Directory, int, Fields] | None:
    """The directory and place of the first depth picture, with the fields that decode it; None without one."""
    named = {fields["DepthURI"]: fields for fields in xmp.depth_maps if "DepthURI" in fields}
    ranged = next((fields for fields in xmp.depth_maps if "Near" in fields), xmp.gdepth)
    for directory in xmp.directories:
        for index, item in enumerate(directory):
            is_depth = item.uri in named or item.uri.lower() in _DEPTH_NAMES
            is_depth |= item.semantic.lower() in _DEPTH_NAMES
            if is_depth and not item.is_gain_map and index != primary_place(directory):
                return directory, index, named.get(item.uri, ranged)
    return None


def find_original_item(xmp: PhotoXmp) -> tuple[Directory, int] | None:
    """The directory and place of the picture before the phone blurred it, beside its depth; None without one."""
    depth = find_depth_item(xmp)
    if depth is None:
        return None
    names = [(item.semantic.lower(), item.uri.lower()) for item in depth[0]]
    place = next(
        (i for i, (semantic, uri) in enumerate(names) if semantic == "original" or "original" in uri), None
    )
    return None if place in (None, primary_place(depth[0])) else (depth[0], int(place or 0))


def primary_place(directory: Directory) -> int:
    """Which of the items is the photo itself."""
    names = [(item.semantic.lower(), item.uri.lower()) for item in directory]
    return next((i for i, each in enumerate(names) if set(each) & set(_PRIMARY_NAMES)), 0)


def cut_item(jpeg: bytes, directory: Directory, index: int) -> bytes:
    """The bytes of an appended file, found by what precedes it, else (other data between) by what follows it."""
    primary, item = primary_place(directory), directory[index]
    appended = [i for i in range(len(directory)) if i != primary]
    at = appended.index(index)
    before, after = (
        sum(directory[i].length + directory[i].padding for i in part)
        for part in (appended[:at], appended[at + 1 :])
    )
    end = picture_end(jpeg)
    starts = (
        end + directory[primary].padding + before,
        len(jpeg) - after - item.padding - item.length,
    )
    inside = [start for start in starts if start >= end and start + item.length <= len(jpeg)]
    if item.length == 0 or not inside:
        raise ValueError(f"its container promises {item.length:,} bytes past the end of the file")
    start = next((start for start in inside if is_picture(jpeg, start)), inside[0])
    return jpeg[start : start + item.length]

"""Files appended to a JPEG: an item is what its element holds, and lies where lengths and paddings put it."""

import itertools

import numpy as np
import pytest

from cocnet.containers.item_directory import cut_item, find_depth_item, primary_place
from cocnet.containers.xmp import ContainerItem, PhotoXmp, read_xmp
from cocnet.errors import CocnetWarning

FIELDS = ("Semantic", "Mime", "Length", "Padding")


def as_attributes(fields):
    written = " ".join(f'Item:{name}="{value}"' for name, value in fields.items())
    return f"<rdf:li><Container:Item {written}/></rdf:li>"


def as_children(fields):
    written = "".join(f"<Item:{name}>{value}</Item:{name}>" for name, value in fields.items())
    return f'<rdf:li><Container:Item rdf:parseType="Resource">{written}</Container:Item></rdf:li>'


def as_description(fields):
    written = " ".join(f'Item:{name}="{value}"' for name, value in fields.items())
    return f"<rdf:li><Container:Item><rdf:Description {written}/></Container:Item></rdf:li>"


def on_the_list_item(fields):
    written = " ".join(f'Item:{name}="{value}"' for name, value in fields.items())
    return f'<rdf:li rdf:parseType="Resource" {written}/>'


def half_and_half(fields):
    (first, value), *rest = fields.items()
    written = "".join(f"<Item:{name}>{value}</Item:{name}>" for name, value in rest)
    return f'<rdf:li><Container:Item Item:{first}="{value}">{written}</Container:Item></rdf:li>'


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::3])
@pytest.mark.parametrize(
    "spell", [as_attributes, as_children, as_description, on_the_list_item, half_and_half]
)
def test_the_order_and_spelling_of_fields_mean_nothing(make, spell, order):
    def in_order(fields):
        return spell({FIELDS[i]: fields[FIELDS[i]] for i in order})

    items = (("Primary", 0, 3), ("GainMap", 70, 0), ("Depth", 50, 5))
    (directory,) = read_xmp([make.container_xmp(items, spell=in_order)]).directories
    assert directory == tuple(ContainerItem(length, padding, "", name) for name, length, padding in items)


def test_items_without_a_list(make):
    xmp = make.container_xmp((("Primary", 0, 0), ("Depth", 9, 0)))
    for tag in (b'<rdf:li rdf:parseType="Resource">', b"</rdf:li>", b"<rdf:Seq>", b"</rdf:Seq>"):
        xmp = xmp.replace(tag, b"")
    (directory,) = read_xmp([xmp]).directories
    assert [item.semantic for item in directory] == ["Primary", "Depth"]


@pytest.mark.parametrize("gain_map_first", [True, False])
def test_a_gain_map_is_never_depth(make, jpeg, png, codes, open_bytes, gain_map_first):
    gain = make.encoded(np.zeros((6, 8), np.uint8), "JPEG")
    parts = [("GainMap", gain), ("Depth", png)]
    parts = parts if gain_map_first else parts[::-1]
    items = [("Primary", 0, 0), *((name, len(data), 0) for name, data in parts)]
    whole = make.with_xmp(jpeg, make.container_xmp(items)) + b"".join(data for _, data in parts)
    with pytest.warns(CocnetWarning, match="gain map"):
        photo = open_bytes(whole)
    assert np.allclose(photo.embedded_depth.values, 1 + codes / 255, rtol=1e-5)
    items = [("Primary", 0, 0), ("GainMap", len(gain), 0)]
    with pytest.warns(CocnetWarning, match="gain map"):
        photo = open_bytes(make.with_xmp(jpeg, make.container_xmp(items)) + gain)
    assert photo.embedded_depth is None
    named = PhotoXmp(
        depth_maps=({"DepthURI": "android/gainmap"},),
        directories=((ContainerItem(0), ContainerItem(9, uri="android/gainmap")),),
    )
    assert find_depth_item(named) is None


def test_padding_of_the_photo_and_of_each_item(make, jpeg, png, codes, open_bytes):
    other = make.encoded(np.full((3, 4), 9, np.uint8), "PNG")
    items = [("Primary", 12345, 7), ("Other", len(other), 3), ("Depth", len(png), 11), ("Video", 40, 2)]
    start = make.with_xmp(jpeg, make.container_xmp(items))
    whole = start + bytes(7) + other + bytes(3) + png + bytes(11) + bytes(40) + bytes(2)
    for data in (whole, whole + b"a trailer", start + b"unlisted bytes" + whole[len(start) :]):
        assert np.allclose(open_bytes(data).embedded_depth.values, 1 + codes / 255, rtol=1e-5)


def test_the_first_item_is_the_photo_unless_another_says_so():
    depth, photo = ContainerItem(9, semantic="Depth"), ContainerItem(0, semantic="Primary")
    assert primary_place((depth, depth)) == 0 and primary_place((depth, photo)) == 1
    assert find_depth_item(PhotoXmp(directories=((depth,),))) is None
    for directory, index in (((depth, depth), 1), ((depth, photo), 0), ((photo, depth), 1)):
        assert find_depth_item(PhotoXmp(directories=(directory,)))[:2] == (directory, index)


def test_each_container_counts_for_itself(make, jpeg, png, codes, open_bytes):
    items = [("Primary", 0, 0), ("Depth", len(png), 0)]
    twice = make.container_xmp(items)
    photo = open_bytes(make.with_xmp(jpeg, twice, twice) + png)
    assert np.allclose(photo.embedded_depth.values, 1 + codes / 255, rtol=1e-5)


def test_each_depth_picture_has_its_own_range():
    maps = ({"DepthURI": "a", "Near": "1"}, {"DepthURI": "b", "Near": "2"})
    directory = (ContainerItem(0), ContainerItem(9, uri="b"), ContainerItem(9, uri="a"))
    found = find_depth_item(PhotoXmp(depth_maps=maps, directories=(directory,)))
    assert found == (directory, 1, maps[1])


@pytest.mark.parametrize(
    "items",
    [
        (ContainerItem(0), ContainerItem(10**15)),
        (ContainerItem(0, padding=10**15), ContainerItem(5)),
        (ContainerItem(0), ContainerItem(5), ContainerItem(10**15)),
        (ContainerItem(0), ContainerItem(0)),
    ],
)
def test_row_9_lengths_past_the_end(jpeg, items):
    if items[-1].length == 10**15 and len(items) == 3:
        assert cut_item(jpeg + b"12345", items, 1) == b"12345"
        return
    if items[0].padding:
        assert cut_item(jpeg + b"12345", items, 1) == b"12345"
        return
    with pytest.raises(ValueError, match="past the end"):
        cut_item(jpeg + b"12345", items, 1)

"""XMP from strangers: bounded in depth, size and time; fields by namespace, not by place."""

import time

import numpy as np
import pytest

from cocnet.containers.jpeg import xmp_packets
from cocnet.containers.xmp import PhotoXmp, read_xmp


def nested(levels, name="Container:Directory"):
    return (f"<{name}>" * levels + f"</{name}>" * levels).encode()


@pytest.mark.parametrize("name", ["Container:Directory", "rdf:Seq", "rdf:li", "rdf:Description"])
def test_deep_nesting_is_refused_at_once(make, name):
    space = 'xmlns:Container="http://ns.google.com/photos/1.0/container/"'
    packet = make.rdf(nested(20_000, name).decode(), space)
    start = time.process_time()
    with pytest.raises(ValueError, match="levels"):
        read_xmp([packet])
    assert time.process_time() - start < 1


def test_many_elements_are_refused(make):
    with pytest.raises(ValueError, match="elements"):
        read_xmp([make.rdf("<rdf:li/>" * 100_001)])
    with pytest.raises(ValueError, match="elements"):
        read_xmp([make.rdf("<rdf:li/>" * 1000)] * 101)
    space = 'xmlns:Container="http://ns.google.com/photos/1.0/container/"'
    lists = f"<Container:Directory>{'<rdf:li/>' * 1001}</Container:Directory>"
    with pytest.raises(ValueError, match="lists more than"):
        read_xmp([make.rdf(lists, space)])


def test_many_pieces_are_refused(make, jpeg):
    piece = b"\xff\xe1\x00\x04ab"
    with pytest.raises(ValueError, match="pieces"):
        xmp_packets(jpeg[:2] + piece * 10_001 + jpeg[2:])


def test_google_s_two_depth_namespaces_do_not_mix(make):
    old = 'xmlns:G="http://ns.google.com/photos/1.0/depthmap/" G:Near="1" G:Far="2"'
    new = '<rdf:li xmlns:D="http://ns.google.com/photos/dd/1.0/depthmap/" D:Near="{}" D:Far="{}"/>'
    xmp = read_xmp([make.rdf(new.format(3, 4) + new.format(5, 6), old), make.rdf("")])
    assert xmp.gdepth == {"Near": "1", "Far": "2"}
    assert xmp.depth_maps == ({"Near": "3", "Far": "4"}, {"Near": "5", "Far": "6"})


def test_extended_xmp_completes_the_standard_one(make, jpeg, png):
    standard = make.gdepth_xmp(b"", "1", "3", "RangeLinear", data="")
    extended = make.gdepth_xmp(png, "9", "9")
    xmp = read_xmp(xmp_packets(make.with_xmp(jpeg, standard, extended)))
    assert xmp.gdepth["Near"] in ("1", "9") and xmp.gdepth["Data"]
    assert read_xmp([standard, extended]).gdepth["Far"] == "3"


def test_nothing_is_said_by_a_photo_without_xmp(jpeg):
    assert read_xmp(xmp_packets(jpeg)) == PhotoXmp()


def test_a_gain_map_is_said_by_adobe_s_namespace(make):
    said = make.rdf("", 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"')
    assert read_xmp([said]).has_gain_map and not read_xmp([make.rdf("")]).has_gain_map


def test_a_photo_with_broken_xmp_still_opens(make, jpeg, open_bytes):
    space = 'xmlns:Container="http://ns.google.com/photos/1.0/container/"'
    photo = open_bytes(make.with_xmp(jpeg, make.rdf(""), make.rdf(nested(9000).decode(), space)))
    assert photo.embedded_depth is None and "levels" in photo.depth_note
    assert photo.pixels.shape == (18, 24, 3) and photo.pixels.dtype == np.uint8


@pytest.mark.parametrize(("levels", "fine"), [(61, True), (62, False)])
def test_sixty_four_levels_are_the_most(make, levels, fine):
    """Those of the packet itself are three."""
    packet = make.rdf("<rdf:li>" * levels + "</rdf:li>" * levels)
    if fine:
        assert read_xmp([packet]) == PhotoXmp()
    else:
        with pytest.raises(ValueError, match="64 levels"):
            read_xmp([packet])


def test_a_thousand_files_are_the_most(make):
    items = [("Video", 5, 0)] * 1000
    (directory,) = read_xmp([make.container_xmp(items)]).directories
    assert len(directory) == 1000
    with pytest.raises(ValueError, match="lists more than 1,000"):
        read_xmp([make.container_xmp([*items, items[0]])])


@pytest.mark.parametrize(("digits", "fine"), [(15, True), (16, False)])
def test_lengths_have_fifteen_digits(make, digits, fine):
    for items in ([("Depth", "9" * digits, 0)], [("Depth", 0, "9" * digits)]):
        if fine:
            (((item,),)) = read_xmp([make.container_xmp(items)]).directories
            assert max(item.length, item.padding) == 10**15 - 1
        else:
            with pytest.raises(ValueError, match="as padding"):
                read_xmp([make.container_xmp(items)])


def test_what_is_not_said_of_an_item_is_zero(make):
    xmp = make.container_xmp([("Depth", 7, 0)]).replace(b'Item:Padding="0"', b"")
    ((item,),) = read_xmp([xmp]).directories
    assert (item.length, item.padding, item.uri) == (7, 0, "")

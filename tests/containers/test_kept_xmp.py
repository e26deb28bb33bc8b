"""XMP that goes on: facts stay, what isn't true of the result goes, and nesting has an end."""

import pytest

from cocnet.containers.kept_xmp import kept_xmp


def nested(levels):
    """A packet of so many levels, a fact at the innermost."""
    return "<x:a>" * (levels - 1) + "<k:fact>yes</k:fact>" + "</x:a>" * (levels - 1)


@pytest.mark.parametrize(("levels", "kept"), [(1, True), (63, True), (64, False), (500, False)])
def test_nesting_ends_at_63_levels(levels, kept):
    assert (kept_xmp(nested(levels)) is not None) == kept


@pytest.mark.parametrize(("filling", "kept"), [(0, True), (1, False)])
def test_two_megabytes_are_the_most(filling, kept):
    packet = b"<k:fact>yes</k:fact>"
    packet += b" " * (2_000_000 - len(packet) + filling)
    assert (kept_xmp(packet) is not None) == kept


def test_what_lies_in_a_gone_part_goes_with_it_and_what_follows_stays():
    inner = "<k:a>1<k:b>2</k:b>3</k:a>"
    packet = f'<x:m><k:Thumbnails>{inner}</k:Thumbnails>{inner}<k:c k:Orientation="6" k:d="5">4</k:c></x:m>'
    kept = kept_xmp(packet).decode()
    assert kept.count(inner) == 1 and '<k:c k:d="5">4</k:c>' in kept
    assert "Thumbnails" not in kept and "Orientation" not in kept


@pytest.mark.parametrize("packet", ["<x:m><rdf:a/></x:m>", '<x:m x:tk="1" xmlns:k="u"/>', "", " \n", None, 3])
def test_without_a_fact_nothing_is_kept(packet):
    assert kept_xmp(packet) is None


@pytest.mark.parametrize("packet", ["<x:m><k:a/></x:m>", '<x:m k:a="1"/>', '<x:m><rdf:li k:a="1"/></x:m>'])
def test_one_fact_is_enough(packet):
    assert packet[5:-1] in kept_xmp(packet).decode()
    assert kept_xmp(packet.encode() + b"\x00 \n") == kept_xmp(packet)


@pytest.mark.parametrize("name", ["MotionPhoto", "MotionPhotoVersion", "MicroVideo", "MicroVideoOffset"])
def test_a_film_that_is_gone_is_no_fact(name):
    packet = f'<x:m><k:a G:{name}="1" k:b="2"><any:{name}>3</any:{name}></k:a></x:m>'
    kept = kept_xmp(packet).decode()
    assert '<k:a k:b="2"' in kept and name not in kept


def test_a_packets_wrapper_is_there_once_however_often_it_passes():
    once = kept_xmp("<k:fact>yes</k:fact>")
    assert kept_xmp(once) == kept_xmp(kept_xmp(once)) == once and once.count(b"<?xpacket") == 2

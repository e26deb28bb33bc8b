"""Makers' own depth behind the picture: named, never guessed inside the picture itself."""

import pytest

from cocnet.containers.trailers import maker_of_trailer


@pytest.mark.parametrize(
    ("trailer", "maker"),
    [
        (b"\x00DualShot_DepthMap_1\x00SEFT", "Samsung"),
        (b"\x00SingeShot_DepthMap_1\x00SEFT", "Samsung"),
        (b"\x00SingleShot_DepthMap_1\x00SEFT", "Samsung"),
        (b"\x00\x00\x00edof\x00\x01", "Huawei"),
        (b"PMPD", "Xiaomi"),
    ],
)
def test_trailers_are_named(jpeg, open_bytes, trailer, maker):
    photo = open_bytes(jpeg + bytes(100) + trailer + bytes(3_000_000))
    assert photo.embedded_depth is None
    assert maker in photo.depth_note and "not supported" in photo.depth_note


def test_the_depth_that_xiaomi_s_xmp_describes(make, jpeg, open_bytes):
    xmp = make.rdf("", 'xmlns:MiCamera="http://ns.xiaomi.com/photos/1.0/camera/" MiCamera:XMPMeta="depthmap"')
    assert "Xiaomi" in open_bytes(make.with_xmp(jpeg, xmp) + bytes(50)).depth_note
    assert open_bytes(make.with_xmp(jpeg, xmp)).depth_note is None


def test_marks_within_the_picture_say_nothing():
    assert maker_of_trailer(b"..edof\x00..end", 9) is None
    assert maker_of_trailer(b"..edof\x00..end", 0) == "Huawei"

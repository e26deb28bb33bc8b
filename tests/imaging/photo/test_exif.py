import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cocnet.errors import CocnetWarning
from cocnet.imaging.photo.exif import CameraInfo, read_exif

MAKE, MODEL, ORIENTATION = 0x010F, 0x0110, 0x0112
FNUMBER, BIAS, FOCAL, FOCAL35 = 0x829D, 0x9204, 0x920A, 0xA405


@pytest.mark.parametrize("order", ["<", ">"])
def test_camera_orientation_and_an_upright_copy(make, order):
    inner = [(FNUMBER, 5, [(18, 10)]), (FOCAL, 5, [(57, 10)]), (FOCAL35, 3, [26])]
    block = make.exif([(MAKE, 2, b"Acme"), (MODEL, 2, b"One"), (ORIENTATION, 3, [6])], inner, order)
    reading = read_exif(b"Exif\x00\x00" + block)
    assert reading.orientation == 6
    assert reading.camera == CameraInfo(pytest.approx(0.0057), pytest.approx(0.026), 1.8, "Acme", "One")
    again = Image.Exif()
    again.load(reading.block)
    assert again[ORIENTATION] == 1
    assert (again[MAKE], float(again.get_ifd(0x8769)[FOCAL])) == ("Acme", pytest.approx(5.7))


@pytest.mark.parametrize(
    ("tag", "name"), [(FOCAL, "FocalLength"), (BIAS, "ExposureBias"), (FNUMBER, "FNumber")]
)
def test_impossible_fraction_is_dropped_with_its_name(make, tag, name):
    block = make.exif([(MAKE, 2, b"Acme"), (ORIENTATION, 3, [3])], [(tag, 10, [(-2, 0)]), (FOCAL35, 3, [50])])
    with pytest.warns(CocnetWarning, match=name):
        reading = read_exif(block)
    assert reading.orientation == 3
    assert reading.camera == CameraInfo(focal_length_35mm_m=pytest.approx(0.05), make="Acme")
    again = Image.Exif()
    again.load(reading.block)
    assert tag not in again.get_ifd(0x8769)
    assert again[MAKE] == "Acme"
    again.tobytes()


def test_unknown_fraction_stays_quiet(make):
    block = make.exif([(MAKE, 2, b"A")], [(FOCAL, 5, [(0, 0)])])
    reading = read_exif(block)
    assert reading.camera == CameraInfo(make="A")
    assert reading.block == block


@pytest.mark.parametrize("value", [(1, 1000), (60_000, 1)])
def test_a_number_no_lens_has(make, value):
    with pytest.warns(CocnetWarning, match="no lens"):
        reading = read_exif(make.exif([], [(FNUMBER, 5, [value]), (FOCAL, 5, [(4_000_000_000, 1)])]))
    assert reading.camera is None or reading.camera.f_number is not None


@given(st.binary(max_size=200))
def test_garbage_never_raises(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_exif(b"II*\x00" + data)
        read_exif(data)


@given(st.data())
def test_damaged_blocks_never_raise(make, data):
    inner = [(FNUMBER, 5, [(18, 10)]), (FOCAL, 10, [(-2, 0)]), (FOCAL35, 3, [26])]
    block = bytearray(make.exif([(MAKE, 2, b"Acme camera"), (ORIENTATION, 3, [6])], inner))
    for _ in range(data.draw(st.integers(1, 4))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reading = read_exif(bytes(block))
        assert 1 <= reading.orientation <= 8
        assert reading.block is None or read_exif(reading.block).orientation == 1


def test_unreadable_exif_is_dropped_with_a_warning():
    with pytest.warns(CocnetWarning, match="EXIF"):
        assert read_exif(b"Exif\x00\x00garbage").block is None


def test_sensor_width():
    full_frame = CameraInfo(focal_length_m=0.05, focal_length_35mm_m=0.05)
    assert full_frame.sensor_width_m(6000, 4000) == pytest.approx(0.036)
    assert full_frame.sensor_width_m(4000, 6000) == pytest.approx(0.024)
    half = CameraInfo(focal_length_m=0.025, focal_length_35mm_m=0.05)
    assert half.sensor_width_m(6000, 4000) == pytest.approx(0.018)
    assert CameraInfo(focal_length_m=0.05).sensor_width_m(6000, 4000) is None

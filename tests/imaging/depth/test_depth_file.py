"""Depth files: every format there and back, kinds and scales; rows 11, 12 and 15 of the bad-input table."""

import errno
import io
import json
import os
import pickle
import struct
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from cocnet.errors import CocnetWarning, DepthError, FileError
from cocnet.imaging import Photo, write_photo
from cocnet.imaging.depth.depth_map import KINDS, DepthMap, read_depth, write_depth
from cocnet.imaging.embedded.describe import describe_depth

RAMP = np.linspace(1, 5, 12, dtype=np.float32).reshape(3, 4)


def one_line(caught, *words):
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in ("expected", "got", "try", *words)), message


@pytest.mark.parametrize("suffix", [".npy", ".pfm", ".exr"])
@pytest.mark.parametrize("kind", KINDS)
def test_float_formats_are_exact(tmp_path, suffix, kind):
    if suffix == ".exr":
        pytest.importorskip("OpenEXR")
    values = RAMP.copy()
    values[0, 1] = np.nan
    depth = DepthMap.of(values, kind, source="a test")
    write_depth(tmp_path / f"d{suffix}", depth)
    again = read_depth(tmp_path / f"d{suffix}")
    assert (again.kind, again.source) == (kind, "a test")
    assert np.array_equal(again.values, depth.values)
    assert np.array_equal(again.valid, depth.valid)


@pytest.mark.parametrize("suffix", [".npy", ".png"])
def test_the_distances_that_a_relative_map_suggests(tmp_path, suffix):
    path = tmp_path / f"d{suffix}"
    write_depth(path, replace(DepthMap.of(RAMP, "relative_depth"), span_m=(2.0, 20.0)))
    assert read_depth(path).span_m == read_depth(path, scale=2.0).span_m == (2.0, 20.0)
    assert read_depth(path, kind="metric", scale=1.0).span_m is None
    beside = path.with_name(path.name + ".json")
    write_depth(path, replace(DepthMap.of(RAMP, "relative_depth"), span_m=(np.float32(2), np.float32(20))))
    assert read_depth(path).span_m == (2.0, 20.0)
    with pytest.raises(DepthError) as caught:
        write_depth(path, replace(DepthMap.of(RAMP, "relative_depth"), span_m=(5.0, 5.0)))
    one_line(caught, "a near and a far distance")
    assert read_depth(path).span_m == (2.0, 20.0)
    for broken in ([3], [20.0, 2.0], "near", 5, [1, 10**400]):
        beside.write_text(json.dumps({"kind": "relative_depth", "span_m": broken}))
        with pytest.raises(DepthError) as caught:
            read_depth(path)
        one_line(caught, "sidecar")


@settings(max_examples=60, deadline=None)
@example("metric", 0.999999, 1.0, 0)
@given(st.sampled_from(KINDS), st.floats(1e-3, 1e3), st.floats(1.0, 1e4), st.integers(0, 99))
def test_png_is_within_one_step(tmp_path_factory, kind, low, ratio, seed):
    path = tmp_path_factory.mktemp("d") / "d.png"
    values = low * ratio ** np.random.default_rng(seed).random((5, 6))
    values[2, 3] = np.nan
    depth = DepthMap.of(values, kind)
    write_depth(path, depth)
    again = read_depth(path)
    assert again.kind == kind and np.array_equal(again.valid, depth.valid)
    line = (lambda v: 1 / v) if kind == "metric" else (lambda v: v)
    before, after = (
        line(depth.values[depth.valid].astype(float)),
        line(again.values[depth.valid].astype(float)),
    )
    assert np.abs(after - before).max() <= 0.51 * np.ptp(before) / 65534 + 1e-6 * before.max()


def test_png_keeps_millimetres(tmp_path):
    millimetres = np.random.default_rng(0).integers(0, 65536, (20, 30)).astype(np.uint16)
    Image.fromarray(millimetres).save(tmp_path / "a.png")
    write_depth(tmp_path / "b.png", read_depth(tmp_path / "a.png", "metric", 0.001))
    with Image.open(tmp_path / "b.png") as image:
        assert np.array_equal(np.asarray(image), millimetres)


def test_png_of_a_constant_map(tmp_path):
    for kind in KINDS:
        write_depth(tmp_path / "a.png", DepthMap.of(np.full((2, 2), np.float32(1.2345678)), kind))
        assert np.allclose(read_depth(tmp_path / "a.png").values, 1.2345678, rtol=1e-6)


def test_guessed_millimetres_are_called_a_guess(tmp_path):
    Image.fromarray(np.full((2, 2), 1500, np.uint16)).save(tmp_path / "a.png")
    depth = read_depth(tmp_path / "a.png", "metric")
    assert np.allclose(depth.values, 1.5) and "guess" in depth.source
    assert np.allclose(read_depth(tmp_path / "a.png", "metric", scale=0.01).values, 15)


def test_eight_bits_warn_and_need_a_scale(tmp_path):
    Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3)).save(tmp_path / "a.png")
    with pytest.warns(CocnetWarning, match="stair"):
        assert read_depth(tmp_path / "a.png", "relative_disparity").values.max() == 5
    with pytest.warns(CocnetWarning, match="stair"), pytest.raises(DepthError) as caught:
        read_depth(tmp_path / "a.png", "metric")
    one_line(caught, "--depth-scale")


def test_whole_number_disparity_needs_a_scale(tmp_path):
    Image.fromarray(np.array([[0, 300]], np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(DepthError) as caught:
        read_depth(tmp_path / "a.png", "disparity")
    one_line(caught, "--depth-scale", "relative_disparity")
    depth = read_depth(tmp_path / "a.png", "disparity", 0.01)
    assert depth.values.tolist() == [[0, 3]] and depth.valid.all()
    (tmp_path / "a.json").write_text('{"kind": "disparity", "scale": 0.01, "hole": 0}')
    assert read_depth(tmp_path / "a.png").valid.tolist() == [[False, True]]


@pytest.mark.parametrize("suffix", [".png", ".npy", ".pfm", ".exr"])
@pytest.mark.parametrize(("kind", "infinity"), [("metric", np.inf), ("metric", 1e10), ("disparity", 0.0)])
def test_infinity_there_and_back(tmp_path, suffix, kind, infinity):
    if suffix == ".exr":
        pytest.importorskip("OpenEXR")
    values = np.where(np.eye(12, 16, dtype=bool), np.nan, RAMP.repeat(4, 0).repeat(4, 1))
    values[:3, 8:] = infinity
    write_depth(tmp_path / f"a{suffix}", DepthMap.of(values, kind))
    again = read_depth(tmp_path / f"a{suffix}")
    assert np.array_equal(again.valid, ~np.eye(12, 16, dtype=bool))
    assert np.allclose(again.inverse_depth()[:3, 8:], 1e-4, atol=1e-4)
    assert np.allclose(again.inverse_depth()[3:, 8:].max(), 1 / 3 if kind == "metric" else 5, rtol=1)


def test_infinity_in_half_floats(tmp_path):
    openexr = pytest.importorskip("OpenEXR")
    values = np.full((6, 8), 2.0, np.float32)
    values[:, :3] = 1e10
    with np.errstate(over="ignore"):
        channels = {"Z": values.astype(np.float16)}
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    openexr.File(header, channels).write(str(tmp_path / "a.exr"))
    metres = read_depth(tmp_path / "a.exr", "metric").depth_m()
    assert np.allclose(metres[:, :3], 1e4) and np.allclose(metres[:, 3:], 2)


@pytest.mark.parametrize(("kind", "absurd"), [("metric", 1e-5), ("disparity", 1e6), ("relative_depth", -1e7)])
def test_an_absurd_value_costs_a_png_no_steps(tmp_path, kind, absurd):
    values = np.linspace(1, 5.00005, 2500).reshape(50, 50)
    values[7, 9] = absurd
    write_depth(tmp_path / "a.png", DepthMap.of(values, kind))
    again = read_depth(tmp_path / "a.png").values
    others = values != absurd
    assert np.allclose(again[others], values[others], atol=1e-3)


def test_kind_must_come_from_somewhere(tmp_path):
    np.save(tmp_path / "a.npy", RAMP)
    with pytest.raises(DepthError) as caught:
        read_depth(tmp_path / "a.npy")
    one_line(caught, "--depth-kind", *KINDS)
    (tmp_path / "a.json").write_text('{"kind": "disparity", "scale": 2, "offset": 1}')
    assert np.allclose(read_depth(tmp_path / "a.npy").values, 2 * RAMP + 1)
    assert np.allclose(read_depth(tmp_path / "a.npy", "metric").values, RAMP)
    (tmp_path / "a.npy.json").write_text('{"kind": "relative_depth"}')
    assert read_depth(tmp_path / "a.npy").kind == "relative_depth"


@pytest.mark.parametrize(
    "text",
    ["{", '{"kind": 5}', '{"kind": "metric", "scale": "x"}', '{"kind": "metric", "scale": 0}', "\x00", "3"],
)
def test_broken_sidecars(tmp_path, text):
    np.save(tmp_path / "a.npy", RAMP)
    (tmp_path / "a.npy.json").write_text(text)
    with pytest.raises(DepthError) as caught:
        read_depth(tmp_path / "a.npy")
    one_line(caught)


def test_someone_elses_json_is_no_sidecar(tmp_path):
    np.save(tmp_path / "a.npy", RAMP)
    (tmp_path / "a.json").write_text('{"f_number": 2}')
    assert read_depth(tmp_path / "a.npy", "metric").kind == "metric"


@pytest.mark.parametrize("text", ["{", "3", "\x00", '{"kind": "metric"}' + " " * 1_000_000])
def test_someone_elses_json_that_cant_be_read_stops_nothing(tmp_path, rgb, text):
    np.save(tmp_path / "a.npy", RAMP)
    (tmp_path / "a.json").write_text(text)
    with pytest.warns(CocnetWarning, match="isn't used"):
        assert np.array_equal(read_depth(tmp_path / "a.npy", "metric").values, RAMP)
    Image.fromarray(rgb).save(tmp_path / "a.png")
    with pytest.warns(CocnetWarning, match="isn't used"):
        assert describe_depth(tmp_path / "a.png")["holds"] == "photo without depth"


def test_a_sidecar_of_ours_that_is_broken_is_named_and_not_to_be_deleted(tmp_path):
    np.save(tmp_path / "a.npy", RAMP)
    (tmp_path / "a.json").write_text('{"kind": "metric", "scale": 0}')
    with pytest.raises(DepthError, match="try mending it"):
        read_depth(tmp_path / "a.npy")


@pytest.mark.parametrize("order", ["<", ">"])
def test_pfm_both_ways_round(tmp_path, order):
    scale = -1.0 if order == "<" else 1.0
    (tmp_path / "a.pfm").write_bytes(
        f"Pf\n4 3\n{scale}\n".encode() + RAMP[::-1].astype(order + "f4").tobytes()
    )
    assert np.array_equal(read_depth(tmp_path / "a.pfm", "metric").values, RAMP)


def test_tiff_of_many_types(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    for dtype in (np.float32, np.uint16, np.int32):
        tifffile.imwrite(tmp_path / "a.tif", (100 * RAMP).astype(dtype))
        values = read_depth(tmp_path / "a.tif", "relative_depth").values
        assert np.array_equal(values, (100 * RAMP).astype(dtype).astype(np.float32))


def test_npy_of_many_types(tmp_path):
    for array in (RAMP.astype(">f8"), RAMP.astype(np.float16), RAMP[None], np.asfortranarray(RAMP)):
        np.save(tmp_path / "a.npy", array)
        assert np.allclose(read_depth(tmp_path / "a.npy", "metric").values, RAMP, rtol=1e-3)


def test_npz_with_one_array(tmp_path):
    path = tmp_path / "a.npz"
    for save in (np.savez, np.savez_compressed):
        for array in (RAMP, RAMP.astype(">f8"), np.asfortranarray(RAMP), RAMP[None]):
            save(path, whatever=array)
            assert np.array_equal(read_depth(path, "metric").values, RAMP)
        save(path, depth=RAMP, focal=np.float32(3))
        assert np.array_equal(read_depth(path, "metric").values, RAMP)
    assert describe_depth(path)["holds"] == "depth file"
    np.savez(path, near=RAMP, far=RAMP)
    with pytest.raises(DepthError) as caught:
        read_depth(path, "metric")
    one_line(caught, "near, far", "one array")


@pytest.mark.parametrize("array", [np.array([[None]]), np.ones(5), np.array([["a"]])])
def test_npz_of_other_things(tmp_path, array):
    np.savez(tmp_path / "a.npz", array, allow_pickle=True)
    with pytest.raises(DepthError) as caught:
        read_depth(tmp_path / "a.npz", "metric")
    one_line(caught)


def test_npz_is_sized_before_it_is_unpacked(tmp_path):
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (50000, 50000), }".ljust(118) + b"\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("d.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(10**7))
    with pytest.raises(FileError) as caught:
        read_depth(tmp_path / "a.npz", "metric")
    one_line(caught, "50000 × 50000")


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", ">f8", ">i4", ">u2", "i2", "i4", "u4"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_of_any_number(tmp_path, dtype, compression):
    tifffile = pytest.importorskip("tifffile")
    values = (8 * RAMP).astype(dtype)
    byteorder = ">" if dtype[0] == ">" else "<"
    tifffile.imwrite(tmp_path / "a.tif", values, compression=compression, byteorder=byteorder)
    found = read_depth(tmp_path / "a.tif", "relative_depth").values
    assert np.array_equal(found, values.astype(np.float32))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_tiff_of_floats_with_less_than_its_header_says(tmp_path, dtype):
    tifffile = pytest.importorskip("tifffile")
    values = np.random.default_rng(0).random((64, 64)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", values)
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[: int(0.9 * len(data))])
    with pytest.raises(FileError) as caught:
        read_depth(tmp_path / "a.tif", "metric")
    one_line(caught, "damaged")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8, 3), dtype), photometric="rgb")
    with pytest.raises((DepthError, FileError)):
        read_depth(tmp_path / "a.tif", "metric")


def test_grey_stored_as_colour_is_read_and_colour_is_not(tmp_path):
    Image.fromarray(np.repeat(np.arange(12, dtype=np.uint8).reshape(3, 4, 1), 3, 2)).save(tmp_path / "a.png")
    with pytest.warns(CocnetWarning):
        assert read_depth(tmp_path / "a.png", "relative_depth").values.max() == 11
    Image.fromarray(np.arange(36, dtype=np.uint8).reshape(3, 4, 3)).save(tmp_path / "a.png")
    with pytest.raises(DepthError) as caught:
        read_depth(tmp_path / "a.png", "metric")
    one_line(caught, "colour")


class Trap:
    def __reduce__(self):
        return (os.mkdir, ("trapped",))


def test_row_12_object_npy_is_refused_unopened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    with pytest.raises(DepthError) as caught:
        read_depth("a.npy", "metric")
    one_line(caught, "objects")
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(FileError) as refused:
        read_depth("b.npy", "metric")
    one_line(refused)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("name", ["a.npy", "a.pfm", "a.exr", "a.png", "a.tif"])
def test_damaged_missing_and_empty(tmp_path, name):
    if name == "a.exr":
        pytest.importorskip("OpenEXR")
    whole = DepthMap.of(np.random.default_rng(0).random((64, 64)), "metric")
    if name == "a.tif":
        Image.fromarray((whole.values * 65535).astype(np.uint16)).save(tmp_path / name)
    else:
        write_depth(tmp_path / name, whole)
    data = (tmp_path / name).read_bytes()
    for share in (0, 0.01, 0.5, 0.98):
        (tmp_path / name).write_bytes(data[: int(share * len(data))])
        with pytest.raises(FileError) as caught:
            read_depth(tmp_path / name, "metric")
        one_line(caught, name)
    (tmp_path / name).unlink()
    with pytest.raises(FileError) as caught:
        read_depth(tmp_path / name, "metric")
    one_line(caught, name)


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.mat"])
def test_unknown_suffix(tmp_path, name):
    for call in (lambda p: read_depth(p, "metric"), lambda p: write_depth(p, DepthMap.of(RAMP, "metric"))):
        with pytest.raises(FileError) as caught:
            call(tmp_path / name)
        one_line(caught, ".npy")


def test_row_1_size_is_checked_before_reading(tmp_path):
    (tmp_path / "a.pfm").write_bytes(b"Pf\n50000 50000\n-1\n" + bytes(100))
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (50000, 50000), }"
    head = head.ljust(118) + b"\n"
    with (tmp_path / "a.npy").open("wb") as stream:
        stream.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
        stream.truncate(10_000_000_200)
    for name in ("a.pfm", "a.npy"):
        with pytest.raises(FileError) as caught:
            read_depth(tmp_path / name, "metric")
        one_line(caught, "4,000 MB")


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_impossible_scale(tmp_path, scale):
    np.save(tmp_path / "a.npy", RAMP)
    with pytest.raises(DepthError) as caught:
        read_depth(tmp_path / "a.npy", "metric", scale)
    one_line(caught)


@pytest.mark.parametrize("suffix", [".png", ".npy", ".pfm", ".exr"])
def test_row_15_full_disk_leaves_file_and_sidecar(tmp_path, suffix, monkeypatch):
    if suffix == ".exr":
        pytest.importorskip("OpenEXR")
    path = tmp_path / f"a{suffix}"
    write_depth(path, DepthMap.of(RAMP, "metric"))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError) as caught:
        write_depth(path, DepthMap.of(2 * RAMP, "disparity"))
    one_line(caught, "full disk")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_row_15_link(tmp_path):
    (tmp_path / "a.npy").symlink_to(tmp_path / "b.npy")
    with pytest.raises(FileError) as caught:
        write_depth(tmp_path / "a.npy", DepthMap.of(RAMP, "metric"))
    one_line(caught, "link")
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy"]


def test_describe_depth_files(tmp_path):
    write_depth(tmp_path / "a.png", DepthMap.of(RAMP, "metric"))
    told = describe_depth(tmp_path / "a.png")
    assert told["holds"] == "depth file" and told["kind"] == "metric" and told["units"] == "m"
    assert (told["width"], told["height"], told["valid_share"]) == (4, 3, 1.0)
    assert told["max"] == pytest.approx(5, abs=1e-3)
    json.dumps(told)
    np.save(tmp_path / "b.npy", RAMP)
    told = describe_depth(tmp_path / "b.npy")
    assert told["kind"] is None and "--depth-kind" in told["note"]
    json.dumps(told)


def test_describe_photo_without_depth(tmp_path, rgb):
    Image.fromarray(rgb).save(tmp_path / "a.png")
    told = describe_depth(tmp_path / "a.png")
    assert told["holds"] == "photo without depth" and told["note"]


def test_livingroom_frames_are_millimetres(livingroom):
    path = sorted((livingroom / "depth").iterdir())[0]
    depth = read_depth(path, "metric", 0.001)
    assert (depth.width, depth.height) == (640, 480)
    assert 0.3 < np.median(depth.values[depth.valid]) < 10
    assert np.isfinite(depth.inverse_depth()).all()


@pytest.mark.parametrize("suffix", [".npy", ".pfm", ".png", ".tif", ".npz"])
def test_file_objects_and_bytes_are_known_by_their_first_bytes(suffix, tmp_path):
    values = np.arange(1000, 1012, dtype=np.uint16).reshape(3, 4)
    path = tmp_path / f"d{suffix}"
    if suffix == ".pfm":
        path.write_bytes(b"Pf\n4 3\n-1.0\n" + values[::-1].astype("<f4").tobytes())
    elif suffix == ".npz":
        np.savez(path, values)
    elif suffix == ".npy":
        np.save(path, values)
    else:
        Image.fromarray(values).save(path)
    data = path.read_bytes()
    for form in (data, io.BytesIO(data)):
        assert np.array_equal(read_depth(form, "relative_depth").values, values)
    with pytest.raises(FileError, match="unknown bytes"):
        read_depth(b"none" + data, "metric")
    with pytest.raises(FileError, match="empty"):
        read_depth(b"", "metric")


@pytest.mark.parametrize(("suffix", "channels"), [(".png", 2), (".png", 4), (".tif", 4)])
@pytest.mark.parametrize(("kind", "scale"), [("metric", None), ("metric", 0.5), ("relative_disparity", None)])
def test_where_a_picture_is_transparent_there_is_no_depth(tmp_path, suffix, channels, kind, scale):
    codes = np.arange(1, 13, dtype=np.uint16).reshape(3, 4) * 1000
    alpha = np.full((3, 4), 65535, np.uint16)
    alpha[0, 1], alpha[1, 1] = 0, 1
    path, grey = tmp_path / f"d{suffix}", np.repeat(codes[..., None], 3, 2)
    write_photo(path, grey, Photo(grey, alpha=alpha, grey=channels == 2))
    depth = read_depth(path, kind, scale)
    assert np.array_equal(depth.valid, alpha > 0) and depth.values[0, 1] == 0
    assert np.allclose(depth.values[2], codes[2] * (scale or (0.001 if kind == "metric" else 1)))
    assert describe_depth(path)["valid_share"] == pytest.approx(11 / 12)

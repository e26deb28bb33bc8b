"""Sixteen-bit codes of depth, sidecars and spans at their limits."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from cocnet.errors import DepthError, FileError
from cocnet.imaging.depth.depth_codec import read_npy, read_pfm, write_pfm
from cocnet.imaging.depth.depth_file import as_file, read_sidecar, write
from cocnet.imaging.depth.depth_map import DepthMap, nearness, read_depth, write_depth
from cocnet.imaging.embedded.describe import describe_depth


def stored(path):
    with Image.open(path) as image:
        return np.asarray(image), json.loads(path.with_name(path.name + ".json").read_text())


@pytest.mark.parametrize(
    ("millimetres", "exact"), [((1, 65535), True), ((1, 65536), False), ((0.4, 9), False), ((1.5, 9), False)]
)
def test_millimetres_are_exact_where_sixteen_bits_hold_them(tmp_path, millimetres, exact):
    path = tmp_path / "a.png"
    write_depth(path, DepthMap.of(np.array([[*millimetres, np.nan]]) / 1000, "metric"))
    codes, about = stored(path)
    assert (about["encoding"] == "linear") == exact and codes[0, 2] == about["hole"] == 0
    if exact:
        assert about["scale"] == 0.001 and codes[0, :2].tolist() == list(millimetres)
    assert np.allclose(read_depth(path).values[0, :2] * 1000, millimetres, rtol=1e-4)


@pytest.mark.parametrize("kind", ["metric", "disparity", "relative_depth", "relative_disparity"])
def test_codes_span_1_to_65535_in_even_steps(tmp_path, kind):
    """The steps are even in the values, of metric depth in their inverse; those are the nearest that there are."""
    values = np.random.default_rng(0).uniform(1, 9, (20, 20)).astype(np.float32)
    path = tmp_path / "a.png"
    write_depth(path, DepthMap.of(values, kind))
    codes, about = stored(path)
    line = (1 / values if kind == "metric" else values).astype(float)
    expected = 1 + 65534 * (line - line.min()) / np.ptp(line)
    assert codes.min() == 1 and codes.max() == 65535
    assert np.abs(codes - expected).max() < 0.51
    assert about["encoding"] == ("inverse" if kind == "metric" else "linear")
    found = about["scale"] * codes.astype(float) + about["offset"]
    assert np.abs(found - line).max() <= 0.51 * about["scale"] + 1e-9


@pytest.mark.parametrize(
    ("span", "fine"),
    [
        ((0.2, 0.7), True),
        ((1e-3, 1e4), True),
        ((0.0, 1.0), False),
        ((2.0, 2.0), False),
        ((1.0, np.inf), False),
    ],
)
def test_spans_are_two_distances_from_near_to_far(tmp_path, span, fine):
    path, ramp = tmp_path / "a.npy", np.ones((1, 2), np.float32)
    beside = tmp_path / "a.npy.json"
    if fine:
        write(path, ramp, ramp > 0, "relative_depth", "", span)
        assert read_sidecar(path).span_m == span
        return
    with pytest.raises(DepthError, match="a near and a far distance"):
        write(path, ramp, ramp > 0, "relative_depth", "", span)
    beside.write_text(json.dumps({"kind": "relative_depth", "span_m": span}))
    with pytest.raises(DepthError, match="sidecar"):
        read_sidecar(path)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"scale": 2}, [[2, 4, 6]]),
        ({"offset": 1}, [[2, 3, 4]]),
        ({"scale": 2, "offset": -1, "hole": 2}, [[1, None, 5]]),
        ({"scale": 0.5, "encoding": "inverse"}, [[2, 1, 2 / 3]]),
        ({"scale": 1, "offset": -2, "encoding": "inverse"}, [[None, 1e4, 1]]),
        ({"hole": 3}, [[1, 2, None]]),
    ],
)
def test_a_sidecar_maps_what_is_stored(tmp_path, said, expected):
    np.save(tmp_path / "a.npy", np.array([[1, 2, 3]], np.float32))
    (tmp_path / "a.npy.json").write_text(json.dumps({"kind": "metric"} | said))
    depth = read_depth(tmp_path / "a.npy")
    assert depth.valid.tolist() == [[each is not None for each in expected[0]]]
    assert np.allclose(depth.values, [[each or 0 for each in expected[0]]])


def test_a_sidecar_is_no_larger_than_a_megabyte(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((2, 2), np.float32))
    text = json.dumps({"kind": "metric"})
    (tmp_path / "a.npy.json").write_text(text + " " * (1_000_000 - len(text)))
    assert read_sidecar(tmp_path / "a.npy").kind == "metric"
    (tmp_path / "a.npy.json").write_text(text + " " * (1_000_001 - len(text)))
    with pytest.raises(DepthError, match="1 MB"):
        read_sidecar(tmp_path / "a.npy")


@pytest.mark.parametrize("change", [{"kind": "x" * 60}, {"source": "s  " * 400}])
def test_texts_of_a_sidecar_are_cut(tmp_path, change):
    (tmp_path / "a.npy.json").write_text(json.dumps({"kind": "metric"} | change))
    found = read_sidecar(tmp_path / "a.npy")
    assert len(found.kind or "") <= 40 and len(found.source) <= 300


def test_bytes_are_a_file_named_after_what_they_are(tmp_path):
    for start, suffix in ((b"\x89PNG..", ".png"), (b"Pf..", ".pfm"), (b"II*.", ".tif"), (b"PK..", ".npz")):
        with as_file(start) as path:
            assert path.suffix == suffix and path.stem and path.read_bytes() == start
    (tmp_path / "my map.bin").write_bytes(b"Pf..")
    with (tmp_path / "my map.bin").open("rb") as stream, as_file(stream) as path:
        assert path.name == "my-map.pfm"
    with pytest.raises(FileError, match="unknown bytes"), as_file(b"nothing"):
        pass


@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 4)])
def test_a_file_without_a_kind_has_its_size_told(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.arange(12.0).reshape(shape))
    told = describe_depth(tmp_path / "a.npy")
    assert (told["width"], told["height"]) == (4, 3)
    assert (told["min"], told["max"], told["valid_share"]) == (0, 11, 1)


def test_nearness_is_stretched_to_0_and_1():
    inverse = torch.tensor([[0.2, 0.5], [0.3, 0.1]])
    assert torch.allclose(nearness(inverse), torch.tensor([[0.25, 1.0], [0.5, 0.0]]))
    assert torch.equal(nearness(torch.full((1, 2, 2), 0.7)), torch.ones(1, 2, 2))


@pytest.mark.parametrize("size", [(1, 3), (5, 2)])
def test_pfm_is_bottom_up_and_as_long_as_its_header_says(tmp_path, size):
    plane = np.arange(np.prod(size), dtype=np.float32).reshape(size)
    write_pfm(tmp_path / "a.pfm", plane)
    assert np.array_equal(read_pfm(tmp_path / "a.pfm", 10**9), plane)
    data = (tmp_path / "a.pfm").read_bytes()
    assert data.endswith(plane[0].tobytes())
    for broken in (data[:-1], data.replace(b"%d %d" % size[::-1], b"0 %d" % size[0]), b"Pf\n3\n1\n", b"Pf\n"):
        (tmp_path / "a.pfm").write_bytes(broken)
        with pytest.raises(FileError, match="damaged"):
            read_pfm(tmp_path / "a.pfm", 10**9)
    (tmp_path / "a.pfm").write_bytes(data.replace(b"Pf", b"PF"))
    with pytest.raises(DepthError, match="one channel"):
        read_pfm(tmp_path / "a.pfm", 10**9)


def test_memory_is_counted_before_reading(tmp_path):
    """Four copies of four bytes a pixel, or of what its numbers have."""
    for dtype, pixel_bytes in ((np.uint8, 4), (np.float32, 4), (np.float64, 8)):
        np.save(tmp_path / "a.npy", np.ones((6, 7), dtype))
        assert read_npy(tmp_path / "a.npy", 6 * 7 * pixel_bytes * 4).shape == (6, 7)
        with pytest.raises(FileError, match="memory"):
            read_npy(tmp_path / "a.npy", 6 * 7 * pixel_bytes * 4 - 1)
    write_pfm(tmp_path / "a.pfm", np.ones((6, 7), np.float32))
    read_pfm(tmp_path / "a.pfm", 6 * 7 * 16)
    with pytest.raises(FileError, match="memory"):
        read_pfm(tmp_path / "a.pfm", 6 * 7 * 16 - 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0.5, 2.0, np.nan]], (0.5, 2.0)),
        ([[0.25, 8.0, -1.0]], (0.25, 8.0)),
    ],
)
@pytest.mark.parametrize("kind", ["metric", "disparity"])
def test_the_range_of_a_map_is_that_of_what_is_known(values, expected, kind):
    assert DepthMap.of(np.array(values), kind).trusted_range() == expected


@pytest.mark.parametrize("kind", ["metric", "disparity"])
def test_inverse_depth_ends_at_a_millimetre_and_ten_kilometres(kind):
    values = np.array([[1e-5, 1e5, 2.0]])
    inverse = DepthMap.of(values, kind).inverse_depth()
    expected = 1 / values if kind == "metric" else values
    assert np.allclose(inverse, expected.clip(1e-4, 1e3), rtol=1e-5)
    metres = DepthMap.of(values, kind).depth_m()
    assert metres.min() == pytest.approx(1e-3) and metres.max() == pytest.approx(1e4)


@pytest.mark.parametrize("kind", ["relative_depth", "relative_disparity"])
def test_a_relative_map_is_placed_between_near_and_far(kind):
    values = np.array([[3.0, 4.0, 7.0]])
    share = (values - 3) / 4
    metres = DepthMap.of(values, kind).depth_m(2, 5)
    expected = 2 + share * 3 if kind == "relative_depth" else 1 / (1 / 5 + share * (1 / 2 - 1 / 5))
    assert np.allclose(metres, expected, rtol=1e-6)
    flat = DepthMap.of(np.full((1, 2), 3.0), kind).inverse_depth(2, 5)
    assert np.allclose(flat, (1 / 2 + 1 / 5) / 2)


@pytest.mark.parametrize(
    ("scale", "order"), [("-1.0", "<f4"), ("-0.5", "<f4"), ("0.5", ">f4"), ("1.0", ">f4")]
)
def test_the_sign_of_a_pfm_scale_is_its_byte_order(tmp_path, scale, order):
    plane = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
    body = plane[::-1].astype(order).tobytes()
    (tmp_path / "a.pfm").write_bytes(f"Pf\n3 2\n{scale}\n".encode() + body)
    assert np.array_equal(read_pfm(tmp_path / "a.pfm", 10**9), plane)

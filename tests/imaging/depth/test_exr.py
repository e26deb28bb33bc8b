"""Depth in EXR files: any part, any renderer's names, never colour; sizes are checked before pixels are read."""

import sys

import numpy as np
import pytest

from cocnet.errors import CocnetWarning, DepthError, FileError, MissingExtraError
from cocnet.imaging.depth.depth_map import DepthMap, read_depth, write_depth
from cocnet.imaging.depth.exr_channels import choose_channel

openexr = pytest.importorskip("OpenEXR")

RAMP = np.linspace(1, 5, 12, dtype=np.float32).reshape(3, 4)
COLOUR = {name: RAMP * factor for name, factor in (("R", 0.1), ("G", 0.2), ("B", 0.3))}


def header(kind=openexr.scanlineimage):
    return {"compression": openexr.ZIP_COMPRESSION, "type": kind}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.exr"


@pytest.fixture
def read(path):
    """Write parts (name, channels) and read the depth back, in metres."""

    def write_and_read(*parts, **options):
        made = [openexr.Part(header(), dict(channels), name) for name, channels in parts]
        (openexr.File(made) if len(made) > 1 else openexr.File(header(), dict(parts[0][1]))).write(str(path))
        return read_depth(path, "metric", **options).values

    return write_and_read


@pytest.mark.parametrize(
    "name",
    ["Z", "z", "V", "Y", "R", "depth", "Depth", "DEPTH", "depth.Z", "ViewLayer.Depth.Z", "View Layer.Depth.V",
     "rgba.Z", "depth.R"],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint32])
def test_names_of_depth(read, name, dtype):
    stored = (RAMP * 8).astype(dtype)
    options = {"scale": 1.0} if dtype == np.uint32 else {}
    assert np.array_equal(read(("", {name: stored}), **options), stored.astype(np.float32))


@pytest.mark.parametrize("name", ["Z", "depth", "ViewLayer.Depth.Z", "depth.V"])
def test_depth_beside_colour_in_one_part(read, name):
    others = COLOUR | {"A": RAMP * 0, "N.X": RAMP * 2, "N.Y": RAMP * 3, "N.Z": RAMP * 4, "ZBack": RAMP * 5}
    assert np.array_equal(read(("", others | {name: RAMP})), RAMP)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(("part", "name"), [("depth", "Z"), ("aux", "depth.Z"), ("Depth", "R"), ("x", "Z")])
def test_depth_in_any_part(read, place, part, name):
    parts = [("rgba", COLOUR), ("normals", {"X": RAMP, "Y": RAMP, "Z": RAMP * 9})]
    parts.insert(place, (part, {name: RAMP}))
    assert np.array_equal(read(*parts), RAMP)


@pytest.mark.parametrize(
    "parts", [[("", COLOUR)], [("", COLOUR | {"A": RAMP})], [("a", COLOUR), ("b", COLOUR)]]
)
def test_colour_is_refused(read, parts):
    with pytest.raises(DepthError, match="colour picture"):
        read(*parts)


def test_grey_stored_as_colour_is_read(read):
    assert np.array_equal(read(("", {"R": RAMP, "G": RAMP, "B": RAMP})), RAMP)
    assert np.array_equal(read(("", COLOUR | {"Depth.R": RAMP, "Depth.G": RAMP, "Depth.B": RAMP})), RAMP)


@pytest.mark.parametrize(
    "channels", [{"Q": RAMP}, {"X": RAMP, "Y": RAMP, "Z": RAMP}, {"a.V": RAMP, "b.V": RAMP}]
)
def test_other_channels_are_listed(read, channels):
    with pytest.raises(DepthError) as caught:
        read(("", channels))
    assert all(word in str(caught.value) for word in (*channels, "--depth-channel", "try"))


def test_the_channel_that_is_asked_for(read, path):
    parts = [("rgba", COLOUR | {"Q": RAMP * 7}), ("depth", {"Z": RAMP})]
    assert np.array_equal(read(*parts, channel="Q"), RAMP * 7)
    assert np.array_equal(read(*parts, channel="G"), COLOUR["G"])
    assert np.array_equal(read(*parts, channel="depth.Z"), RAMP)
    assert np.array_equal(read(*parts, channel="q"), RAMP * 7)
    with pytest.raises(DepthError, match=r"got 'W', try one of .*depth\.Z"):
        read(*parts, channel="W")
    np.save(path.with_suffix(".npy"), RAMP)
    with pytest.raises(DepthError, match="expected an EXR"):
        read_depth(path.with_suffix(".npy"), "metric", channel="Z")


def test_several_depths_are_named(read):
    with pytest.warns(CocnetWarning, match=r"2 channels of depth \(a\.Depth\.Z, b\.Depth\.Z\)"):
        assert np.array_equal(read(("", {"b.Depth.Z": RAMP * 2, "a.Depth.Z": RAMP})), RAMP)
    with pytest.warns(CocnetWarning, match=r"left\.Z, right\.Z"):
        assert np.array_equal(read(("left", {"Z": RAMP}), ("right", {"Z": RAMP * 2})), RAMP)


def test_nan_is_equal_to_nan_in_grey(read):
    values = RAMP.copy()
    values[0, 0] = np.nan
    assert read(("", {"R": values, "G": values, "B": values}))[0, 0] == 0


def test_tiles_and_windows(path):
    tiled = header(openexr.tiledimage) | {"tiles": openexr.TileDescription()}
    tiled["tiles"].xSize = tiled["tiles"].ySize = 16
    values = np.random.default_rng(0).random((40, 50)).astype(np.float32) + 1
    openexr.File(tiled, {"Z": values}).write(str(path))
    assert np.array_equal(read_depth(path, "metric").values, values)


def test_giant_tiles_and_windows_are_refused_before_reading(path):
    tiled = header(openexr.tiledimage) | {"tiles": openexr.TileDescription()}
    tiled["tiles"].xSize = tiled["tiles"].ySize = 16
    openexr.File(tiled, {"Z": RAMP}).write(str(path))
    data = path.read_bytes()
    at = data.index(b"tiledesc\x00") + len(b"tiledesc\x00") + 4
    path.write_bytes(data[: at + 4] + (10_000_000).to_bytes(4, "little") + data[at + 8 :])
    with pytest.raises(FileError, match="damaged"):
        read_depth(path, "metric")
    openexr.File(header(), {"Z": RAMP}).write(str(path))
    data = path.read_bytes()
    at = data.index(b"dataWindow\x00box2i\x00") + len(b"dataWindow\x00box2i\x00") + 4
    size = (99_999).to_bytes(4, "little")
    path.write_bytes(data[: at + 8] + size + size + data[at + 16 :])
    with pytest.raises(FileError, match="100000 × 100000"):
        read_depth(path, "metric")


def test_ranks_do_not_depend_on_the_order(path):
    channels = ["B", "G", "R", "Mist.Z", "ViewLayer.Depth.Z", "N.X", "N.Y", "N.Z"]
    for shift in range(len(channels)):
        turned = channels[shift:] + channels[:shift]
        assert choose_channel([("", turned)], None, path).channel == "ViewLayer.Depth.Z"


def test_without_its_package(path, monkeypatch):
    path.write_bytes(b"v/1\x01")
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(MissingExtraError, match=r"cocnet\[exr\]"):
        read_depth(path, "metric")
    with pytest.raises(MissingExtraError):
        write_depth(path.with_name("b.exr"), DepthMap.of(RAMP, "metric"))
    assert [p.name for p in path.parent.iterdir()] == ["a.exr"]


def test_parts_with_missing_pixels_are_damaged(path, capfd):
    """OpenEXR prints a warning, and leaves the pixels that it can't read as they are."""
    parts = [
        openexr.Part(header(), {"Z": np.tile(RAMP, (40, 30)) + 0.1 * part}, name)
        for part, name in enumerate(("a", "depth"))
    ]
    openexr.File(parts).write(str(path))
    data = bytearray(path.read_bytes())
    data[-300:] = bytes(300)
    path.write_bytes(data)
    with pytest.raises(FileError, match="damaged"):
        read_depth(path, "metric", channel="depth.Z")
    path.write_bytes(data[:-500])
    with pytest.raises(FileError, match="damaged"):
        read_depth(path, "metric", channel="depth.Z")
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""

"""Writing files: what is kept, and row 15 of the bad-input table."""

import errno
import json
import os
import resource
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from cocnet.errors import CocnetWarning, FileError, InputError
from cocnet.files.atomic import atomic_path, write_json
from cocnet.imaging.photo.photo import Photo, read_photo, write_photo

imagecodecs = pytest.importorskip("imagecodecs")
tifffile = pytest.importorskip("tifffile")


def one_line(caught, *words):
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in ("expected", "got", "try", *words)), message


def leftovers(folder):
    return [p.name for p in folder.iterdir() if p.name.startswith(".cocnet")]


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([".png", ".tif"]),
    st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda t: arrays(t, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(5)))
    ),
    st.booleans(),
    st.booleans(),
)
def test_lossless_round_trip(tmp_path_factory, suffix, values, alpha, grey):
    path = tmp_path_factory.mktemp("w") / f"a{suffix}"
    pixels = np.repeat(values[..., :1], 3, axis=2) if grey else values[..., :3]
    like = Photo(pixels, alpha=np.ascontiguousarray(values[..., 4]) if alpha else None, grey=grey)
    write_photo(path, pixels, like)
    again = read_photo(path)
    assert again.pixels.dtype == pixels.dtype
    assert np.array_equal(again.pixels, pixels)
    assert again.grey == grey
    assert (again.alpha is not None) == alpha
    assert not alpha or np.array_equal(again.alpha, like.alpha)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_other_readers_agree(tmp_path, dtype, channels):
    rng = np.random.default_rng(0)
    stored = rng.integers(0, np.iinfo(dtype).max + 1, (700, 613, channels)).astype(dtype)
    pixels = np.repeat(stored, 3, 2) if channels == 1 else stored[..., :3]
    alpha = np.ascontiguousarray(stored[..., 3]) if channels == 4 else None
    like = Photo(pixels, alpha=alpha, grey=channels == 1)
    for suffix, decode in (
        (".png", lambda p: imagecodecs.png_decode(p.read_bytes())),
        (".tif", tifffile.imread),
    ):
        write_photo(tmp_path / f"a{suffix}", pixels, like)
        assert np.array_equal(decode(tmp_path / f"a{suffix}").reshape(stored.shape), stored), suffix


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_profile_and_exif_are_kept(make, tmp_path, rgb, order, suffix, dtype):
    block = make.exif(
        [(0x010F, 2, b"Acme cameras"), (0x0131, 2, b"me"), (0x0112, 3, [1])],
        [(0x920A, 5, [(57, 10)]), (0xA405, 3, [26])],
        order,
    )
    icc = make.icc([make.para(0, 2.0)] * 3)
    pixels = rgb.astype(dtype) * (257 if dtype == np.uint16 else 1)
    path = tmp_path / f"a{suffix}"
    write_photo(path, pixels, Photo(pixels, icc=icc, exif=block))
    again = read_photo(path)
    assert again.icc == icc
    assert again.camera.make == "Acme cameras"
    assert again.camera.focal_length_m == pytest.approx(0.0057)
    with Image.open(path) as image:
        assert image.getexif()[0x0131] == "me"
        assert image.size == (24, 16)
        if suffix == ".tif":
            image.load()
            assert (
                np.abs(np.asarray(image).astype(int) - (pixels >> 8 if dtype == np.uint16 else pixels)).max()
                == 0
            )


def test_16_bit_is_rounded_for_jpeg_and_webp(tmp_path):
    pixels = np.full((8, 8, 3), 128 * 257 + 100, np.uint16)
    for suffix in (".jpg", ".webp"):
        write_photo(tmp_path / f"a{suffix}", pixels)
        assert np.abs(read_photo(tmp_path / f"a{suffix}").pixels.astype(int) - 128).max() <= 1


def test_alpha_of_another_depth_follows_the_pixels(tmp_path):
    like = Photo(np.zeros((2, 2, 3), np.uint8), alpha=np.array([[0, 255], [128, 1]], np.uint8))
    write_photo(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint16), like)
    assert read_photo(tmp_path / "a.png").alpha.tolist() == [[0, 65535], [128 * 257, 257]]


def test_alpha_that_cannot_stay_is_announced(tmp_path, rgb):
    with pytest.warns(CocnetWarning, match="JPEG"):
        write_photo(tmp_path / "a.jpg", rgb, Photo(rgb, alpha=rgb[..., 0]))
    with pytest.warns(CocnetWarning, match="size"):
        write_photo(tmp_path / "a.png", rgb, Photo(rgb, alpha=np.zeros((1, 1), np.uint8)))


def test_grey_profile_with_coloured_result(make, tmp_path, rgb):
    icc = make.icc([make.curv(512)], b"GRAY")
    grey = np.repeat(rgb[..., :1], 3, 2)
    write_photo(tmp_path / "g.png", grey, Photo(grey, icc=icc, grey=True))
    assert read_photo(tmp_path / "g.png").icc == icc
    with pytest.warns(
        CocnetWarning, match="doesn't fit a picture in colour; the picture was converted to sRGB"
    ):
        write_photo(tmp_path / "c.png", rgb, Photo(grey, icc=icc, grey=True))
    again = read_photo(tmp_path / "c.png")
    assert again.icc is None
    assert (again.linear() - Photo(rgb, icc=icc).linear()).abs().max() < 0.005


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_of_another_curve_keeps_its_tone_where_its_profile_cannot_stay(make, tmp_path, suffix, dtype):
    icc = make.icc([make.curv(256)], b"GRAY")
    linear = np.full((16, 24, 3), np.iinfo(dtype).max // 2, dtype)
    with pytest.warns(CocnetWarning, match=f"{suffix[1:].upper()}, which has no grey pictures; the picture"):
        write_photo(tmp_path / f"a{suffix}", linear, Photo(linear, icc=icc, grey=True))
    again = read_photo(tmp_path / f"a{suffix}")
    assert (again.linear() - 0.5).abs().max() < 0.01


def test_huge_exif_is_dropped_from_jpeg_only(make, tmp_path, rgb):
    block = make.exif([(0x010F, 2, b"x" * 70_000)])
    with pytest.warns(CocnetWarning, match="too large"):
        write_photo(tmp_path / "a.jpg", rgb, Photo(rgb, exif=block))
    write_photo(tmp_path / "a.png", rgb, Photo(rgb, exif=block))
    assert read_photo(tmp_path / "a.png").exif == block


def test_row_4_a_repaired_photo_saves_everywhere(make, tmp_path, rgb):
    block = make.exif([(0x010F, 2, b"Acme")], [(0x920A, 10, [(-2, 0)]), (0x829D, 5, [(1, 0)])])
    (tmp_path / "in.jpg").write_bytes(make.encoded(rgb, "JPEG", exif=b"Exif\x00\x00" + block))
    with pytest.warns(CocnetWarning, match="FNumber"):
        photo = read_photo(tmp_path / "in.jpg")
    for suffix in (".jpg", ".png", ".webp", ".tif"):
        write_photo(tmp_path / f"out{suffix}", photo.pixels, photo)
        assert read_photo(tmp_path / f"out{suffix}").camera.make == "Acme"


@pytest.mark.parametrize("name", ["a.gif", "a", "a.heic", "a.png.bak"])
def test_unknown_suffix_lists_the_known(tmp_path, rgb, name):
    with pytest.raises(FileError) as caught:
        write_photo(tmp_path / name, rgb)
    one_line(caught, ".jpg", ".png", ".tif", ".webp")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), [1]]
)
def test_other_pixels_are_refused(tmp_path, bad):
    with pytest.raises(InputError) as caught:
        write_photo(tmp_path / "a.png", bad)
    one_line(caught)


@pytest.mark.parametrize("quality", [0, 101, 95.5, "high", None])
def test_a_quality_that_no_format_has(tmp_path, quality):
    with pytest.raises(InputError, match="quality of 1–100"):
        write_photo(tmp_path / "a.jpg", np.zeros((4, 4, 3), np.uint8), quality=quality)


def test_too_long_for_the_format(tmp_path):
    with pytest.raises(FileError) as caught:
        write_photo(tmp_path / "a.webp", np.zeros((1, 16_384, 3), np.uint8))
    one_line(caught, "16,383")
    assert list(tmp_path.iterdir()) == []


def test_row_15_output_is_the_input(tmp_path, rgb):
    write_photo(tmp_path / "a.png", rgb)
    before = (tmp_path / "a.png").read_bytes()
    photo = read_photo(tmp_path / "a.png")
    os.link(tmp_path / "a.png", tmp_path / "hard.png")
    for name in ("a.png", "hard.png", "../" + tmp_path.name + "/a.png"):
        with pytest.raises(FileError) as caught:
            write_photo(tmp_path / name, 255 - rgb, photo)
        one_line(caught, "input")
    assert (tmp_path / "a.png").read_bytes() == before
    assert not leftovers(tmp_path)


def test_row_15_link_folder_and_missing_folder(tmp_path, rgb):
    (tmp_path / "target.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to(tmp_path / "target.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "folder.png").mkdir()
    for name, word in (
        ("link.png", "link"),
        ("dangling.png", "link"),
        ("folder.png", "folder"),
        ("none/a.png", "existing folder"),
    ):
        with pytest.raises(FileError) as caught:
            write_photo(tmp_path / name, rgb)
        one_line(caught, word)
    assert (tmp_path / "target.png").read_bytes() == b"old"
    assert (tmp_path / "link.png").is_symlink()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_row_15_full_disk_leaves_the_old_file(tmp_path, suffix, dtype):
    noise = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (300, 300, 3)).astype(dtype)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(FileError) as caught:
            write_photo(path, noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    one_line(caught)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_row_15_disk_full_at_the_last_moment(tmp_path, rgb, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError) as caught:
        write_photo(tmp_path / "a.png", rgb)
    one_line(caught, "full disk")
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"


def test_interrupted_write_cleans_up(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_permissions_follow_the_old_file_or_the_umask(tmp_path, rgb):
    (tmp_path / "a.png").write_bytes(b"old")
    (tmp_path / "a.png").chmod(0o640)
    before = os.umask(0o027)
    try:
        write_photo(tmp_path / "a.png", rgb)
        write_photo(tmp_path / "b.png", rgb)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "b.png").stat().st_mode) == 0o640


def test_json_sidecar_is_plain(tmp_path):
    write_json(
        tmp_path / "a.json",
        {"at": Path("x"), "n": np.float32(2), "v": (1, np.arange(2)), "far": float("inf")},
    )
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == {"at": "x", "n": 2.0, "v": [1, [0, 1]], "far": "inf"}


def test_a_writer_that_replaces_the_file_does_not_make_it_private(tmp_path):
    old = tmp_path / "old.bin"
    old.write_bytes(b"old")
    old.chmod(0o640)
    for path, mode in ((tmp_path / "new.bin", 0o666 & ~_umask()), (old, 0o640)):
        with atomic_path(path) as temporary:
            temporary.unlink()
            temporary.touch(0o600)
        assert path.stat().st_mode & 0o777 == mode


def _umask():
    before = os.umask(0)
    os.umask(before)
    return before

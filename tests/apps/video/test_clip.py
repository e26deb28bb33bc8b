"""Films as they are found: turned, trimmed, late, cut off, of odd sizes and other colours."""

import struct
from pathlib import Path

import numpy as np
import pytest
from films import FRAMES, SAME, frame_pixels, heard, shown, write_film

from cocnet.apps.video.clip import open_clip
from cocnet.apps.video.run import run_video
from cocnet.apps.video.settings import VideoRun
from cocnet.errors import FileError
from cocnet.imaging import write_photo

av = pytest.importorskip("av", reason="the package av reads and writes films")


@pytest.mark.parametrize(("codec", "form"), [("libx264rgb", "rgb24"), ("png", "rgb24")])
def test_a_film_in_rgb_is_tagged_as_the_yuv_that_it_becomes(film, tmp_path, codec, form):
    write_film(tmp_path / "in.mov", count=2, codec=codec, pixel_format=form)
    film("in.mov")
    with av.open(str(tmp_path / "out.mp4")) as file:
        frame = next(file.decode(video=0))
        assert (frame.format.name, int(frame.colorspace), int(frame.color_range)) == ("yuv420p", 5, 1)
    assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - frame_pixels(0)).mean() < 2


def test_an_odd_width_keeps_its_columns(film, tmp_path):
    write_film(tmp_path / "in.mkv", count=1, codec="ffv1", pixel_format="yuv422p", size=(63, 48))
    film("in.mkv", "out.mkv")
    assert shown(tmp_path / "out.mkv")[1][0].shape == (48, 63, 3)


@pytest.mark.parametrize(
    ("matrix", "seen"),
    [
        ((0, 1, -1, 0), lambda stored: np.rot90(stored, -1)),
        ((0, -1, 1, 0), np.rot90),
        ((-1, 0, 0, -1), lambda stored: stored[::-1, ::-1]),
        ((-1, 0, 0, 1), lambda stored: stored[:, ::-1]),
        ((1, 0, 0, -1), lambda stored: stored[::-1]),
        ((0, 1, 1, 0), lambda stored: stored.swapaxes(0, 1)),
    ],
    ids=["clockwise", "counterclockwise", "upside down", "mirrored", "mirrored upside down", "transposed"],
)
def test_a_film_is_shown_as_its_matrix_says(film, tmp_path, matrix, seen):
    """A phone's portrait film is turned clockwise, that of its front camera may be mirrored."""
    a, b, c, d = (65536 * one for one in matrix)
    write_film(tmp_path / "in.mp4", matrix=(a, b, 0, c, d, 0, 0, 0, 1 << 30), count=2)
    film()
    made, expected = shown(tmp_path / "out.mp4")[1][0], seen(frame_pixels(0))
    assert made.shape == expected.shape
    assert np.abs(expected.astype(int) - made).mean() < 4


def test_what_is_no_film_or_cut_off_is_told_before_the_work(film, tmp_path):
    whole = write_film(tmp_path / "in.mp4").read_bytes()
    (tmp_path / "text.mp4").write_bytes(b"no film at all")
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "unknown.mp4").write_bytes(whole.replace(b"avc1", b"zzzz").replace(b"avcC", b"free"))
    write_film(tmp_path / "in.mkv", count=200)
    mkv = (tmp_path / "in.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(mkv[: len(mkv) // 2])
    write_photo(tmp_path / "one.png", frame_pixels(0))
    for name in ("text.mp4", "unknown.mp4", "cut.mp4", "cut.mkv", "missing.mp4"):
        with pytest.raises(FileError, match=name):
            film(name)
    assert [p.name for p in tmp_path.iterdir() if "out" in p.name] == []


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv"])
def test_a_whole_film_that_starts_late_is_whole(film, tmp_path, name):
    write_film(tmp_path / name, [2400 + 50 * n for n in range(FRAMES)])
    assert film(name, "out.mkv").frames == film("out.mkv", "again.mp4").frames == FRAMES


def test_a_stream_without_times_becomes_pictures(film, tmp_path):
    write_film(tmp_path / "in.h264", count=3)
    assert open_clip(tmp_path / "in.h264").count == 3
    assert film("in.h264", "out").frames == len(list((tmp_path / "out").glob("*.png"))) == 3


@pytest.mark.parametrize("out", ["out.mp4", "out.mkv"])
def test_what_an_edit_cuts_away_stays_away(film, tmp_path, out):
    """0.1 s are cut from the beginning of pictures and sound."""
    data = bytearray(write_film(tmp_path / "in.mp4", audio=True).read_bytes())
    at = -1
    for _ in ("pictures", "sound"):
        at = data.index(b"elst", at + 1)
        unit = struct.unpack_from(">I", data, data.index(b"mdhd", at) + 16)[0]
        duration, begin = struct.unpack_from(">Ii", data, at + 12)
        struct.pack_into(">Ii", data, at + 12, duration - 100, begin + unit // 10)
    (tmp_path / "cut.mp4").write_bytes(data)
    count, _ = len(shown(tmp_path / "cut.mp4")[0]), film("cut.mp4", out)
    assert count < FRAMES and open_clip(tmp_path / "cut.mp4").count == count
    packet_s = 1024 / 48000  # Matroska knows no half packet before the beginning
    assert shown(tmp_path / out)[0] == pytest.approx(shown(tmp_path / "cut.mp4")[0], abs=packet_s)
    assert heard(tmp_path / out) == pytest.approx(heard(tmp_path / "cut.mp4"), abs=packet_s)


def test_a_film_whose_name_looks_like_a_pattern_is_a_film(film, tmp_path):
    write_film(tmp_path / "100%done.mp4", count=2)
    assert film("100%done.mp4").frames == 2


def test_sound_alone_is_no_film(film, tmp_path):
    with av.open(str(tmp_path / "in.wav"), "w") as file:
        sound = file.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        file.mux(sound.encode(frame))
    with pytest.raises(FileError, match="with pictures"):
        film("in.wav")


@pytest.mark.parametrize("out", ["o:1.mp4", "o:1"])
def test_a_colon_in_a_name_is_no_protocol(film, tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    write_film(tmp_path / "in.mp4", count=2).rename("12:30.mp4")
    assert run_video(Path("12:30.mp4"), VideoRun(Path(out)), SAME).frames == 2

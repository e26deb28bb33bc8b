"""A whole film: its times, sound, colours and turn are kept; killed, it goes on; pictures in and out."""

import io
import json

import numpy as np
import pytest
from films import FRAMES, HEIGHT, SAME, WIDTH, frame_pixels, packets, shown, write_film
from PIL import Image, ImageCms

from cocnet.apps.video.clip import open_clip
from cocnet.apps.video.settings import VideoRun
from cocnet.errors import CocnetError, FileError, InputError
from cocnet.imaging import Photo, read_photo, write_photo
from cocnet.imaging.color.profile import of_code_points
from cocnet.pipeline.options import RenderOptions

av = pytest.importorskip("av", reason="the package av reads and writes films")


def test_every_frame_keeps_its_time_and_the_sound_its_packets(film, tmp_path):
    pts = [0, 50, 100, 190, 200, 300, 410, 460]
    write_film(tmp_path / "in.mp4", pts, audio=True)
    report = film()
    assert (report.frames, report.made) == (FRAMES, FRAMES)
    seconds, pixels = shown(tmp_path / "out.mp4")
    assert seconds == pytest.approx([tick / 1200 for tick in pts], abs=1e-9)
    assert pixels[0].shape == (48, 64, 3)
    assert packets(tmp_path / "out.mp4", "audio") == packets(tmp_path / "in.mp4", "audio")
    assert len(packets(tmp_path / "in.mp4", "audio")) > 10
    assert not (tmp_path / "out.mp4.cocnet-parts").exists()
    told = json.loads((tmp_path / "out.mp4.json").read_text())
    assert told["frames"] == FRAMES and told["options"]["f_number"] == 16


def test_keys_after_the_end_are_told(film, tmp_path):
    write_film(tmp_path / "in.mp4", [0, 100, 200], count=3)
    keys = {"focus_keys": ("0:0.5,0.5", "9:0.2,0.2"), "aperture_keys": ("0:2", "0.2:4")}
    told = [note for note in film(options=SAME.changed(f_number=None), **keys).notes if "reached" in note]
    assert len(told) == 1 and told[0].startswith("--focus-keys: 9 s isn't reached, as the film ends at 0.2")


def test_what_nothing_blurs_looks_the_same(film, tmp_path):
    write_film(tmp_path / "in.mp4")
    film()
    for before, after in zip(shown(tmp_path / "in.mp4")[1], shown(tmp_path / "out.mp4")[1], strict=True):
        assert np.abs(before.astype(int) - after).mean() < 2


@pytest.mark.parametrize("colour", [{"colorspace": 1, "color_range": 1}, {"colorspace": 6, "color_range": 2}])
def test_colour_tags_and_colours_stay(film, tmp_path, colour):
    tags = {**colour, "color_primaries": 1, "color_trc": 1}
    write_film(tmp_path / "in.mp4", colour=tags, count=3)
    film()
    means = []
    for name in ("in.mp4", "out.mp4"):
        with av.open(str(tmp_path / name)) as file:
            frame = next(file.decode(video=0))
            assert {tag: int(getattr(frame, tag)) for tag in tags} == tags
            means.append([np.frombuffer(plane, np.uint8).mean() for plane in frame.planes])
    assert np.abs(np.subtract(*means)).max() < 1


def test_pictures_become_pictures_of_the_same_names_and_a_film(film, tmp_path):
    (tmp_path / "frames").mkdir()
    for n in range(3):
        write_photo(tmp_path / f"frames/shot_{n + 7:04}.png", frame_pixels(n))
    film("frames", "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"shot_{n + 7:04}.png" for n in range(3)]
    assert read_photo(tmp_path / "out/shot_0007.png").pixels.shape == (48, 64, 3)
    report = film("frames/shot_%04d.png", "out.mp4", fps="25")
    assert report.frames == 3
    assert shown(tmp_path / "out.mp4")[0] == pytest.approx([0, 0.04, 0.08], abs=1e-6)


def test_pictures_are_never_written_over_inputs(film, tmp_path):
    """Numbers of the result begin at 0, those of the frames here at 1."""
    for folder in ("frames", "depth"):
        (tmp_path / folder).mkdir()
        for n in range(1, 4):
            write_photo(tmp_path / f"{folder}/f_{n:04}.png", frame_pixels(n))
    before = {path: path.read_bytes() for path in tmp_path.glob("*/*.png")}
    with pytest.raises(FileError, match="other than the inputs"):
        film("frames/f_%04d.png", "frames/f_%04d.png")
    with pytest.raises(FileError, match="other than the inputs"):
        film("frames", "depth", depth=tmp_path / "depth")
    assert {path: path.read_bytes() for path in tmp_path.glob("*/*.png")} == before
    write_photo(tmp_path / "frames/f_0001.tif", frame_pixels(1))
    (tmp_path / "frames/f_0001.tif").rename(tmp_path / "frames/f_0001.bmp")
    with pytest.raises(FileError, match="one picture for each frame"):
        film("frames", "out")


def test_a_film_is_in_the_frames_colours_whatever_their_profile(film, tmp_path):
    """A green of Display P3 that sRGB has, too."""
    p3 = np.full((48, 64, 3), (120, 200, 90), np.uint8)
    profile = of_code_points(12, 13)
    for name, like in (("tagged", Photo(p3, icc=profile)), ("plain", Photo(p3))):
        (tmp_path / name).mkdir()
        for n in range(2):
            write_photo(tmp_path / f"{name}/{n}.png", p3, like=like)
        film(name, f"{name}.mp4")
    tagged, plain = (shown(tmp_path / f"{name}.mp4")[1][0].mean((0, 1)) for name in ("tagged", "plain"))
    converted = ImageCms.profileToProfile(
        Image.fromarray(p3), ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    )
    assert np.abs(plain - (120, 200, 90)).max() < 4
    assert np.abs(tagged - np.asarray(converted)[0, 0]).max() < 4 and abs(tagged[0] - 120) > 15


def test_frames_of_another_bit_depth_are_one_line(film, tmp_path):
    (tmp_path / "frames").mkdir()
    for n, kind in enumerate((np.uint8, np.uint16)):
        write_photo(tmp_path / f"frames/{n}.png", frame_pixels(n).astype(kind))
    with pytest.raises(FileError, match="one bit depth"):
        film("frames", "out.mp4")


def test_a_film_becomes_numbered_pictures(film, tmp_path):
    write_film(tmp_path / "in.mp4", count=2)
    film(out="out/f_%03d.png")
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.suffix == ".png") == [
        "f_000.png",
        "f_001.png",
    ]


def test_depth_of_the_pictures_names_decides_what_is_blurred(film, tmp_path):
    (tmp_path / "frames").mkdir()
    (tmp_path / "depth").mkdir()
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)
    for n in range(2):
        write_photo(tmp_path / f"frames/{n}.png", picture)
        np.save(
            tmp_path / f"depth/{n}.npy",
            np.where(np.arange(64) < 32, 2.0, 9.0)[None].repeat(48, 0).astype(np.float32),
        )
    options = RenderOptions(depth_kind="metric", focus_m=2.0, f_number=0.4)
    film("frames", "out", options, depth=tmp_path / "depth")
    made = read_photo(tmp_path / "out/1.png").pixels.astype(int)
    assert np.array_equal(made[:, :24], picture[:, :24])
    assert made[:, 40:].std() < 0.5 * picture[:, 40:].std()
    with pytest.raises(FileError, match=r"1\.npy|1\.png"):
        (tmp_path / "depth/1.npy").unlink()
        film("frames", "out", options, depth=tmp_path / "depth")


def test_maps_of_a_film_are_in_the_order_of_their_numbers(film, tmp_path):
    write_film(tmp_path / "in.mp4", count=3)
    (tmp_path / "depth").mkdir()
    for number, metres in ((2, 2.0), (9, 3.0), (10, 4.0)):
        np.save(tmp_path / f"depth/{number}.npy", np.full((HEIGHT, WIDTH), metres, np.float32))
    film(
        out="out",
        options=RenderOptions(depth_kind="metric", f_number=16),
        depth=tmp_path / "depth",
        focus_keys=("0:0.5,0.5",),
    )
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["first_frame"]["focus_m"]["value"] == pytest.approx(2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"focus_keys": ("0:0.3",)}, "focus-keys of SECOND:X,Y"),
        ({"focus_keys": ("0:0.3,1.6",)}, "fractions"),
        ({"focus_keys": ("0:0,0", "0:1,1")}, "one key for each second"),
        ({"aperture_keys": ("2.8",)}, "aperture-keys of SECOND:F-NUMBER"),
        ({"aperture_keys": ("0:0",)}, "above 0"),
        ({"fps": "0"}, "fps"),
        ({"fps": "1e-9"}, "fps"),
        ({"crf": 60}, "crf"),
    ],
)
def test_wrong_keys_are_told_in_one_line(tmp_path, changes, said):
    with pytest.raises(InputError, match=said) as caught:
        VideoRun(tmp_path / "out.mp4", **changes)
    assert "\n" not in str(caught.value) and ", try " in str(caught.value)


def test_an_output_that_cant_be_is_told_before_the_work(film, tmp_path):
    write_film(tmp_path / "in.mp4")
    before = (tmp_path / "in.mp4").read_bytes()
    for out in ("in.mp4", "missing/out.mp4", "out.xyz", "f/50%_%04d.png", "f/f_%04d.xyz"):
        with pytest.raises(CocnetError):
            film(out=out)
    assert (tmp_path / "in.mp4").read_bytes() == before


@pytest.mark.parametrize("out", ["out", "out.mp4"])
def test_json_of_another_program_stays(film, tmp_path, out):
    write_film(tmp_path / "in.mp4", count=1)
    (tmp_path / f"{out}.json").write_text('{"mine": 1}')
    with pytest.raises(FileError, match=r"out.*\.json', which is no render's"):
        film(out=out)
    assert (tmp_path / f"{out}.json").read_text() == '{"mine": 1}'
    (tmp_path / f"{out}.json").unlink()
    assert film(out=out).made == film(out=out).made == 1


def test_one_focus_and_one_aperture(film, tmp_path):
    write_film(tmp_path / "in.mp4")
    with pytest.raises(InputError, match="one focus"):
        film(options=SAME.changed(focus_m=2), focus_keys=("0:0.5,0.5",))
    with pytest.raises(InputError, match="one aperture"):
        film(aperture_keys=("0:2",))


def test_timecode_and_what_the_film_says_of_itself_stay(film, tmp_path):
    write_film(tmp_path / "in.mov", title="A walk", timecode="01:02:03:04")
    film("in.mov", "out.mov")
    for name in ("in.mov", "out.mov"):
        with av.open(str(tmp_path / name)) as file:
            assert file.metadata["title"] == "A walk"
            assert file.streams.video[0].metadata["timecode"] == "01:02:03:04"


def test_10_bits_stay_10_bits_and_hdr_is_blurred_in_its_own_light(film, tmp_path):
    tags = {"colorspace": 9, "color_range": 1, "color_primaries": 9, "color_trc": 16}
    write_film(tmp_path / "in.mkv", count=2, pixel_format="yuv420p10le", colour=tags)
    report = film("in.mkv", "out.mkv")
    assert any("10 (H.264 High 10)" in line for line in report.notes) and any(
        "PQ" in line for line in report.notes
    )
    means = []
    for name in ("in.mkv", "out.mkv"):
        with av.open(str(tmp_path / name)) as file:
            frame = next(file.decode(video=0))
            assert frame.format.name == "yuv420p10le"
            assert {tag: int(getattr(frame, tag)) for tag in tags} == tags
            means.append([np.frombuffer(plane, np.uint16).mean() for plane in frame.planes])
    assert np.abs(np.subtract(*means)).max() < 4
    stored = next(iter(open_clip(tmp_path / "in.mkv").frames(0))).photo
    assert stored.pixels.dtype == np.uint16 and float(stored.linear().max()) < 0.6


def test_sound_that_the_format_doesnt_take_is_told_before_the_work(film, tmp_path):
    write_film(tmp_path / "in.mp4", count=2)
    with av.open(str(tmp_path / "in.mkv"), "w") as file, av.open(str(tmp_path / "in.mp4")) as pictures:
        video = file.add_stream_from_template(pictures.streams.video[0])
        sound = file.add_stream("flac", rate=48000)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.int16), "s16", "stereo")
        samples.sample_rate, samples.pts = 48000, 0
        file.mux(sound.encode(samples))
        file.mux(sound.encode(None))
        for packet in pictures.demux(video=0):
            if packet.size:
                packet.stream = video
                file.mux(packet)
    with pytest.raises(FileError, match=r"flac.*try \.mkv"):
        film("in.mkv", "out.mov")
    film("in.mkv", "out.mkv")
    assert packets(tmp_path / "out.mkv", "audio")


@pytest.mark.parametrize("known", [0, 1])
def test_sound_that_ffmpeg_doesnt_know_is_left_out_and_the_other_kept(film, tmp_path, known):
    data = write_film(tmp_path / "in.mp4", count=2, audio=1 + known).read_bytes()
    last = data.rindex(b"mp4a")
    (tmp_path / "in.mp4").write_bytes(
        data[:last] + data[last:].replace(b"mp4a", b"apac").replace(b"esds", b"free")
    )
    report = film()
    assert [line for line in report.notes if "audio of a kind" in line]
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert len(file.streams.audio) == known


def test_keys_count_from_the_films_first_frame(film, tmp_path):
    write_film(tmp_path / "in.mkv", pts=[2400 + 600 * n for n in range(3)], count=3)
    film("in.mkv", "out.mkv", SAME.changed(f_number=None), aperture_keys=("0:2", "1:8"))
    told = json.loads((tmp_path / "out.mkv.json").read_text())
    assert told["first_frame"]["f_number"]["value"] == 2
    assert shown(tmp_path / "out.mkv")[0] == pytest.approx([2, 2.5, 3], abs=1e-3)

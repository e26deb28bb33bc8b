"""Stopped at any place, a film goes on to what an undisturbed run gives."""

import json

import numpy as np
import pytest
from films import HEIGHT, SAME, WIDTH, frame_pixels, packets, stop_at, write_film

from cocnet.imaging import write_photo
from cocnet.pipeline.options import RenderOptions

av = pytest.importorskip("av", reason="the package av reads and writes films")


def test_killed_in_a_part_it_goes_on_to_the_same_frames(film, tmp_path):
    """Depth of another scale in each frame, so that a frame is another one without those before it."""
    write_film(tmp_path / "in.mp4", count=6, audio=True)
    (tmp_path / "depth").mkdir()
    ramp = np.linspace(0, 1, WIDTH, dtype=np.float32)[None].repeat(HEIGHT, 0)
    for n in range(6):
        np.save(tmp_path / f"depth/{n}.npy", ramp ** (1 + 0.3 * n))
    asked = {
        "options": RenderOptions(depth_kind="relative_disparity", near_m=1, far_m=8, refine_depth="off"),
        "focus_keys": ("0:0.1,0.5", "0.2:0.9,0.5"),
        "depth": tmp_path / "depth",
        "part_frames": 2,
    }
    film(out="whole.mp4", **asked)

    class Killed(Exception):
        pass

    def dies(done, before, count):
        if done == 3:
            raise Killed

    with pytest.raises(Killed):
        film(**asked, on_progress=dies)
    assert not (tmp_path / "out.mp4").exists()
    report = film(**asked)
    assert (report.frames, report.made) == (6, 4)
    assert packets(tmp_path / "out.mp4", "video") == packets(tmp_path / "whole.mp4", "video")
    assert packets(tmp_path / "out.mp4", "audio") == packets(tmp_path / "whole.mp4", "audio")


def test_the_report_is_the_films_whenever_it_was_stopped(film, tmp_path):
    write_film(tmp_path / "in.mp4", count=6)
    asked = {"options": SAME.changed(f_number=None), "aperture_keys": ("0:2", "0.2:8")}

    def told():
        found = json.loads((tmp_path / "out.mp4.json").read_text())
        return {name: found[name] for name in ("first_frame", "notes", "frames", "shots")}

    film(**asked)
    whole = told()
    assert whole["first_frame"]["f_number"]["value"] == 2 and whole["notes"]
    for last in (4, 6):
        with pytest.raises(KeyboardInterrupt):
            film(**asked, on_progress=stop_at(last))
        film(**asked)
        assert told() == whole


def test_parts_of_other_settings_are_not_taken(film, tmp_path):
    write_film(tmp_path / "in.mp4", count=5)
    with pytest.raises(KeyboardInterrupt):
        film(on_progress=stop_at(4))
    assert film(options=SAME.changed(f_number=8.0)).made == 5


@pytest.mark.parametrize(("out", "useless"), [("out.mp4", {"fps": "12"}), ("out", {"crf": 30})])
def test_what_has_no_effect_is_told_and_begins_nothing_anew(film, tmp_path, out, useless):
    write_film(tmp_path / "in.mp4", count=5)
    with pytest.raises(KeyboardInterrupt):
        film(out=out, on_progress=stop_at(4), **useless)
    report = film(out=out, **{"crf": 17 if "crf" in useless else 4, "fps": None})
    assert report.made == 2 and not [line for line in report.notes if "no effect on" in line]
    (name,) = useless
    assert [line for line in film(out=out, **useless).notes if line.startswith(f"--{name}: no effect")]


def test_pictures_that_are_gone_are_made_again(film, tmp_path):
    (tmp_path / "frames").mkdir()
    for n in range(5):
        write_photo(tmp_path / f"frames/{n}.png", frame_pixels(n))

    def resumed(remove):
        with pytest.raises(KeyboardInterrupt):
            film("frames", "out", on_progress=stop_at(5), part_frames=2)
        (tmp_path / remove).unlink()
        return film("frames", "out", part_frames=2).made

    assert resumed("out/4.png") == 1
    assert resumed("out/0.png") == 5
    assert resumed("out.cocnet-parts/000001.npz") == 5
    assert len(list((tmp_path / "out").iterdir())) == 5


def test_parts_of_depth_that_is_read_otherwise_are_not_taken(film, tmp_path):
    (tmp_path / "frames").mkdir()
    (tmp_path / "depth").mkdir()
    for n in range(4):
        write_photo(tmp_path / f"frames/{n}.png", np.full((32, 48, 3), 40 * n, np.uint8))
        np.save(tmp_path / f"depth/{n}.npy", np.full((32, 48), 2.0, np.float32))
        (tmp_path / f"depth/{n}.json").write_text('{"kind": "metric"}')

    asked = {"options": RenderOptions(focus_m=2.0), "depth": tmp_path / "depth", "part_frames": 2}
    for kind, made in (("metric", 2), ("disparity", 4)):
        with pytest.raises(KeyboardInterrupt):
            film("frames", "out", **asked, on_progress=stop_at(3))
        (tmp_path / "depth/3.json").write_text(f'{{"kind": "{kind}"}}')
        assert film("frames", "out", **asked).made == made

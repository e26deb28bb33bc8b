"""The command line as a user meets it: pictures of every kind, settings beside them, JSON, help."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import cocnet
from cocnet.imaging import read_photo


@pytest.fixture
def render(files, run):
    """Render with a depth map of the photo's own size; returns the outcome and the output's path."""

    def call(photo, name, *arguments):
        pixels = read_photo(photo).pixels
        depth = files.depth(height=pixels.shape[0], width=pixels.shape[1])
        out = files.folder / name
        outcome = run("render", photo, "--depth", depth, "--depth-kind", "metric", "-o", out, *arguments)
        assert outcome.code == 0, outcome.err
        return outcome, out

    return call


def test_a_plain_jpeg(files, render):
    outcome, out = render(files.photo(), "out.jpg", "--focus-m", 1.5, "--f-number", 1.4)
    assert "focus at 1.5 m" in outcome.out and "50 mm f/1.4" in outcome.out
    before, after = read_photo(files.folder / "photo.jpg").pixels, read_photo(out).pixels
    assert after.shape == before.shape and np.abs(after.astype(int) - before).max() > 2


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (40, 1), (2, 3)])
def test_row_16_tiny_pictures(files, render, height, width):
    _, out = render(files.photo("tiny.png", height, width), "out.png")
    assert read_photo(out).pixels.shape == (height, width, 3)


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA", "RGB"])
def test_row_16_modes_of_png(files, render, mode):
    photo = files.photo("mode.png", mode=mode)
    _, out = render(photo, "out.png", "--f-number", 16)
    before, after = read_photo(photo), read_photo(out)
    assert after.grey == before.grey
    assert (after.alpha is None) == (before.alpha is None)
    assert before.alpha is None or np.array_equal(before.alpha, after.alpha)


def test_row_16_cmyk(files, render):
    _, out = render(files.photo("cmyk.jpg", mode="CMYK"), "out.jpg")
    assert Image.open(out).mode == "RGB"


def test_row_16_sixteen_bit_stays_so(files, render):
    from cocnet.imaging import write_photo

    rows, columns = np.mgrid[0:18, 0:24]
    pixels = np.stack([rows * 3000, columns * 2500, rows * columns * 100], axis=-1).astype(np.uint16)
    write_photo(files.folder / "deep.png", pixels)
    _, out = render(files.folder / "deep.png", "out.png", "--f-number", 22, "--highlights", "off")
    after = read_photo(out).pixels
    assert after.dtype == np.uint16 and (after % 257).any()


def test_row_16_animated_is_one_picture_or_an_error(files, run):
    frames = [Image.new("RGB", (24, 18), colour) for colour in ("red", "green")]
    frames[0].save(files.folder / "two.webp", save_all=True, append_images=frames[1:])
    out = files.folder / "out.png"
    outcome = run(
        "render", files.folder / "two.webp", "--depth", files.depth(), "--depth-kind", "metric", "-o", out
    )
    assert out.is_file() if outcome.code == 0 else len(outcome.errors) == 1


def test_alpha_dropped_by_jpeg_is_noted(files, render):
    outcome, _ = render(files.photo("a.png", mode="RGBA"), "out.jpg")
    assert "note: transparency was dropped" in outcome.err


def test_depth_of_another_size(files, run):
    out = files.folder / "out.png"
    depth = files.depth(height=36, width=48)
    assert run("render", files.photo(), "--depth", depth, "--depth-kind", "metric", "-o", out).code == 0
    assert read_photo(out).pixels.shape == (18, 24, 3)


def test_settings_lie_beside_the_picture(files, run):
    out = files.folder / "out.jpg"
    assert run("render", files.gdepth(), "--focus-point", "0.1,0.5", "--f-number", 2, "-o", out).code == 0
    settings = json.loads((files.folder / "out.jpg.json").read_text())
    assert settings["version"] == cocnet.__version__
    assert settings["f_number"] == {"value": 2.0, "origin": "given"}
    assert settings["focal_length_mm"] == {"value": 50.0, "origin": "default"}
    assert settings["focus_m"] == {"value": pytest.approx(1.0), "origin": "depth at 0.1,0.5"}
    assert settings["options"]["focus_point"] == [0.1, 0.5]
    assert settings["nearest_m"] == pytest.approx(1.0) and settings["farthest_m"] == pytest.approx(5.0)


def test_an_option_that_is_written_replaces_the_recorded_one_though_it_is_the_default(files, run):
    out, again = files.folder / "look.png", files.folder / "again.png"
    odd = ("--preview", "--highlights", "off", "--squeeze", 2, "--cat-eye", 0.5, "--max-mem", 500)
    assert run("render", files.gdepth(), *odd, "--focus-m", 2, "-o", out).code == 0
    plain = ("--no-preview", "--highlights", "auto", "--squeeze=1", "--cat_eye", 0, "--focus", "auto")
    assert "--no-preview renders it in full" in run("render", "--settings", f"{out}.json", "-o", again).err
    outcome = run("render", "--settings", f"{out}.json", *plain, "-o", again)
    assert outcome.code == 0 and "in full" not in outcome.err
    options = json.loads((files.folder / "again.png.json").read_text())["options"]
    found = [
        options[name] for name in ("preview", "highlights", "squeeze", "cat_eye", "focus_m", "max_mem_mb")
    ]
    assert found == [False, "auto", 1.0, 0.0, None, 500]


def test_another_aperture_replaces_the_recorded_picture_of_one(files, run):
    Image.fromarray(np.full((9, 9), 255, np.uint8)).save(files.folder / "star.png")
    out, star = files.folder / "a.png", files.folder / "star.png"
    assert run("render", files.gdepth(), "--aperture-image", star, "-o", out).code == 0
    assert run("render", "--settings", f"{out}.json", "--aperture-blades", 6, "-o", out).code == 0
    options = json.loads((files.folder / "a.png.json").read_text())["options"]
    assert (options["aperture_image"], options["aperture_blades"]) == (None, 6)


def test_depth_that_was_no_file_is_asked_for_again(files, run):
    out, photo, depth = files.folder / "out.png", files.photo(), files.depth()
    cocnet.render(photo, np.load(depth), depth_kind="metric").save(out)
    outcome = run("render", "--settings", f"{out}.json", "-o", out)
    assert outcome.code == 1 and "expected --depth" in outcome.errors[0]
    given = ("--depth", depth, "--json", "-o", files.folder / "again.png")
    outcome = run("render", "--settings", f"{out}.json", *given)
    assert outcome.code == 0 and np.array_equal(
        read_photo(out).pixels, read_photo(files.folder / "again.png").pixels
    )


@pytest.mark.parametrize("broken", [{"depth": ["x"]}, {"quality": "high"}, {"photo": 3}])
def test_settings_of_other_types_are_one_line(files, run, broken):
    out = files.folder / "out.png"
    assert run("render", files.gdepth(), "-o", out).code == 0
    path = files.folder / "out.png.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | broken))
    outcome = run("render", "--settings", path, "-o", out)
    assert outcome.code == 1 and "settings of a render" in outcome.errors[0] and len(outcome.errors) == 1


def test_json_is_one_object_on_stdout(files, run):
    out = files.folder / "out.jpg"
    outcome = run("render", files.gdepth(), "--json", "-o", out)
    facts = json.loads(outcome.out)
    assert facts["output"] == str(out) and facts["settings_file"] == f"{out}.json"
    assert facts["focus_m"]["origin"].startswith("auto")


def test_relative_depth_is_noted_with_its_span(files, run):
    arguments = ("--depth", files.depth(), "--depth-kind", "relative_depth", "--near-m", 2, "--far-m", 8)
    outcome = run("render", files.photo(), *arguments, "--json", "-o", files.folder / "out.jpg")
    facts = json.loads(outcome.out)
    assert "note: its distances are relative: placed from 2 m to 8 m" in outcome.err
    assert facts["nearest_m"] == pytest.approx(2) and facts["farthest_m"] == pytest.approx(8)


def test_a_guess_is_printed_as_a_guess(files, run):
    depth = files.folder / "mm.png"
    Image.fromarray(np.full((18, 24), 2500, np.uint16)).save(depth)
    out = files.folder / "out.jpg"
    outcome = run("render", files.photo(), "--depth", depth, "--depth-kind", "metric", "-o", out)
    assert outcome.code == 0 and "note: " in outcome.err and "a guess" in outcome.err
    assert "focus at 2.5 m" in outcome.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--highlights", "off"),
        ("--highlights", "0.8,4"),
        ("--aperture-blades", 6, "--aperture-rotation-deg", 15, "--roundness", 0.3),
        ("--cat-eye", 0.4),
        ("--axial-ca", 0.01, "--lateral-ca", 0.001),
        ("--mode", "eq8"),
        ("--preview",),
        ("--max-mem", 300),
        ("--focus", "auto", "--quality", 80),
    ],
)
def test_every_option_renders(files, render, arguments):
    _, out = render(files.photo(), "out.jpg", *arguments)
    assert out.is_file()


def test_depth_info_of_a_photo_and_a_file(files, run):
    outcome = run("depth-info", files.gdepth())
    assert outcome.code == 0 and "metric" in outcome.out and "photo with depth" in outcome.out
    facts = json.loads(run("depth-info", files.depth(), "--json").out)
    assert facts["holds"] == "depth file" and "--depth-kind" in facts["note"]
    assert json.loads(run("depth-info", files.photo(), "--json").out)["holds"] == "photo without depth"


def test_depth_info_of_nothing(files, run):
    outcome = run("depth-info", files.folder / "none.jpg")
    assert outcome.code == 1 and len(outcome.errors) == 1 and outcome.errors[0].startswith("cocnet: expected")


def test_version_and_usage(run):
    assert run("--version").out == f"cocnet {cocnet.__version__}\n"
    assert run("render").code == 2
    assert "cocnet render" in run("--help").out
    assert run("render", "--help").code == 0


def test_help_does_not_import_torch():
    code = "import sys; from cocnet.apps.cli.main import main; main(['render', '--help']); "
    code += "sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"}
    )
    assert done.returncode == 0 and "--focus-point 0.4,0.6" in done.stdout

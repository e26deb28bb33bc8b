"""Rows of the table of bad input as a user meets them: one line, an exit code, nothing half-written."""

import numpy as np
import pytest
from PIL import Image

from cocnet.imaging import read_photo
from cocnet.imaging.embedded.extract import Beside

GDEPTH_BOMB = b"""<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>
<x:xmpmeta xmlns:x="adobe:ns:meta/">&b;</x:xmpmeta>"""
PAST_THE_END = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:Container="http://ns.google.com/photos/dd/1.0/container/"
xmlns:Item="http://ns.google.com/photos/dd/1.0/item/"
xmlns:DepthMap="http://ns.google.com/photos/dd/1.0/depthmap/" DepthMap:Format="RangeLinear" DepthMap:Near="1"
DepthMap:Far="5" DepthMap:Units="Meters" DepthMap:DepthURI="android/depthmap"><Container:Directory><rdf:Seq>
<rdf:li><Container:Item Item:Mime="image/jpeg" Item:Length="0" Item:DataURI="primary_image"/></rdf:li>
<rdf:li><Container:Item Item:Mime="image/png"
Item:Length="99999999" Item:DataURI="android/depthmap"/></rdf:li>
</rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>"""


OLD_SETTINGS = '{"options": {}}'


def metric(depth):
    return "--depth", depth, "--depth-kind", "metric"


def refused(outcome, out, *words):
    """One line on stderr with these words, a non-zero exit code, no output and nothing left beside it."""
    assert outcome.code in (1, 2)
    assert len(outcome.errors) == 1, outcome.err
    assert outcome.errors[0].startswith("cocnet: expected ")
    assert all(word in outcome.errors[0] for word in words), outcome.errors[0]
    assert "Traceback" not in outcome.err and outcome.out == ""
    assert not out.is_file()
    assert not [p.name for p in out.parent.iterdir() if p.name.startswith(".cocnet-")]


def truncated(files):
    whole = files.photo("whole.jpg", 200, 300, quality=95).read_bytes()
    return files.write("cut.jpg", whole[: len(whole) // 2])


BAD_PHOTOS = {
    "1 pixel bomb": (lambda f, png: f.write("huge.png", png), "4,000 MB"),
    "2 truncated JPEG": (lambda f, png: truncated(f), "damaged"),
    "3 EPS named png": (lambda f, png: f.write("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n"), "EPS"),
    "3 PDF named png": (lambda f, png: f.write("a.png", b"%PDF-1.7\n"), "PDF"),
    "3 SVG named png": (lambda f, png: f.write("a.png", b'<svg xmlns="http://www.w3.org/2000/svg"/>'), "SVG"),
    "empty file": (lambda f, png: f.write("a.jpg", b""), "empty"),
    "no such file": (lambda f, png: f.folder / "none.jpg", "none.jpg"),
    "a folder": (lambda f, png: f.folder, "folder"),
    "cut HEIC": (lambda f, png: f.write("a.heic", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1"), "HEIC"),
}


@pytest.mark.parametrize("row", BAD_PHOTOS)
def test_bad_photo(row, files, run, bomb_png):
    build, word = BAD_PHOTOS[row]
    out = files.folder / "out.jpg"
    refused(
        run("render", build(files, bomb_png), *metric(files.depth()), "-o", out),
        out,
        word,
    )


BAD_PHONE_DEPTH = {
    "7 bad base64": ({"data": "%%%"}, "depth ignored"),
    "7 near beyond far": ({"near": "5", "far": "1"}, "depth ignored"),
    "7 NaN": ({"near": "NaN"}, "depth ignored"),
    "8 entity bomb": ({"xmp": GDEPTH_BOMB}, "refused"),
    "9 past the end": ({"xmp": PAST_THE_END}, "depth ignored"),
}


@pytest.mark.parametrize("row", BAD_PHONE_DEPTH)
def test_unusable_phone_depth_is_explained_and_another_map_does(row, files, run):
    settings, word = BAD_PHONE_DEPTH[row]
    photo, out = files.gdepth(**settings), files.folder / "out.jpg"
    outcome = run("render", photo, "-o", out)
    assert outcome.code == 0 and word in outcome.err and "built-in network" in outcome.err
    assert run("render", photo, *metric(files.depth()), "-o", out).code == 0


def test_row_6_depth_of_an_unreadable_kind_says_so(files, run, monkeypatch):
    note = "embedded depth ignored: its depth is of type 3 (non-uniform), which can't be read yet"
    monkeypatch.setattr("cocnet.imaging.photo.photo.look_beside", lambda *_: Beside(note=note))
    out = files.folder / "out.jpg"
    outcome = run("render", files.photo(), "-o", out)
    assert outcome.code == 0 and "type 3" in outcome.err and "built-in network" in outcome.err
    assert run("render", files.photo(), *metric(files.depth()), "-o", out).code == 0


def test_row_4_impossible_fraction_renders_with_a_note(files, run, make_exif):
    photo = files.photo(exif=make_exif((0x9204, 10, -2, 0)))
    out = files.folder / "out.jpg"
    outcome = run("render", photo, *metric(files.depth()), "-o", out)
    assert outcome.code == 0 and out.is_file()
    assert "note: " in outcome.err and "ExposureBiasValue" in outcome.err


@pytest.mark.parametrize(
    ("orientation", "near"), [(6, "0.5,0.1"), (8, "0.5,0.9"), (5, "0.5,0.1"), (1, "0.1,0.5")]
)
def test_row_5_depth_turns_with_its_photo(files, run, orientation, near):
    turned = Image.Exif()
    turned[0x0112] = orientation
    photo, out = files.gdepth(exif=turned), files.folder / "out.png"
    outcome = run("render", photo, "--focus-point", near, "-o", out)
    assert outcome.code == 0, outcome.err
    assert "focus at 1 m" in outcome.out
    assert read_photo(out).pixels.shape[:2] == ((18, 24) if orientation < 5 else (24, 18))


def saved(files, array, name="bad.npy"):
    np.save(files.folder / name, array, allow_pickle=True)
    return files.folder / name


BAD_DEPTHS = {
    "10 another aspect": (lambda f: f.depth(height=24, width=24), "aspect"),
    "10 turned": (lambda f: f.depth(height=24, width=18), "90°"),
    "11 all NaN": (lambda f: saved(f, np.full((18, 24), np.nan)), "none"),
    "11 all zero": (lambda f: saved(f, np.zeros((18, 24))), "none"),
    "11 all negative": (lambda f: saved(f, np.full((18, 24), -1.0)), "none"),
    "11 all infinite": (lambda f: saved(f, np.full((18, 24), np.inf)), "none"),
    "12 objects": (lambda f: saved(f, np.array([[{}, 1]], dtype=object)), "bad.npy"),
    "no such file": (lambda f: f.folder / "none.npy", "none.npy"),
    "not a depth file": (lambda f: f.write("d.txt", b"1 2 3"), "d.txt"),
    "three channels": (lambda f: saved(f, np.ones((18, 24, 3))), "one channel"),
}


@pytest.mark.parametrize("row", BAD_DEPTHS)
def test_bad_depth(row, files, run):
    build, word = BAD_DEPTHS[row]
    out = files.folder / "out.jpg"
    refused(run("render", files.photo(), *metric(build(files)), "-o", out), out, word)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -3.0, 0.0, 1e30, 1e-30])
def test_row_11_some_bad_values_are_masked(files, run, value):
    depth = np.load(files.depth())
    depth[3:9, 4:20] = value
    out = files.folder / "out.png"
    outcome = run(
        "render",
        files.photo(),
        *metric(saved(files, depth)),
        "--focus-m",
        2,
        "-o",
        out,
    )
    assert outcome.code == 0, outcome.err
    assert read_photo(out).pixels.std() > 0


def test_row_11_constant_depth_renders(files, run):
    out = files.folder / "out.png"
    depth = saved(files, np.full((18, 24), 2.0))
    assert run("render", files.photo(), *metric(depth), "-o", out).code == 0


def test_an_untyped_depth_file_needs_its_kind(files, run):
    out = files.folder / "out.jpg"
    refused(
        run("render", files.photo(), "--depth", files.depth(), "-o", out),
        out,
        "--depth-kind",
        "relative_disparity",
    )


def test_an_unknown_estimator_says_which_there_are(files, run):
    out = files.folder / "out.jpg"
    refused(run("render", files.photo(), "--estimator", "none", "-o", out), out, "builtin", "--depth ")
    refused(run("depth", files.photo(), "--estimator", "none", "-o", files.folder / "d.npy"), out, "builtin")


BAD_OPTIONS = {
    "--f-number": "0",
    "--focus-point": "0.5,1.5",
    "--focal-length-mm": "-50",
    "--sensor-width-mm": "nan",
    "--focus-m": "nan",
    "--aperture-blades": "2",
    "--highlights": "bright",
    "--near-m": "0",
    "--roundness": "7",
    "--cat-eye": "-1",
    "--max-mem": "0",
    "--quality": "0",
    "--depth-scale": "0",
}


@pytest.mark.parametrize("option", BAD_OPTIONS)
def test_bad_option(option, files, run):
    out = files.folder / "out.jpg"
    chosen = (*metric(files.depth()), option, BAD_OPTIONS[option])
    refused(run("render", files.photo(), *chosen, "-o", out), out)


def test_two_focuses_clash(files, run):
    out = files.folder / "out.jpg"
    refused(
        run("render", files.gdepth(), "--focus-m", 1, "--focus-point", "0.5,0.5", "-o", out), out, "one focus"
    )


def link(folder):
    (folder / "aim.jpg").write_bytes(b"old")
    (folder / "link.jpg").symlink_to(folder / "aim.jpg")
    return folder / "link.jpg"


BAD_OUTPUTS = {
    "15 a link": (link, "symbolic link"),
    "15 a folder": (lambda folder: folder / "sub.jpg", "folder"),
    "15 no such folder": (lambda folder: folder / "none" / "out.jpg", "creating"),
    "15 unknown suffix": (lambda folder: folder / "out.gif", ".jpg"),
    "15 output = photo": (lambda folder: folder / "photo.jpg", "input"),
}


@pytest.mark.parametrize("row", BAD_OUTPUTS)
def test_row_15_bad_output(row, files, run):
    photo, depth = files.photo(), files.depth()
    (files.folder / "sub.jpg").mkdir()
    build, word = BAD_OUTPUTS[row]
    out = build(files.folder)
    before = {p: p.read_bytes() for p in files.folder.iterdir() if p.is_file()}
    outcome = run("render", photo, *metric(depth), "-o", out)
    assert outcome.code == 1 and len(outcome.errors) == 1 and word in outcome.err
    assert all(path.read_bytes() == data for path, data in before.items())


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("-o", "x.png", "--save-depth", "d.png"), "input"),
        (("-o", "x.png", "--save-mask", "hand.png"), "input"),
        (("-o", "hand.png"), "input"),
        (("-o", "x.png", "--save-mask", "x.png"), "different names"),
        (("-o", "x.png", "--save-depth", "x.npy", "--save-mask", "x.npy"), "ending in"),
        (("-o", "x.png", "--save-depth", "x.tif"), "ending in"),
        (("-o", "x.jpg", "--quality", 500), "quality of 1–100"),
    ],
)
def test_row_15_no_output_takes_the_place_of_another_file(options, word, files, run, monkeypatch):
    photo, depth = files.photo(), files.folder / "d.png"
    Image.fromarray(np.full((18, 24), 2000, np.uint16)).save(depth)
    Image.fromarray(np.full((18, 24), 255, np.uint8)).save(files.folder / "hand.png")
    before = {path: path.read_bytes() for path in files.folder.iterdir()}
    monkeypatch.chdir(files.folder)
    monkeypatch.setattr("cocnet.pipeline.render_photo.render", None)
    outcome = run("render", photo, *metric(depth), "--keep", "hand.png", *options)
    assert outcome.code == 1 and len(outcome.errors) == 1 and word in outcome.err
    assert {path: path.read_bytes() for path in files.folder.iterdir()} == before


@pytest.mark.parametrize("command", ["render", "deblur"])
def test_a_folder_is_no_photo(command, run, files, monkeypatch):
    monkeypatch.chdir(files.folder)
    outcome = run(command, ".")
    assert outcome.code == 1 and len(outcome.errors) == 1 and "expected a photo" in outcome.err


def test_row_15_output_is_the_depth_map(files, run):
    depth = files.folder / "depth.png"
    Image.fromarray(np.full((18, 24), 2000, np.uint16)).save(depth)
    before = depth.read_bytes()
    outcome = run("render", files.photo(), *metric(depth), "-o", depth)
    assert outcome.code == 1 and "input" in outcome.err and depth.read_bytes() == before


@pytest.mark.parametrize("stage", ["photo", "settings"])
def test_row_15_full_disk_leaves_the_old_picture_whole(files, run, monkeypatch, stage):
    out = files.folder / "out.jpg"
    beside = files.folder / "out.jpg.json"
    out.write_bytes(b"old picture")
    beside.write_text(OLD_SETTINGS)
    calls = []

    def full(*arguments, **settings):
        calls.append(1)
        raise OSError(28, "No space left on device")

    if stage == "photo":
        monkeypatch.setattr("cocnet.imaging.photo.encode._save", full)
    else:
        monkeypatch.setattr("pathlib.Path.write_text", full)
    outcome = run("render", files.gdepth(), "-o", out)
    assert calls and outcome.code == 1 and "full disk" in outcome.err and len(outcome.errors) == 1
    monkeypatch.undo()
    assert out.read_bytes() == b"old picture" and beside.read_text() == OLD_SETTINGS
    assert files.names() == ["out.jpg", "out.jpg.json", "phone.jpg"]


def test_interrupting_leaves_nothing(files, run, monkeypatch):
    def stop(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("cocnet.pipeline.render_photo.render", stop)
    outcome = run("render", files.gdepth(), "-o", files.folder / "out.jpg")
    assert outcome.code == 130 and outcome.errors == ["cocnet: interrupted, nothing was written"]
    assert files.names() == ["phone.jpg"]


def test_too_little_memory_is_one_line(files, run, monkeypatch):
    def greedy(*arguments, **settings):
        raise MemoryError

    monkeypatch.setattr("cocnet.pipeline.render_photo.render", greedy)
    out = files.folder / "out.jpg"
    refused(run("render", files.gdepth(), "-o", out), out, "--max-mem")

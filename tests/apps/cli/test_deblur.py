"""`cocnet deblur`: a file in, a file out, with what the photo carried."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from cocnet import create_model, save_checkpoint
from cocnet.imaging import read_photo


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    model = create_model("deblur-hybrid", widths=[4, 4], blocks=[1, 1])
    torch.nn.init.normal_(model.last.weight, std=0.3)
    folder = tmp_path / "weights"
    folder.mkdir()
    return save_checkpoint(model, folder / "net.safetensors")


def test_the_photo_comes_back_changed_with_exif_and_profile(run, files, weights, make_exif):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = files.photo(exif=make_exif((0x920A, 5, 50, 1)), icc_profile=profile)
    out, plain = files.folder / "sharp.jpg", files.folder / "plain.jpg"
    assert run("deblur", photo, "--model", weights, "--strength", 0, "-o", plain).code == 0
    outcome = run("deblur", photo, "--model", weights, "-o", out)
    assert outcome.code == 0 and "24 × 18 px sharpened by" in outcome.out
    with Image.open(out) as found, Image.open(photo) as before:
        assert found.size == before.size and found.info["icc_profile"] == profile
        assert found.getexif().get_ifd(0x8769)[0x920A] == 50
    assert not np.array_equal(read_photo(out).pixels, read_photo(plain).pixels)
    assert json.loads((files.folder / "sharp.jpg.json").read_text())["options"]["model"] == str(weights)


def test_settings_as_json_and_a_quality_without_effect(run, files, weights):
    out = files.folder / "sharp.png"
    outcome = run("deblur", files.photo(), "--model", weights, "--quality", 90, "--json", "-o", out)
    facts = json.loads(outcome.out)
    assert (facts["output"], facts["options"]["device"]) == (str(out), "cpu")
    assert "--quality: no effect" in outcome.err


def test_without_a_name_it_goes_beside_the_photo(run, files, weights):
    photo = files.photo()
    assert run("deblur", photo, "--model", weights).code == 0
    assert {"photo-sharp.jpg", "photo-sharp.jpg.json"} <= set(files.names())


def test_errors_are_one_line_and_leave_nothing(run, files, weights):
    photo = files.photo()
    before = files.names()
    for bad in (
        ("deblur", photo, "--model", "cocnet-b3-less"),
        ("deblur", photo, "--model", weights, "-o", photo),
        ("deblur", photo, "--model", weights, "--max-mem", 0),
        ("deblur", photo, "--model", "none.safetensors", "--quality", 200),
        ("deblur", photo, "--model", weights, "--device", "gpu"),
        ("deblur", files.folder / "none.jpg", "--model", weights),
    ):
        outcome = run(*bad)
        assert (
            outcome.code in (1, 2) and len(outcome.errors) == 1 and outcome.errors[0].startswith("cocnet: ")
        )
    assert files.names() == before


def test_render_can_deblur_first(run, files, weights):
    photo, depth = files.photo(), files.depth()
    out = files.folder / "out.jpg"
    flags = ["--depth-kind", "metric", "--focus-m", "1.5", "--deblur-first", "--deblur-model"]
    outcome = run("render", photo, "--depth", depth, *flags, weights, "-o", out)
    assert (
        outcome.code == 0
        and json.loads((files.folder / "out.jpg.json").read_text())["options"]["deblur_first"]
    )

"""`cocnet render --model` and `cocnet export`."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from cocnet import ThinLens, create_model, load_model, render, save_checkpoint
from cocnet.renderers.network import coc_map

TINY = {"channels": [4, 8, 8], "groups": 1, "kernel_size": 3}
NAMES = ["cocnet-b3-less", "cocnet-b3-depth", "cocnet-b3-less-lens"]


@pytest.fixture
def weights(tmp_path):
    """Writes an untrained network's file; by default one that gives its picture back."""

    def write(name, identity=True, **changed):
        torch.manual_seed(3)
        model = create_model(name, **TINY | changed)
        return save_checkpoint(
            model.start_at_identity() if identity else model, tmp_path / f"{name}.safetensors"
        )

    return write


def pixels(path):
    return np.asarray(Image.open(path)).astype(int)


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_goes_through_the_network(name, run, files, weights):
    photo, depth, out = files.photo("photo.png"), files.depth(), files.folder / "out.png"
    given = ["--depth", str(depth), "--depth-kind", "metric"]
    outcome = run("render", str(photo), *given, "--model", str(weights(name)), "-o", str(out))
    assert outcome.code == 0, outcome.err
    assert np.abs(pixels(out) - pixels(photo)).max() <= 1
    outcome = run("render", str(photo), *given, "--model", str(weights(name, False)), "-o", str(out))
    assert outcome.code == 0 and np.abs(pixels(out) - pixels(photo)).max() > 5
    settings = json.loads((files.folder / "out.png.json").read_text())
    assert settings["options"]["model"].endswith(f"{name}.safetensors")
    ignored = [note for note in settings["notes"] if "no effect" in note]
    assert len(ignored) == (0 if name.endswith("lens") else 1)


@pytest.mark.parametrize(
    ("name", "unheard"),
    [
        ("cocnet-hybrid", "--preview, --max-mem"),
        ("cocnet-b3-less", "--preview, --max-mem, --highlights"),
    ],
)
def test_options_of_the_physical_renderer_alone_are_noted(name, unheard, run, files, tmp_path):
    save_checkpoint(create_model(name, channels=[4, 8]), tmp_path / "net.safetensors")
    given = [
        "--model",
        tmp_path / "net.safetensors",
        "--preview",
        "--max-mem",
        "500",
        "--highlights",
        "0.8,4",
    ]
    outcome = run("render", files.photo(), *given, "-o", files.folder / "out.png")
    assert outcome.code == 0 and f"note: {unheard}: no effect with {name}" in outcome.err.splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_changes_every_network_a_little(name, files, weights):
    how = {"depth_kind": "metric", "model": str(weights(name, False))}
    full, half = (
        render(files.photo("photo.png"), files.depth(), bfloat16=chosen, **how) for chosen in (False, True)
    )
    apart = np.abs(full.pixels.astype(int) - half.pixels.astype(int))
    assert apart.max() > 0 and apart.mean() < 2


def test_bfloat16_without_a_network_is_noted(files):
    notes = render(files.photo(), files.depth(), depth_kind="metric", bfloat16=True).settings.notes
    assert "--bfloat16: no effect without --model" in notes


def test_a_network_without_depth_needs_none(run, files, weights):
    out = files.folder / "out.png"
    outcome = run("render", str(files.photo()), "--model", str(weights("cocnet-b3-less")), "-o", str(out))
    assert outcome.code == 0 and out.is_file() and "sees only the photo" in outcome.err


def test_the_lens_reaches_the_network(run, files, weights):
    path, photo, depth = (
        weights("cocnet-b3-less-lens", identity=False),
        files.photo("photo.png"),
        files.depth(),
    )
    given = ["render", str(photo), "--depth", str(depth), "--depth-kind", "metric", "--model", str(path)]
    pictures = []
    for number in ("1.4", "8"):
        out = files.folder / f"out{number}.png"
        assert run(*given, "--f-number", number, "--focus-m", "2", "-o", str(out)).code == 0
        pictures.append(pixels(out))
    assert np.abs(pictures[0] - pictures[1]).max() > 1
    lens = ThinLens(0.05, 8.0, 2.0, 0.036)
    assert coc_map(load_model(path), torch.full((1, 1, 2, 2), 0.5), lens).abs().max() < 1e-6


def test_progress_follows_the_network(files, weights):
    seen = []
    render(
        files.photo(),
        files.depth(),
        depth_kind="metric",
        model=str(weights("cocnet-b3-depth")),
        on_progress=lambda done, count: seen.append((done, count)),
    )
    assert seen == [(i, 5) for i in range(1, 6)]


@pytest.mark.parametrize(
    "model, expected",
    [
        ("cocnet-b3", "none, try the path of a .safetensors file"),
        ("cocnet-b33", "try cocnet-b3"),
        ("missing.safetensors", "missing.safetensors"),
        ("weights.pt", "safetensors"),
    ],
)
def test_what_is_no_model_is_one_line(model, expected, run, files):
    outcome = run("render", str(files.photo()), "--model", model, "-o", str(files.folder / "out.png"))
    assert outcome.code == 1 and len(outcome.errors) == 1 and expected in outcome.errors[0]
    assert "out.png" not in files.names()


def test_export(run, files, weights):
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    out = files.folder / "net.onnx"
    outcome = run("export", str(weights("cocnet-b3-less", False, channels=[4])), str(out))
    assert outcome.code == 0 and out.is_file() and "of PyTorch" in outcome.out
    outcome = run("export", "cocnet-b3", str(files.folder / "other.onnx"))
    assert outcome.code == 1 and "--random-weights" in outcome.errors[0]
    assert "other.onnx" not in files.names()


def test_export_in_eight_bit_says_what_it_costs(run, files, weights):
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    out = files.folder / "net.onnx"
    outcome = run("export", str(weights("cocnet-b3-less", False, channels=[4])), str(out), "--int8")
    assert outcome.code == 0 and out.is_file() and "dB PSNR to float32" in outcome.out

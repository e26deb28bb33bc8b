"""ONNX files say the same as PyTorch, at sizes that the export didn't see."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cocnet import FileError, InputError, create_model
from cocnet.networks import export_onnx, quantise_onnx
from cocnet.networks.zoo.quantise import made_up

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

SMALL = {"channels": [4, 8], "groups": 1, "kernel_size": 3}
SHARED = ("cocnet-b3-less-lens", SMALL | {"channels": [16, 32]})
LONG = pytest.mark.slow  # PyTorch's exporter takes 20 to 60 s for graphs of hundreds of nodes
MODELS = [
    ("cocnet-b3-less", SMALL | {"channels": [4]}),
    ("cocnet-b3-depth", SMALL),
    ("cocnet-b3-dir", SMALL),
    ("cocnet-hybrid", SMALL | {"kernel_size": 1}),
    ("dbsi", {"kernels": [5]}),
    ("deblur-hybrid", {"widths": [4, 4], "blocks": [1, 1], "radii_px": [1.5]}),
    pytest.param("cocnet-hybrid", SMALL | {"channels": [4, 8, 8]}, marks=LONG),
    pytest.param("dmshn", {}, marks=LONG),
    pytest.param("ifan-lite", {}, marks=LONG),
]


def made(name, arguments):
    torch.manual_seed(4)
    model = create_model(name, **arguments)
    if name == "cocnet-hybrid":
        for phi in model.phi:
            torch.nn.init.normal_(phi.weight, std=0.1)  # else it is its third input
    if name == "deblur-hybrid":
        torch.nn.init.normal_(model.last.weight, std=0.3)  # else it is its input
    return model


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A network and its file: an export takes seconds."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    model = made(*SHARED)
    export_onnx(model, path)
    return model, path


def agrees_at_any_size(model, path):
    session = onnxruntime.InferenceSession(str(path))
    for height, width in ((37, 90), (64, 33)):
        given = [torch.rand(1, channels, height, width) for channels in (3, 1, 3)]
        given = given[: len(session.get_inputs())]
        names = [each.name for each in session.get_inputs()]
        (found,) = session.run(None, {n: x.numpy() for n, x in zip(names, given, strict=True)})
        with torch.no_grad():
            expected = model.eval()(*given).numpy()
        assert found.shape == (1, 3, height, width)
        assert np.abs(found - expected).max() < 1e-4 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("name, arguments", MODELS)
def test_any_size_agrees_with_pytorch(name, arguments, tmp_path):
    model = made(name, arguments)
    assert export_onnx(model, tmp_path / "model.onnx") <= 1e-4 and model.training
    agrees_at_any_size(model, tmp_path / "model.onnx")


def test_the_shared_one_agrees_with_pytorch(shared):
    agrees_at_any_size(*shared)


def test_what_the_runtime_prints_stays_off_the_screen(shared, tmp_path, capfd):
    _, path = shared
    quantise_onnx(path, tmp_path / "a.onnx")
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


def test_the_file_says_what_it_is(shared):
    model, path = shared
    about = onnxruntime.InferenceSession(str(path)).get_modelmeta().custom_metadata_map
    assert about["name"] == SHARED[0] and json.loads(about["arguments"]) == json.loads(
        json.dumps(model.arguments)
    )


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"expected a \.onnx file"):
        export_onnx(create_model("dbsi"), tmp_path / "model.pt")


def test_a_model_of_elsewhere_is_refused(tmp_path):
    with pytest.raises(InputError, match="create_model"):
        export_onnx(torch.nn.Conv2d(3, 3, 1), tmp_path / "model.onnx")


def test_a_difference_leaves_no_file(shared, tmp_path, monkeypatch):
    """The graph of the same network with other weights."""
    written = SimpleNamespace(
        model=SimpleNamespace(metadata_props={}),
        save=lambda path, external_data: shutil.copy(shared[1], path),
    )
    monkeypatch.setattr(torch.onnx, "export", lambda *given, **settings: written)
    export_onnx(shared[0], tmp_path / "same.onnx")
    other = made(*SHARED)
    torch.nn.init.normal_(other.phi[0].weight)
    with pytest.raises(FileError, match="agree with PyTorch"):
        export_onnx(other, tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["same.onnx"]


def test_eight_bit_is_smaller_close_and_takes_any_size(shared, tmp_path):
    exact, rough = shared[1], tmp_path / "int8.onnx"
    score = quantise_onnx(exact, rough)
    assert 20 < score < 80 and rough.stat().st_size < 0.8 * exact.stat().st_size
    given = {"image": np.full((1, 3, 37, 90), 0.5, np.float32), "depth": np.zeros((1, 1, 37, 90), np.float32)}
    (found,) = onnxruntime.InferenceSession(str(rough)).run(None, given)
    assert found.shape == (1, 3, 37, 90) and np.isfinite(found).all()


def test_eight_bit_is_close_on_both_sides_of_the_focus(shared, tmp_path):
    """A network with a lens takes signed radii, which ranges measured on 0..1 would cut."""
    quantise_onnx(shared[1], tmp_path / "int8.onnx")
    sessions = [onnxruntime.InferenceSession(str(path)) for path in (shared[1], tmp_path / "int8.onnx")]
    given = made_up(sessions[0], 64, 96)
    for sign in (1, -1):
        one, two = (s.run(None, {**given, "depth": sign * np.abs(given["depth"])})[0] for s in sessions)
        assert np.square(one - two).mean() < 1e-4 * np.ptp(one) ** 2


def test_eight_bit_takes_the_place_of_no_other_file(shared, tmp_path):
    weights = tmp_path / "precious.safetensors"
    weights.write_bytes(b"weights")
    with pytest.raises(FileError, match=r"expected a \.onnx file"):
        quantise_onnx(shared[1], weights)
    assert weights.read_bytes() == b"weights"

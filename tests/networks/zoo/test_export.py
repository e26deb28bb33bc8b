"""ONNX files say the same as PyTorch, at sizes that the export didn't see."""

import json

import numpy as np
import pytest
import torch

from cocnet import FileError, InputError, create_model
from cocnet.networks import export_onnx, quantise_onnx

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

TINY = {"channels": [4, 8, 8], "groups": 1, "kernel_size": 3}
MODELS = [
    ("cocnet-b3-less", TINY),
    ("cocnet-b3-depth", TINY),
    ("cocnet-b3-less-lens", TINY),
    ("cocnet-b3-dir", TINY),
    ("cocnet-hybrid", TINY),
    ("dmshn", {}),
    ("dbsi", {"kernels": [5, 9]}),
    ("ifan-lite", {}),
    ("deblur-hybrid", {"widths": [4, 4], "blocks": [1, 1], "radii_px": [1.5, 3]}),
]


@pytest.mark.parametrize("name, arguments", MODELS, ids=[name for name, _ in MODELS])
def test_any_size_agrees_with_pytorch(name, arguments, tmp_path):
    torch.manual_seed(4)
    model = create_model(name, **arguments)
    if name == "cocnet-hybrid":
        for phi in model.phi:
            torch.nn.init.normal_(phi.weight, std=0.1)  # else it is its third input
    if name == "deblur-hybrid":
        torch.nn.init.normal_(model.last.weight, std=0.3)  # else it is its input
    path = tmp_path / "model.onnx"
    assert export_onnx(model, path) <= 1e-4 and model.training
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


def test_the_file_says_what_it_is(tmp_path):
    path = tmp_path / "model.onnx"
    model = create_model("cocnet-b2-less", **TINY)
    export_onnx(model, path)
    about = onnxruntime.InferenceSession(str(path)).get_modelmeta().custom_metadata_map
    assert about["name"] == "cocnet-b2-less" and json.loads(about["arguments"]) == json.loads(
        json.dumps(model.arguments)
    )


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"expected a \.onnx file"):
        export_onnx(create_model("dbsi"), tmp_path / "model.pt")


def test_a_model_of_elsewhere_is_refused(tmp_path):
    with pytest.raises(InputError, match="create_model"):
        export_onnx(torch.nn.Conv2d(3, 3, 1), tmp_path / "model.onnx")


def test_a_difference_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr("cocnet.networks.zoo.export.TOLERANCE", -1.0)
    with pytest.raises(FileError, match="agree with PyTorch"):
        export_onnx(create_model("dbsi", kernels=[3]), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_eight_bit_is_smaller_close_and_takes_any_size(tmp_path):
    exact, rough = tmp_path / "float32.onnx", tmp_path / "int8.onnx"
    export_onnx(create_model("cocnet-b2-less-lens", channels=[16, 32, 32], groups=1, kernel_size=3), exact)
    score = quantise_onnx(exact, rough)
    assert 20 < score < 80 and rough.stat().st_size < 0.7 * exact.stat().st_size
    given = {"image": np.full((1, 3, 37, 90), 0.5, np.float32), "depth": np.zeros((1, 1, 37, 90), np.float32)}
    (found,) = onnxruntime.InferenceSession(str(rough)).run(None, given)
    assert found.shape == (1, 3, 37, 90) and np.isfinite(found).all()

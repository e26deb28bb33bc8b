"""Networks in ONNX files, made where they are needed."""

import pytest
import torch


def brightness_network(path, size=(24, 40), channels=3):
    """A file whose network calls bright places near: the mean of the channels."""
    onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    given, found = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, c, *size])
        for name, c in (("rgb", channels), ("disparity", 1))
    )
    axes = onnx.numpy_helper.from_array(torch.tensor([1]).numpy(), "axes")
    node = onnx.helper.make_node("ReduceMean", ["rgb", "axes"], ["disparity"], keepdims=1)
    graph = onnx.helper.make_graph([node], "brightness", [given], [found], [axes])
    opset = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path

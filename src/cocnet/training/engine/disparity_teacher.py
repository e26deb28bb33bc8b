"""A teacher of disparity asked during training about each view that the student sees ("function matching").

Enters: an ONNX file of a network of relative disparity, rgb [1 3 h w] in 0–255 in, [1 1 h w] out, bigger is nearer.
Leaves: its disparity of views, in 0..1. Crops of one photo are then as many examples (Beyer et al. 2022, "Knowledge
distillation: A good teacher is patient and consistent").
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.errors import FileError, MissingExtraError

_ENDS = (0.02, 0.98)


class DisparityTeacher:
    """A network of relative disparity in an ONNX file; raises FileError for another, MissingExtraError without
    onnxruntime."""

    def __init__(self, path: str | Path) -> None:
        if find_spec("onnxruntime") is None:
            raise MissingExtraError("expected onnxruntime, got none, try: pip install 'cocnet[onnx]'")
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        try:
            self._session = InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            planes = [each.shape for each in (*self._session.get_inputs(), *self._session.get_outputs())]
        except Exception as error:  # onnxruntime has a dozen error types of its own
            reason = " ".join(str(error).split())[:200]
            raise FileError(
                f"expected a network as ONNX, got '{path}' ({reason}), try another file"
            ) from error
        if [shape[:2] for shape in planes] != [[1, 3], [1, 1]] or not all(
            isinstance(n, int) for n in planes[0]
        ):
            got = " and ".join(str(shape) for shape in planes)
            raise FileError(
                f"expected one input [1, 3, height, width] and one output [1, 1, height, width], "
                f"got {got} in '{path}', try a network of relative disparity"
            )
        self._name, self._size = self._session.get_inputs()[0].name, planes[0][2:]

    def __call__(self, rgb: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
        """Disparity of views in 0..1, its 2nd percentile as 0 and its 98th as 1."""
        small = functional.interpolate(rgb.float(), self._size, mode="bilinear", antialias=True)
        views = (255 * small).cpu().numpy()
        found = np.concatenate([self._session.run(None, {self._name: view[None]})[0] for view in views])
        planes = torch.from_numpy(found).float()
        low, high = torch.quantile(planes.flatten(1), torch.tensor(_ENDS), dim=1)[:, :, None, None, None]
        planes = ((planes - low) / (high - low).clamp_min(1e-6)).to(rgb.device)
        return functional.interpolate(planes, rgb.shape[-2:], mode="bilinear", antialias=True).clamp(
            -0.25, 1.25
        )

"""ONNX networks whose convolutions work in 8 bit: smaller, faster where the processor can, at a stated loss.

Enters: a file of `export_onnx`. Leaves: another one, called in the same way, whose ranges were measured on made-up
pictures (smooth shades and fine noise, 0..1).
"""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional

from cocnet.files.atomic import atomic_path
from cocnet.files.quiet import quiet_stderr
from cocnet.networks.zoo.export import onnx_target
from cocnet.networks.zoo.registry import card_of

Feed = dict[str, Float32[np.ndarray, "1 c h w"]]
SEEN = ((128, 128), (96, 160), (160, 96))  # px, of the pictures that set the ranges
SCORED = (144, 176)
REACH = 1.5  # of a lens's blur on either side of the focus, in units of the network's radius scale


def quantise_onnx(source: str | Path, target: str | Path) -> float:
    """Write `source` in 8 bit; returns the PSNR in dB to float32, over the output's range, on another picture.

    Signed weights per channel, signed activations (ONNX Runtime's static QDQ). Weights have 7 bits, as products of 8
    overflow on processors without VNNI. Raises FileError.
    """
    target = onnx_target(target)
    from onnxruntime import InferenceSession
    from onnxruntime.quantization import quantize_static

    with quiet_stderr(), _unlogged():
        exact = InferenceSession(str(source), providers=["CPUExecutionProvider"])
        with atomic_path(target, source) as temporary:
            feeds = _Feeds(iter([made_up(exact, *size) for size in SEEN]))
            quantize_static(
                str(source),
                str(temporary),
                feeds,
                op_types_to_quantize=["Conv"],
                per_channel=True,
                reduce_range=True,
            )
            rough = InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
        given = made_up(exact, *SCORED)
        one, two = (session.run(None, given)[0] for session in (exact, rough))
    error = float(np.square(one - two).mean()) / float(np.ptp(one)) ** 2
    return -10 * math.log10(max(error, 1e-30))


@contextmanager
def _unlogged() -> Iterator[None]:
    """The quantiser advises at length; its errors still arrive."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def made_up(session: Any, height: int, width: int) -> Feed:
    """Inputs of that size for a session, the same at every call: of a lens its signed blur, in place of the physical
    renderer's picture a blurred one."""
    made = torch.Generator().manual_seed(height)
    feed = {each.name: _shades(int(each.shape[1]), height, width, made) for each in session.get_inputs()}
    if card_of(session.get_modelmeta().custom_metadata_map["name"]).conditioning == "lens":
        feed["depth"] = REACH * (2 * feed["depth"] - 1)
    if "physical" in feed:
        feed["physical"] = functional.avg_pool2d(feed["image"], 9, 1, 4, count_include_pad=False)
    return {name: plane.numpy() for name, plane in feed.items()}


def _shades(channels: int, height: int, width: int, made: torch.Generator) -> Float[Tensor, "1 c h w"]:
    coarse, fine = (torch.rand(1, channels, -(-height // s), -(-width // s), generator=made) for s in (16, 2))
    planes = [functional.interpolate(x, size=(height, width), mode="bilinear") for x in (coarse, fine)]
    return 0.7 * planes[0] + 0.3 * planes[1]


class _Feeds:
    """What ONNX Runtime calls a calibration data reader."""

    def __init__(self, feeds: Iterator[Feed]) -> None:
        self.feeds = feeds

    def get_next(self) -> Feed | None:
        return next(self.feeds, None)

"""What the published weights of DMSHN, of two of them in series and of MPFNet, which has the same encoders and
decoders, call the tensors here. Enters: a name here. Leaves: the name there.
"""

import torch
from torch import Tensor

from cocnet.networks.architectures.dmshn import SCALES
from cocnet.networks.zoo.published.mapping import PublishedNames

_LAYERS = {"encoders": (1, 2, 3, 5, 6, 7, 9, 10, 11), "decoders": (13, 14, 16, 17, 18, 20, 21, 22, 24)}
_CONV_OF_BLOCK = {"first": "0.", "second": "2."}
_MPFNET = {"encoders": "fe", "decoders": "gen"}
CERTAIN = 100.0  # of the candidate's fusion weight, before the softmax


def _layer(kind: str, layer: str, rest: str) -> str:
    """layerN of an encoder or decoder, and within it."""
    block, _, tensor = rest.rpartition(".")
    return f"layer{_LAYERS[kind][int(layer)]}.{_CONV_OF_BLOCK.get(block, '')}{tensor}"


def of_dmshn(ours: str) -> str:
    """The published name of a tensor of `dmshn`."""
    _, _, kind, level, layer, rest = ours.split(".", 5)
    return f"{kind.removesuffix('s')}_lv{int(level) + 1}.{_layer(kind, layer, rest)}"


def of_stacked(ours: str) -> str:
    """The published name of a tensor of `dmshn-stacked`."""
    return f"net{int(ours.split('.')[1]) + 1}.{of_dmshn(ours)}"


def of_mpfnet(ours: str) -> str | None:
    """The published name of a tensor of `mpfnet`, whose level 3 is the finest; fusion heads aren't published."""
    kind, level, layer, rest = ours.split(".", 3)
    if kind == "fusions":
        return None
    return f"{_MPFNET[kind]}_lv{SCALES - int(level)}.{_layer(kind, layer, rest)}"


def candidate_alone(ours: str, like: Tensor) -> Tensor:
    """A fusion head's tensor so that the decoder's picture, the last of all, is taken as it is."""
    fixed = torch.zeros_like(like)
    if ours.endswith(".5.bias"):
        fixed[-1] = CERTAIN
    return fixed


DMSHN = PublishedNames(of_dmshn, origin="the authors' weights of DMSHN, trained on EBB!'s training pairs")
STACKED = PublishedNames(
    of_stacked, origin="the authors' weights of stacked DMSHN, trained on EBB!'s training pairs"
)
MPFNET = PublishedNames(
    of_mpfnet,
    origin="the authors' weights of MPFNet's encoders and decoders; the fusion takes the decoder's picture alone",
    fixed=candidate_alone,
)

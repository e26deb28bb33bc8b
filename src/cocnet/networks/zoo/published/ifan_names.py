"""What IFAN's published weights call the tensors of `architectures.ifan`.

Enters: a name here. Leaves: the name there: an activation, counted as a layer, follows most convolutions there.
"""

import re

from cocnet.networks.zoo.published.mapping import PublishedNames

_ENCODERS = {"features": "conv", "filter_features": "kconv"}
_TRUNKS = {"disparity": ("DME", "3"), "filter_trunk": ("conv4_4", "3.0"), "filters": ("F", "3")}
_PLAIN = {
    "from_disparity": "conv_DME.0",
    "reconstruct.first": "conv_res.0.0",
    "reconstruct.second": "conv_res.2.0",
    "reconstruct.last": "out_res.0",
}
_CONV_OF_UNIT = {"first": 0, "second": 2}


def theirs(ours: str) -> str:
    """The published name of a tensor."""
    layer, kind = ours.rsplit(".", 1)
    return f"{_layer(layer)}.{kind}"


def _layer(ours: str) -> str:
    if ours in _PLAIN:
        return _PLAIN[ours]
    if found := re.fullmatch(r"(\w+)\.levels\.(\d)\.(\d)", ours):
        return f"{_ENCODERS[found[1]]}{int(found[2]) + 1}_{int(found[3]) + 1}.0"
    if found := re.fullmatch(r"reconstruct\.middle\.(first|second)\.(\d)", ours):
        return f"conv_res.1.stem.{found[2]}.{_CONV_OF_UNIT[found[1]]}"
    if found := re.fullmatch(r"reconstruct\.ups\.(\d)", ours):
        return f"upconv{3 - int(found[1])}_u.0"
    if found := re.fullmatch(r"reconstruct\.refine\.(\d)\.(\d)\.(first|second)\.0", ours):
        return f"upconv{3 - int(found[1])}_{int(found[2]) + 1}.stem.0.{_CONV_OF_UNIT[found[3]]}"
    trunk, rest = ours.split(".", 1)
    name, last = _TRUNKS[trunk]
    if rest == "first":
        return f"{name}.0.0"
    if rest == "last":
        return f"{name}.{last}"
    _, block, which, unit = rest.split(".")
    return f"{name}.{int(block) + 1}.stem.{unit}.{_CONV_OF_UNIT[which]}"


IFAN = PublishedNames(
    theirs, {"published_filtering": True}, left_out=lambda name: True
)  # its reblurring network

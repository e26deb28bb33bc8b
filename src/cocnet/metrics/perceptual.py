"""How alike two pictures look: LPIPS (Zhang et al. 2018) and FLIP (Andersson et al. 2020), through their packages.

Enters: two sRGB pictures [b 3 h w] of floats in 0..1. Leaves: [b], 0 = alike. LPIPS depends on its backbone and
version, which `LPIPS.about` names; its package brings the linear heads only, torchvision downloads the backbone.
"""

import warnings
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cocnet.errors import FileError, InputError, MissingExtraError
from cocnet.files.offline import check_download
from cocnet.metrics.image import check_pair

Backbone = Literal["alex", "vgg", "squeeze"]
VERSION = "0.1"
_FULL_NAMES = {"alex": "AlexNet", "vgg": "VGG16", "squeeze": "SqueezeNet"}
_FILES = {
    "alex": "alexnet-owt-7be5be79.pth",
    "vgg": "vgg16-397923af.pth",
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
}
FLIP_PPD = 67.02  # pixels a degree: a 0.7 m wide screen of 3840 px, 0.7 m away, the package's own default


class LPIPS:
    """Learned perceptual similarity, differentiable; on the pictures' device.

    network: a ready `lpips.LPIPS` of that backbone [the package's, its backbone downloaded once]. Raises InputError,
    MissingExtraError, or FileError where the backbone's weights can't be had.
    """

    def __init__(self, backbone: Backbone = "alex", network: nn.Module | None = None) -> None:
        if backbone not in get_args(Backbone):
            names = ", ".join(get_args(Backbone))
            raise InputError(f"expected a backbone of {names}, got {backbone!r}, try alex")
        self.about = f"{_FULL_NAMES[backbone]} of torchvision, heads v{VERSION}"
        self._network = _load_lpips(backbone) if network is None else network
        self._network.eval().requires_grad_(False)

    def __call__(self, a: Float[Tensor, "b 3 h w"], b: Float[Tensor, "b 3 h w"]) -> Float[Tensor, " b"]:
        """Distance of each pair. Raises InputError."""
        check_pair(a, b)
        network = self._network.to(a.device)
        return network(a.float(), b.float(), normalize=True).flatten().to(a.dtype)


def flip(a: Float[Tensor, "b 3 h w"], b: Float[Tensor, "b 3 h w"]) -> Float[Tensor, " b"]:
    """Mean LDR-FLIP error, 0..1, of pictures b seen in place of a at 67 px a degree; no gradient.

    Raises InputError or MissingExtraError.
    """
    check_pair(a, b)
    evaluate = _flip_evaluator().evaluate
    means = [
        evaluate(_pixels(one), _pixels(two), "LDR", applyMagma=False, parameters={"ppd": FLIP_PPD})[1]
        for one, two in zip(a, b, strict=True)
    ]
    return torch.tensor(means, dtype=a.dtype, device=a.device)


def _load_lpips(backbone: Backbone) -> Any:
    try:
        import lpips
    except ImportError as error:
        raise MissingExtraError(
            "expected the package lpips for LPIPS, got none, try: pip install 'cocnet[metrics]'"
        ) from error
    file = f"{torch.hub.get_dir()}/checkpoints/{_FILES[backbone]}"
    what = f"{_FULL_NAMES[backbone]}'s weights for LPIPS, a download of torchvision's,"
    check_download(what, Path(file), "try flip and ssim, which need none")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return lpips.LPIPS(net=backbone, version=VERSION, verbose=False)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise FileError(
            f"expected {_FULL_NAMES[backbone]}'s weights for LPIPS, a download of torchvision's, got '{reason}', "
            "try again with internet, or flip and ssim, which need none"
        ) from error


def _flip_evaluator() -> Any:
    try:
        import flip_evaluator
    except ImportError as error:
        raise MissingExtraError(
            "expected the package flip-evaluator for FLIP, got none, try: pip install 'cocnet[metrics]'"
        ) from error
    return flip_evaluator


def _pixels(picture: Float[Tensor, "3 h w"]) -> Float[np.ndarray, "h w 3"]:
    plane = picture.detach().clamp(0, 1).permute(1, 2, 0).to("cpu", torch.float32)
    return np.ascontiguousarray(plane.numpy())

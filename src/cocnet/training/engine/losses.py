"""What training makes small: absolute and squared errors, SSIM and MS-SSIM, features of VGG.

Enters: a network's picture and the true one, sRGB [b 3 h w] of 0..1 (lights may be brighter). Leaves: one number.
"""

from pathlib import Path
from urllib.error import URLError

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.errors import FileError
from cocnet.files.offline import check_download
from cocnet.metrics.image import ms_ssim, ssim
from cocnet.networks.layers.highlights import compress_highlights
from cocnet.training.recipes.bokeh_recipes import LossWeights

Pictures = Float[Tensor, "b 3 h w"]
RELU5_4 = 36  # layers of VGG-19's features up to and with it
SQUARE_PX = 32  # of LossWeights.parts
GOOD = 2e-6  # squared error (57 dB) below which nothing more is gained
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Loss(nn.Module):
    """The weighted sum; terms of weight zero cost nothing. The mean over pictures, so that halves of a batch average.

    features: of VGG [torchvision's, where `weights.vgg` isn't zero]. Raises FileError where those can't be had.
    """

    def __init__(self, weights: LossWeights, features: nn.Module | None = None) -> None:
        super().__init__()
        self.weights = weights
        self.features = (features or vgg_features()) if weights.vgg else None

    def forward(self, output: Pictures, target: Pictures) -> Float[Tensor, ""]:
        """In float32, whatever the network worked in. Raises InputError for unlike or too small pictures."""
        output, target, w = output.float(), target.float(), self.weights
        total = output.new_zeros(())
        if w.l1:
            total = total + w.l1 * functional.l1_loss(output, target)
        if w.l2:
            total = total + w.l2 * functional.mse_loss(output, target)
        if w.ssim:
            total = total + w.ssim * (1 - ssim(output, target, "gaussian").mean())
        if w.ms_ssim:
            total = total + w.ms_ssim * (1 - ms_ssim(output, target).mean())
        if self.features is not None:
            total = total + w.vgg * functional.mse_loss(self.features(output), self.features(target))
        return total


def remaining(
    output: Pictures, target: Pictures, physical: Pictures, square_px: int | None = None
) -> Float[Tensor, ""]:
    """log(squared error / that of the physical picture), the mean over pictures; each as PSNR counts, cut at white.
    square_px: the mean over squares of that side [whole pictures].

    Light that is too bright beside a darker truth counts less than it would, but has a gradient.
    """
    output, target, physical = output.float(), target.float().clamp(0, 1), physical.float().clamp(0, 1)
    shown = compress_highlights(output)
    shown = torch.where((target >= 1) & (shown > 1), target, shown)
    errors = ((x - target).square().mean(1, keepdim=True) for x in (shown, physical))
    left, before = (
        x.mean((1, 2, 3)) if square_px is None else functional.avg_pool2d(x, square_px, ceil_mode=True)
        for x in errors
    )
    return ((left + GOOD) / (before + GOOD)).log().mean()


class VGGFeatures(nn.Module):
    """What VGG-19 sees at relu5_4, of sRGB in 0..1; frozen."""

    mean: Tensor
    spread: Tensor

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers.eval().requires_grad_(False)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("spread", torch.tensor(SPREAD)[:, None, None])

    def forward(self, x: Pictures) -> Float[Tensor, "b 512 h16 w16"]:
        """Values outside 0..1 count as they are."""
        return self.layers((x - self.mean) / self.spread)

    def train(self, mode: bool = True) -> "VGGFeatures":
        """Always in eval mode."""
        return super().train(False)


def vgg_features() -> VGGFeatures:
    """torchvision's VGG-19 with ImageNet's weights, downloaded at first use. Raises FileError where it can't be."""
    from torchvision.models import VGG19_Weights, vgg19

    hint = "try a recipe with vgg 0, or put the file there"
    kept = f"{torch.hub.get_dir()}/checkpoints/{VGG19_Weights.IMAGENET1K_V1.url.rsplit('/', 1)[-1]}"
    check_download("VGG-19's weights for the perceptual loss", Path(kept), hint)
    try:
        whole = vgg19(weights=VGG19_Weights.IMAGENET1K_V1)
    except (URLError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise FileError(
            f"expected VGG-19's weights for the perceptual loss at '{kept}', got '{reason}', {hint}"
        ) from error
    return VGGFeatures(whole.features[:RELU5_4])

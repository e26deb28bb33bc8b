"""How good a picture is: similarity to the true one, by measures that say which way is better."""

from cocnet.metrics.image import ms_ssim, psnr, psnr8, ssim, ssim8
from cocnet.metrics.perceptual import LPIPS, flip
from cocnet.metrics.registry import Metric, list_metrics, metric, register

__all__ = [
    "LPIPS",
    "Metric",
    "flip",
    "list_metrics",
    "metric",
    "ms_ssim",
    "psnr",
    "psnr8",
    "register",
    "ssim",
    "ssim8",
]

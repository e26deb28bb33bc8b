"""Which measures there are, which way is better, what each needs.

Enters: a name. Leaves: a `Metric`; its `open()` gives compare(true, ours) → [b] for sRGB pictures [b 3 h w] of floats
in 0..1. A new measure is one function that `register` keeps and one row of a parametrised test.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from cocnet.errors import InputError
from cocnet.metrics.image import ms_ssim, psnr, ssim
from cocnet.metrics.perceptual import LPIPS, flip

Compare = Callable[[Float[Tensor, "b 3 h w"], Float[Tensor, "b 3 h w"]], Float[Tensor, " b"]]


@dataclass(frozen=True)
class Metric:
    """A measure: `better` is "higher" or "lower"; `about` says version and settings; `needs` an extra or weights.

    `open()` makes it ready and raises MissingExtraError or FileError where what it needs isn't there.
    """

    name: str
    better: Literal["higher", "lower"]
    about: str
    open: Callable[[], Compare]
    unit: str = ""
    needs: str = ""

    @property
    def arrow(self) -> str:
        """↑ where higher is better, ↓ where lower is."""
        return "↑" if self.better == "higher" else "↓"


_METRICS: dict[str, Metric] = {}


def register(
    name: str, better: Literal["higher", "lower"], about: str, unit: str = "", needs: str = ""
) -> Callable[[Callable[[], Compare]], Callable[[], Compare]]:
    """Make a measure known by name; the function below it makes it ready. Raises InputError for a known name."""

    def keep(opener: Callable[[], Compare]) -> Callable[[], Compare]:
        if name in _METRICS:
            raise InputError(f"expected a new metric's name, got '{name}' again, try another name")
        _METRICS[name] = Metric(name, better, about, opener, unit, needs)
        return opener

    return keep


def list_metrics() -> tuple[Metric, ...]:
    """All measures, as they were registered."""
    return tuple(_METRICS.values())


def metric(name: str) -> Metric:
    """One measure by name; raises InputError for an unknown name."""
    if name not in _METRICS:
        near = difflib.get_close_matches(name, _METRICS, n=1) or [", ".join(_METRICS)]
        raise InputError(f"expected a metric, got '{name}', try {near[0]}")
    return _METRICS[name]


@register("psnr", "higher", "10·log10(1/MSE) over all colours", unit="dB")
def _psnr() -> Compare:
    return psnr


@register("ssim", "higher", "7×7 px uniform, sample covariance, colours averaged: scikit-image's default")
def _ssim() -> Compare:
    return ssim


@register("ssim-gaussian", "higher", "11×11 px, σ 1.5 px, plain covariance: as first published, in colour")
def _ssim_gaussian() -> Compare:
    return lambda true, ours: ssim(true, ours, "gaussian")


@register("ms-ssim", "higher", "five scales, published weights, colours averaged; from 176 px")
def _ms_ssim() -> Compare:
    return ms_ssim


@register("lpips", "lower", "AlexNet of torchvision, heads v0.1", needs="extra metrics; a download")
def _lpips() -> Compare:
    return LPIPS("alex")


@register("lpips-vgg", "lower", "VGG16 of torchvision, heads v0.1", needs="extra metrics; a download")
def _lpips_vgg() -> Compare:
    return LPIPS("vgg")


@register("flip", "lower", "LDR-FLIP at 67 px a degree", needs="extra metrics")
def _flip() -> Compare:
    return flip

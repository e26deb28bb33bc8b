"""How good a picture is, by measures that say which way is better; how often a classifier is fooled, and how sure."""

from cocnet.metrics.image import ms_ssim, psnr, ssim
from cocnet.metrics.metric_registry import Metric, list_metrics, metric, register
from cocnet.metrics.perceptual import LPIPS, flip
from cocnet.metrics.robustness import (
    Interval,
    PairedTest,
    attack_success,
    bootstrap_mean,
    check_labels,
    mcnemar,
    wilson,
)
from cocnet.metrics.sanity import AttackFacts, sanity_flags

__all__ = [
    "LPIPS",
    "AttackFacts",
    "Interval",
    "Metric",
    "PairedTest",
    "attack_success",
    "bootstrap_mean",
    "check_labels",
    "flip",
    "list_metrics",
    "mcnemar",
    "metric",
    "ms_ssim",
    "psnr",
    "register",
    "sanity_flags",
    "ssim",
    "wilson",
]

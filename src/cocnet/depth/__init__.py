"""Depth of a photo that brings none, and the subject of any photo."""

from cocnet.depth.estimators.builtin import builtin_depth
from cocnet.depth.estimators.estimator import Estimator, estimate
from cocnet.depth.estimators.order import Estimated, estimate_depth, list_estimators, make_estimator
from cocnet.depth.subject_mask import coarse_mask, subject_mask

__all__ = [
    "Estimated",
    "Estimator",
    "builtin_depth",
    "coarse_mask",
    "estimate",
    "estimate_depth",
    "list_estimators",
    "make_estimator",
    "subject_mask",
]

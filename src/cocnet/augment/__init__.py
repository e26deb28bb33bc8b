"""Bokeh as data augmentation: torchvision's transforms, and adapters for other libraries."""

from cocnet.augment.camera_ranges import CameraRanges
from cocnet.augment.depths import Depth
from cocnet.augment.random_bokeh import RandomBokeh

__all__ = ["CameraRanges", "Depth", "RandomBokeh"]

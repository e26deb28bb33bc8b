"""Datasets: folders in, tensors out; every sample follows from a seed and a number."""

from cocnet.datasets.classified import LabelledFile, LabelledPhoto, LabelledPhotos, stack
from cocnet.datasets.ebb import EBB
from cocnet.datasets.epochs import EpochSampler
from cocnet.datasets.folder import ImageBokehFolder
from cocnet.datasets.labelled import LabelledFolder
from cocnet.datasets.nips2017 import NeurIPS2017
from cocnet.datasets.pairs import BokehPair, BokehPairs, collate
from cocnet.datasets.raytraced import LensPair, ray_traced
from cocnet.datasets.scenes import Scenes, SceneSettings
from cocnet.datasets.view import View

__all__ = [
    "EBB",
    "BokehPair",
    "BokehPairs",
    "EpochSampler",
    "ImageBokehFolder",
    "LabelledFile",
    "LabelledFolder",
    "LabelledPhoto",
    "LabelledPhotos",
    "LensPair",
    "NeurIPS2017",
    "SceneSettings",
    "Scenes",
    "View",
    "collate",
    "ray_traced",
    "stack",
]

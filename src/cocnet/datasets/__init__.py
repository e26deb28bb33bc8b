"""Datasets: folders in, tensors out; every sample follows from a seed and a number."""

from cocnet.datasets.labelled.class_folders import LabelledFolder
from cocnet.datasets.labelled.labelled_photos import LabelledFile, LabelledPhoto, LabelledPhotos
from cocnet.datasets.labelled.nips2017 import NeurIPS2017
from cocnet.datasets.pairs.bokeh_pairs import BokehPair, BokehPairs
from cocnet.datasets.pairs.ebb import EBB
from cocnet.datasets.pairs.pair_folder import ImageBokehFolder
from cocnet.datasets.pairs.raytraced import LensPair, ray_traced
from cocnet.datasets.pairs.view import View
from cocnet.datasets.synthetic.scenes import Scenes, SceneSettings

__all__ = [
    "EBB",
    "BokehPair",
    "BokehPairs",
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
    "ray_traced",
]

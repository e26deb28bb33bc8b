"""Datasets: folders in, tensors out; every sample follows from a seed and a number.

The names are found on first use, so that settings which name a folder need not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cocnet.datasets.labelled.class_folders import LabelledFolder as LabelledFolder
    from cocnet.datasets.labelled.labelled_photos import LabelledFile as LabelledFile
    from cocnet.datasets.labelled.labelled_photos import LabelledPhoto as LabelledPhoto
    from cocnet.datasets.labelled.labelled_photos import LabelledPhotos as LabelledPhotos
    from cocnet.datasets.labelled.nips2017 import NeurIPS2017 as NeurIPS2017
    from cocnet.datasets.pairs.bokeh_pairs import BokehPair as BokehPair
    from cocnet.datasets.pairs.bokeh_pairs import BokehPairs as BokehPairs
    from cocnet.datasets.pairs.ebb import EBB as EBB
    from cocnet.datasets.pairs.pair_folder import ImageBokehFolder as ImageBokehFolder
    from cocnet.datasets.pairs.raytraced import LensPair as LensPair
    from cocnet.datasets.pairs.raytraced import ray_traced as ray_traced
    from cocnet.datasets.pairs.view import View as View
    from cocnet.datasets.synthetic.scenes import Scenes as Scenes
    from cocnet.datasets.synthetic.scenes import SceneSettings as SceneSettings

_HOMES = {
    "labelled.class_folders": "LabelledFolder",
    "labelled.labelled_photos": "LabelledFile LabelledPhoto LabelledPhotos",
    "labelled.nips2017": "NeurIPS2017",
    "pairs.bokeh_pairs": "BokehPair BokehPairs",
    "pairs.ebb": "EBB",
    "pairs.pair_folder": "ImageBokehFolder",
    "pairs.raytraced": "LensPair ray_traced",
    "pairs.view": "View",
    "synthetic.scenes": "Scenes SceneSettings",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'cocnet.datasets' has no attribute {name!r}")
    return getattr(import_module(f"cocnet.datasets.{_HOME[name]}"), name)

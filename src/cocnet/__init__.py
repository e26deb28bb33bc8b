"""Beautiful, physically right shallow depth of field from any photo.

The public names are found on first use, so that `cocnet --help` need not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cocnet import attacks as attacks
    from cocnet import augment as augment
    from cocnet import depth as depth
    from cocnet.depth import estimate_depth as estimate_depth
    from cocnet.depth import subject_mask as subject_mask
    from cocnet.errors import CocnetError as CocnetError
    from cocnet.errors import CocnetWarning as CocnetWarning
    from cocnet.errors import DepthError as DepthError
    from cocnet.errors import FileError as FileError
    from cocnet.errors import InputError as InputError
    from cocnet.errors import MissingExtraError as MissingExtraError
    from cocnet.imaging import DepthMap as DepthMap
    from cocnet.imaging import Photo as Photo
    from cocnet.imaging import read_depth as read_depth
    from cocnet.imaging import read_photo as read_photo
    from cocnet.imaging import write_depth as write_depth
    from cocnet.imaging import write_photo as write_photo
    from cocnet.networks import create_model as create_model
    from cocnet.networks import list_models as list_models
    from cocnet.networks import load_model as load_model
    from cocnet.networks import save_checkpoint as save_checkpoint
    from cocnet.optics import ThinLens as ThinLens
    from cocnet.pipeline.options import RenderOptions as RenderOptions
    from cocnet.pipeline.render_photo import RenderResult as RenderResult
    from cocnet.pipeline.render_photo import render as render
    from cocnet.renderers import open_renderer as open_renderer
    from cocnet.rendering import Highlights as Highlights
    from cocnet.rendering import PhysicalRenderer as PhysicalRenderer
    from cocnet.rendering import render_tiled as render_tiled

__version__ = "0.2.0.dev0"

_HOMES = {
    "depth": "estimate_depth subject_mask",
    "errors": "CocnetError CocnetWarning DepthError FileError InputError MissingExtraError",
    "imaging": "DepthMap Photo read_depth read_photo write_depth write_photo",
    "networks": "create_model list_models load_model save_checkpoint",
    "optics": "ThinLens",
    "pipeline.options": "RenderOptions",
    "pipeline.render_photo": "RenderResult render",
    "renderers": "open_renderer",
    "rendering": "Highlights PhysicalRenderer render_tiled",
}
_ROOMS = ("attacks", "augment", "depth")  # by their own name
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = ["__version__", *_ROOMS, *_HOME]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"cocnet.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'cocnet' has no attribute {name!r}")
    return getattr(import_module(f"cocnet.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)

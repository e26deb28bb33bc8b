"""Renderers: all that turns light, inverse depth and a lens into bokeh, behind one call."""

from cocnet.renderers.at_scale import at_scale
from cocnet.renderers.controls import ConstantBlur, Identity, best_constant_blur
from cocnet.renderers.hybrid_renderer import HybridRenderer
from cocnet.renderers.nearness import NearnessView, Setup
from cocnet.renderers.network import NetworkRenderer
from cocnet.renderers.opening import NAMES, open_renderer
from cocnet.renderers.physical_model import Physical
from cocnet.renderers.protocol import Renderer
from cocnet.renderers.streaming import render_windows

__all__ = [
    "NAMES",
    "ConstantBlur",
    "HybridRenderer",
    "Identity",
    "NearnessView",
    "NetworkRenderer",
    "Physical",
    "Renderer",
    "Setup",
    "at_scale",
    "best_constant_blur",
    "open_renderer",
    "render_windows",
]

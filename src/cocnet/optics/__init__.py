"""Pure physics: the thin lens and its point spread functions."""

from cocnet.optics.lens import Calibration, ThinLens, coc_radius_eq1
from cocnet.optics.psf import lens_psf, spot_reach
from cocnet.optics.shapes import butterworth, moment_share
from cocnet.optics.wiener import wiener_kernel

__all__ = [
    "Calibration",
    "ThinLens",
    "butterworth",
    "coc_radius_eq1",
    "lens_psf",
    "moment_share",
    "spot_reach",
    "wiener_kernel",
]

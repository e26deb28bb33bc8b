"""Pure physics: the thin lens and its point spread functions."""

from cocnet.optics.lens import Calibration, ThinLens, coc_radius_eq1
from cocnet.optics.psf import lens_psf

__all__ = ["Calibration", "ThinLens", "coc_radius_eq1", "lens_psf"]

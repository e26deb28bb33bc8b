"""Adversarial bokeh: attacks that see only `render(image, depth) → image` and `victim(image) → logits`."""

from cocnet.attacks.ace import ACE as ACE
from cocnet.attacks.bokeh import GDA as GDA
from cocnet.attacks.bokeh import BackgroundGDA as BackgroundGDA
from cocnet.attacks.bokeh import DepthOffset as DepthOffset
from cocnet.attacks.bokeh import SmoothGDA as SmoothGDA
from cocnet.attacks.colorfool import ColorFool as ColorFool
from cocnet.attacks.lens_attack import CameraRange as CameraRange
from cocnet.attacks.lens_attack import LensAttack as LensAttack
from cocnet.attacks.render_attack import RandomSearch as RandomSearch
from cocnet.attacks.result import AttackResult as AttackResult
from cocnet.attacks.victims import Classifier as Classifier
from cocnet.attacks.victims import list_victims as list_victims
from cocnet.attacks.victims import open_victim as open_victim

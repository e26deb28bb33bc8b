"""Adversarial bokeh: attacks that see only `render(image, depth) → image` and `victim(image) → logits`."""

from cocnet.attacks.ace import ACE as ACE
from cocnet.attacks.base import Random as Random
from cocnet.attacks.bokeh import GDA as GDA
from cocnet.attacks.bokeh import BackgroundGDA as BackgroundGDA
from cocnet.attacks.bokeh import DepthOffset as DepthOffset
from cocnet.attacks.bokeh import SmoothGDA as SmoothGDA
from cocnet.attacks.colorfool import ColorFool as ColorFool
from cocnet.attacks.lens import CameraRange as CameraRange
from cocnet.attacks.lens import LensAttack as LensAttack
from cocnet.attacks.pixel import PixelAttack as PixelAttack
from cocnet.attacks.result import AttackResult as AttackResult
from cocnet.attacks.transfer import TransferMatrix as TransferMatrix
from cocnet.attacks.transfer import transfer as transfer
from cocnet.attacks.victims import Classifier as Classifier
from cocnet.attacks.victims import list_victims as list_victims
from cocnet.attacks.victims import open_victim as open_victim

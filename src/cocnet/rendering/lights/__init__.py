"""Lights of a photo, told from white surfaces."""

from cocnet.rendering.lights.detect import Lights, find_lights, restore_lights

__all__ = ["Lights", "find_lights", "restore_lights"]

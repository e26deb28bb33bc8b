"""Colour: sRGB's transfer function, ICC profiles, Lab."""

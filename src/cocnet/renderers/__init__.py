"""Renderers: all that turns light, depth and a lens into bokeh."""

"""Learned renderers: a sharp picture, perhaps with depth or a lens, → bokeh."""

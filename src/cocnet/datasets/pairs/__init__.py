"""Pairs of a photo and its bokeh."""

"""Evaluation: how good a renderer is on pairs of photo and bokeh; Table I."""

"""Estimators: a photo in, a depth map out."""

"""Depth maps: kinds, files, holes, false colours."""

"""Architectures: one file, one paper."""

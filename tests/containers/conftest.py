"""A small JPEG, a depth picture of its aspect, and reading both back as a photo."""

from picture_files import codes, jpeg, make, open_bytes, png, rgb

__all__ = ["codes", "jpeg", "make", "open_bytes", "png", "rgb"]

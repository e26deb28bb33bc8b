"""A small JPEG, a depth picture of its aspect, and reading both back as a photo."""

from picture_files import codes, jpeg, open_bytes, png

__all__ = ["codes", "jpeg", "open_bytes", "png"]

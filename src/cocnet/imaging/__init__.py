"""Files and colour: the only room that touches Pillow."""

from cocnet.imaging.color.srgb import codes_to_linear, linear_to_codes, linear_to_srgb, srgb_to_linear
from cocnet.imaging.depth.depth_map import DepthKind, DepthMap, nearness, read_depth, write_depth
from cocnet.imaging.depth.false_colour import depth_picture
from cocnet.imaging.embedded.describe import describe_depth, extract_depth
from cocnet.imaging.photo.encode import jpeg_bytes
from cocnet.imaging.photo.given_photo import as_photo
from cocnet.imaging.photo.photo import CameraInfo, Photo, read_photo, write_photo
from cocnet.imaging.photo.photo_size import photo_size
from cocnet.imaging.photo.recompressed import recompressed

__all__ = [
    "CameraInfo",
    "DepthKind",
    "DepthMap",
    "Photo",
    "as_photo",
    "codes_to_linear",
    "depth_picture",
    "describe_depth",
    "extract_depth",
    "jpeg_bytes",
    "linear_to_codes",
    "linear_to_srgb",
    "nearness",
    "photo_size",
    "read_depth",
    "read_photo",
    "recompressed",
    "srgb_to_linear",
    "write_depth",
    "write_photo",
]

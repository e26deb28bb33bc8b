"""Files and colour: the only room that touches Pillow."""

from cocnet.imaging.atomic import atomic_path, check_output, inside, write_json
from cocnet.imaging.color import linear_to_srgb, srgb_to_linear
from cocnet.imaging.depthcolour import depth_picture
from cocnet.imaging.depthmap import DepthKind, DepthMap, nearness, read_depth, write_depth
from cocnet.imaging.phone import describe_depth, extract_depth
from cocnet.imaging.photo import CameraInfo, Photo, read_photo, write_photo
from cocnet.imaging.size import photo_size

__all__ = [
    "CameraInfo",
    "DepthKind",
    "DepthMap",
    "Photo",
    "atomic_path",
    "check_output",
    "depth_picture",
    "describe_depth",
    "extract_depth",
    "inside",
    "linear_to_srgb",
    "nearness",
    "photo_size",
    "read_depth",
    "read_photo",
    "srgb_to_linear",
    "write_depth",
    "write_json",
    "write_photo",
]

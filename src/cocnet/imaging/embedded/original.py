"""The sharp picture that an Android portrait keeps beside the one its phone has blurred.

Enters: the bytes of the photo, its XMP, the decoded picture. Leaves: the picture to render from, and a line about it.
Only photos with depth have one: elsewhere `GImage:Data` is another view, as of a stereo panorama.
"""

from dataclasses import replace

from cocnet.containers.item_directory import cut_item, find_original_item
from cocnet.containers.xmp import PhotoXmp
from cocnet.imaging.embedded.gdepth import base64_bytes
from cocnet.imaging.photo.decode import decode
from cocnet.imaging.photo.raster import Raster


def find_original(jpeg: bytes, xmp: PhotoXmp) -> bytes | None:
    """The sharp original's bytes, from GImage or from the container, None without one; raises ValueError."""
    if "Data" in xmp.gimage and "Data" in xmp.gdepth:
        return base64_bytes(xmp.gimage["Data"])
    found = find_original_item(xmp)
    return None if found is None else cut_item(jpeg, *found)


def with_original(raster: Raster, original: bytes, max_bytes: int) -> tuple[Raster, str]:
    """The picture with the pixels of its sharp original where that is of its size, and what was done."""
    try:
        sharp = decode(original, max_bytes, ("JPEG", "PNG"))
        if sharp.pixels.shape != raster.pixels.shape:
            sizes = (f"{each.pixels.shape[1]} × {each.pixels.shape[0]}" for each in (sharp, raster))
            raise ValueError("it has {} px, not {}".format(*sizes))
    except Exception as error:
        reason = " ".join(str(error.__cause__ or error).split())[:120] or type(error).__name__
        return raster, f"its sharp original can't be used ({reason}); the picture is as the phone blurred it"
    used = replace(raster, pixels=sharp.pixels, grey=sharp.grey, icc=sharp.icc or raster.icc)
    return used, "its sharp original is used in place of the picture that the phone has blurred"

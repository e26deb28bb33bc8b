"""`cocnet deblur`: a photo, sharper where it is out of focus.

Enters: a photo. Leaves: the sharp photo with its settings beside it.
"""

from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from cocnet.apps.cli.progress import parts_done
from cocnet.pipeline.deblur_options import DeblurOptions


def deblur(
    photo: Positional[Path],
    /,
    options: OmitArgPrefixes[DeblurOptions],
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
    quality: int = 95,
) -> None:
    """Sharpen a photo where it is out of focus.

      cocnet deblur soft.jpg -o sharp.jpg

    By your own network, half of its change:
      cocnet deblur soft.jpg --model runs/deblur/weights.safetensors --strength 0.5 -o sharp.png

    Args:
        photo: JPEG, PNG, TIFF, WebP or HEIC; of any size: large ones are sharpened in tiles.
        options: By which network, how much.
        out: The picture to write: .jpg, .png, .tif or .webp; its settings go beside it (out.jpg.json)
            [PHOTO-sharp.jpg, of the photo's own format].
        quality: Of JPEG and WebP, 1..100.
    """
    from cocnet.imaging import read_photo
    from cocnet.pipeline.deblur_photo import deblur as sharpen
    from cocnet.pipeline.result_files import check_outputs, default_output

    out = out or default_output(photo, "sharp")
    check_outputs(out, photo)
    with parts_done("deblur") as on_progress:
        result = sharpen(read_photo(photo), options, on_progress)
    result.save(out, quality)
    used = result.settings
    print(f"{out}: {used.width} × {used.height} px sharpened by {used.options.model}")

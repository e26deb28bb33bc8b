"""`cocnet deblur`: a photo, sharper where it is out of focus.

Enters: a photo. Leaves: the sharp photo with its settings beside it.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from cocnet.apps.cli.progress import parts_done
from cocnet.apps.cli.say import note, print_json
from cocnet.apps.cli.streams import say_result, source, target
from cocnet.pipeline.deblur_options import DEFAULT_QUALITY, DeblurOptions


def deblur(
    photo: Annotated[Positional[Path], arg(metavar="PHOTO")],
    /,
    sharpening: OmitArgPrefixes[DeblurOptions],
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
    quality: int | None = None,
    json: bool = False,
) -> None:
    """Sharpen a photo where it is out of focus.

    With the network that ships:
      cocnet deblur soft.jpg -o sharp.jpg

    As sharp as it goes, in eight times the time:
      cocnet deblur soft.jpg --views 8 -o sharper.jpg

    With your own network, applying half of its change:
      cocnet deblur soft.jpg --model runs/deblur/weights.safetensors --strength 0.5 -o sharp.png

    Args:
        photo: Photo of any size, in any format that `cocnet render` takes; - for standard input.
        sharpening: Network and strength.
        out: Picture to write: .jpg, .png, .tif, .webp or .avif, with its settings beside it (out.jpg.json); - for
            PNG on standard output (default: PHOTO-sharp beside the photo, in its format).
        quality: Quality of JPEG, WebP and AVIF, 1..100 (default: 95).
        json: Print the settings that were used as one JSON object on standard output.
    """
    from cocnet.imaging import read_photo
    from cocnet.imaging.photo.encode import check_quality, has_quality
    from cocnet.imaging.photo.limits import budget_bytes
    from cocnet.pipeline.deblur_photo import deblur as sharpen
    from cocnet.pipeline.result_files import check_outputs

    to = target(out, photo, "sharp", json)
    check_outputs(to, photo)
    check_quality(DEFAULT_QUALITY if quality is None else quality)
    with parts_done("deblur") as on_progress:
        picture = read_photo(source(photo), budget_bytes(sharpening.max_mem_mb))
        result = sharpen(picture, sharpening, on_progress)
    beside = result.save(to, DEFAULT_QUALITY if quality is None else quality)
    if quality is not None and not has_quality(to):
        note(f"--quality: no effect on {to}, which keeps every pixel")
    used = result.settings
    if json:
        print_json({"output": str(to), "settings_file": str(beside), **asdict(used)})
        return
    say_result(to, f"{to}: {used.width} × {used.height} px sharpened by {used.options.model}")

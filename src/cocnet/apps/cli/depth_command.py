"""`cocnet depth` and `cocnet depth-info`: what depth a photo has or gets, as a file or in words.

Enters: a photo, or a depth file. Leaves: a depth file with its sidecar, or a coloured picture; lines that say what it
is.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from cocnet.apps.cli.say import note, print_json
from cocnet.apps.cli.streams import STREAM, source
from cocnet.errors import InputError

if TYPE_CHECKING:
    from cocnet.imaging import DepthMap
    from cocnet.pipeline.options import RenderOptions
    from cocnet.pipeline.scene import PhotoDepth


def depth(
    photo: Annotated[Positional[Path], arg(metavar="PHOTO")],
    /,
    out: Annotated[Path, arg(aliases=["-o"])],
    estimator: str = "auto",
    coloured: bool = False,
    refine: bool = False,
    max_mem: Annotated[int | None, arg(metavar="MB")] = None,
    json: bool = False,
) -> None:
    """Write the depth map of a photo: its own, else an estimated one.

    As 16-bit PNG (or .npy, .exr, .pfm), with a JSON file beside it that says what the values mean:
      cocnet depth holiday.jpg -o depth.png

    As a coloured picture to look at:
      cocnet depth holiday.jpg -o depth.jpg

    By one estimator, even if there is depth in the photo:
      cocnet depth holiday.jpg --estimator builtin -o depth.npy

    Args:
        photo: Photo, in any format that `cocnet render` takes; - for standard input.
        out: Depth file to write: .png, .npy, .exr or .pfm, with a JSON file beside it; .jpg or .webp for a coloured
            picture.
        estimator: Where depth comes from: auto (the photo itself, else the best estimator that is installed),
            builtin, depth-anything-v2-small, depth-pro, moge-2, rembg, one of a plug-in package, or a .safetensors
            file of `cocnet train subject`.
        coloured: Write a coloured picture also as .png.
        refine: Align the edges of the depth map with those of the photo.
        max_mem: Memory in MB that reading the photo may use (default: 4000).
        json: Print what was written as one JSON object on standard output.
    """
    from cocnet.files.atomic import check_writes
    from cocnet.imaging import depth_picture, read_photo, write_depth, write_photo
    from cocnet.imaging.photo.encode import FORMATS
    from cocnet.imaging.photo.limits import budget_bytes
    from cocnet.pipeline.exports import PICTURES, depth_files
    from cocnet.pipeline.options import RenderOptions
    from cocnet.pipeline.scene import depth_of

    if str(out) == STREAM:
        raise InputError(
            "expected a file, which gets a sidecar that says what it is, got -, try -o depth.png"
        )
    written_files = (out,) if coloured else depth_files(out)
    if coloured and out.suffix.lower() not in FORMATS:
        raise InputError(f"expected a picture's name with --coloured, got '{out}', try {out.stem}.png")
    check_writes(written_files, (photo,))
    refining: Literal["on", "off"] = "on" if refine else "off"
    options = RenderOptions(estimator=estimator, refine_depth=refining, max_mem_mb=max_mem)
    found = depth_of(read_photo(source(photo), budget_bytes(max_mem)), options)
    picture = coloured or out.suffix.lower() in PICTURES
    if picture:
        write_photo(out, depth_picture(found.inverse))
    else:
        written = _refined(found, options) if refine else found.depth
        write_depth(out, written)
    for line in found.notes:
        note(line)
    facts: dict[str, Any] = {
        "output": str(out),
        "kind": "picture" if picture else written.kind,
        "source": found.depth.source,
        "width": found.inverse.shape[1] if picture or refine else found.depth.width,
        "height": found.inverse.shape[0] if picture or refine else found.depth.height,
        "notes": found.notes,
    }
    if json:
        print_json(facts)
    else:
        print(f"{out}: {facts['kind']}")


def _refined(found: "PhotoDepth", options: "RenderOptions") -> "DepthMap":
    """The map that a render would take, of the photo's size; without scale where the found one has none."""
    from cocnet.imaging import DepthMap
    from cocnet.pipeline.focus import choose_span_m

    if not found.depth.kind.startswith("relative"):
        return DepthMap.of(found.inverse, "disparity", found.depth.source)
    relative = DepthMap.of(found.inverse, "relative_disparity", found.depth.source)
    return replace(relative, span_m=choose_span_m(found.depth, options))


def depth_info(path: Annotated[Positional[Path], arg(metavar="FILE")], /, json: bool = False) -> None:
    """Print which depth a photo or a depth file holds.

    Kind, size, range and source of the depth:
      cocnet depth-info portrait.heic
      cocnet depth-info depth.png --json

    Args:
        path: Photo or depth file; - for a photo on standard input.
        json: Print one JSON object on standard output.
    """
    from cocnet.imaging import describe_depth

    facts = describe_depth(source(path))
    if json:
        print_json(facts)
        return
    for name, value in facts.items():
        if value is not None:
            print(f"{name + ':':<13}{f'{value:.4g}' if isinstance(value, float) else value}")

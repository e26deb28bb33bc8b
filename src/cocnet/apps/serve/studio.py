"""What a visitor's own process does: decode, find depth, render views. It keeps the last photo open.

Enters: an `Upload` (files that the server named) and options. Leaves: JPEG bytes and plain facts.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from cocnet.errors import FileError
from cocnet.pipeline.options import RenderOptions

What = Literal["bokeh", "zones", "original", "depth"]
QUALITY = 88
_BYTES_A_PIXEL = 32  # of 16 bit with alpha, four copies
_STRIP_BINS = 96
KEPT_VIEWS = 3  # the page's coarse and fine ones, and the one of its facts
_kept: dict[Any, Any] = {}  # the last scene and its latest views


@dataclass(frozen=True)
class Upload:
    """A visitor's photo and, if there is one, its depth; the largest that may be, in px."""

    photo: Path
    depth: Path | None
    max_pixels: int


def open_upload(upload: Upload, options: RenderOptions, longest_px: int) -> dict[str, Any]:
    """Open a photo; facts about it and its depth. Raises CocnetError."""
    import numpy as np

    view = _view(upload, options, longest_px)
    scene = view.scene
    line = view.inverse.numpy()
    counts, edges = np.histogram(line, _STRIP_BINS)
    return {
        "width": scene.photo.width,
        "height": scene.photo.height,
        "bits": 8 * scene.photo.pixels.itemsize,
        "depth": {
            "source": scene.found.depth.source,
            "kind": scene.found.depth.kind,
            "from": scene.found.origin,
        },
        "strip": {"counts": counts.tolist(), "farthest": float(edges[0]), "nearest": float(edges[-1])},
        "notes": scene.found.notes,
    }


def look(upload: Upload, options: RenderOptions, longest_px: int, what: What) -> tuple[bytes, dict[str, Any]]:
    """A view as JPEG, and its settings ({} for the original and the depth). Raises CocnetError."""
    from cocnet.imaging import depth_picture
    from cocnet.pipeline.live_preview import with_zones

    view = _view(upload, options, longest_px)
    if what == "original":
        return as_jpeg(view.original, view.scene.photo), {}
    if what == "depth":
        return as_jpeg(depth_picture(view.inverse.numpy()), None), {}
    found = view.look(options)
    facts = asdict(replace(found.settings, depth=None)) | {"sharp_m": found.sharp_m, "blur": found.blur}
    if what == "zones":
        return as_jpeg(with_zones(found.pixels, found.zones), None), facts
    return as_jpeg(found.pixels, view.scene.photo), facts


def render_file(
    upload: Upload, options: RenderOptions, out: Path, quality: int, on_progress: Any = None
) -> dict[str, Any]:
    """The full-size picture with its settings beside it, as `cocnet render` makes it. Raises CocnetError."""
    from cocnet.imaging import read_photo
    from cocnet.pipeline.render_photo import render

    photo = replace(
        read_photo(upload.photo), path=Path(upload.photo.name)
    )  # no path of the server in the settings
    result = render(photo, upload.depth, options, on_progress=on_progress)
    depth = None if upload.depth is None else upload.depth.name
    replace(result, settings=replace(result.settings, depth=depth, folder=".")).save(out, quality)
    return asdict(result.settings)


def check_depth(path: Path, upload: Upload, channel: str | None) -> None:
    """Read a depth map's numbers, of whatever kind they are; channel: of an EXR. Raises CocnetError."""
    from cocnet.imaging.depth.depth_file import read_array

    read_array(path, upload.max_pixels * _BYTES_A_PIXEL, channel)


def scene_of(upload: Upload, options: RenderOptions) -> Any:
    """The photo with its depth; no path of the server in it. Raises CocnetError."""
    from cocnet.imaging import read_photo
    from cocnet.pipeline.scene import open_scene

    photo = read_photo(upload.photo, upload.max_pixels * _BYTES_A_PIXEL)
    photo = replace(photo, path=Path(upload.photo.name))
    if photo.width * photo.height > upload.max_pixels:
        got = f"{photo.width * photo.height / 1e6:.0f}"
        most = upload.max_pixels / 1e6
        raise FileError(f"expected at most {most:g} megapixels, got {got}, try --max-mp {got}")
    return open_scene(photo, upload.depth, options)


def _view(upload: Upload, options: RenderOptions, longest_px: int) -> Any:
    """The view of a photo at a size, opened where it isn't the one that is kept: for fast looks as for fine ones."""
    from cocnet.pipeline.live_preview import View
    from cocnet.pipeline.scene import scene_key

    options = options.changed(preview=False)
    key = (upload, scene_key(options))
    if key not in _kept:
        _kept.clear()
        _kept[key] = (scene_of(upload, options), {})
    scene, views = _kept[key]
    views[longest_px] = views.pop(longest_px, None) or View(scene, longest_px)
    while len(views) > KEPT_VIEWS:
        del views[next(iter(views))]
    return views[longest_px]


def as_jpeg(pixels: Any, like: Any) -> bytes:
    """Pixels as a JPEG, in the colour profile of the photo that they are like (None: sRGB)."""
    from cocnet.imaging import jpeg_bytes

    return jpeg_bytes(pixels, None if like is None else like.icc, QUALITY)

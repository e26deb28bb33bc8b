"""`cocnet render`: a photo with the blur of a large lens.

Enters: a photo, depth, options, or the settings of an earlier picture. Leaves: the picture, its settings beside it.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from cocnet.apps.cli.given import options_written
from cocnet.apps.cli.progress import parts_done
from cocnet.apps.cli.say import note, print_json
from cocnet.apps.cli.streams import STREAM, say_result, source, target
from cocnet.apps.cli.usage import UsageError
from cocnet.apps.cli.waiting import loading
from cocnet.errors import InputError
from cocnet.pipeline.again import Recorded, merged, read_settings
from cocnet.pipeline.options import RenderOptions, distance_text

DEFAULT_QUALITY = 95


def render(
    photo: Annotated[Positional[Path | None], arg(metavar="PHOTO")] = None,
    /,
    *,
    rendering: OmitArgPrefixes[RenderOptions],
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
    depth: Path | None = None,
    settings: Path | None = None,
    save_depth: Path | None = None,
    save_mask: Path | None = None,
    quality: int | None = None,
    json: bool = False,
) -> None:
    """Render a photo with the blur of a large lens.

    Any photo: its subject is found and kept sharp, and depth is estimated where the photo has none:
      cocnet render holiday.jpg -o bokeh.jpg

    A phone's portrait photo, with the depth that is in it:
      cocnet render portrait.heic -o bokeh.jpg

    A depth map in metres, focus on what is at 40 % of the width and 60 % of the height, f/1.4:
      cocnet render photo.jpg --depth depth.npy --depth-kind metric --focus-point 0.4,0.6
        --f-number 1.4 -o bokeh.jpg

    A network's relative depth map, placed from 1.5 to 20 m; an 85 mm lens with seven straight blades:
      cocnet render photo.jpg --depth depth.png --depth-kind relative_disparity --near-m 1.5 --far-m 20
        --focal-length-mm 85 --aperture-blades 7 -o bokeh.png

    Blur from 0 to 100, as in phone apps; masks of your own for the subject, and for a hand that stays sharp, too:
      cocnet render photo.jpg --blur 40 --subject person.png --keep hand.png -o bokeh.jpg

    Everything from 1.5 to 3 m sharp, with the blur discs of an anamorphic lens:
      cocnet render photo.jpg --focus-range 1.5,3 --squeeze 1.33 -o bokeh.jpg

    Write depth and mask as well, to correct them by hand and use them with --depth and --subject:
      cocnet render photo.jpg --save-depth depth.png --save-mask person.png -o bokeh.jpg

    The same picture again, or once more at f/4:
      cocnet render --settings bokeh.jpg.json -o again.jpg
      cocnet render --settings bokeh.jpg.json --f-number 4 -o less.jpg

    In a pipe, from standard input to standard output as PNG:
      curl -s https://example.org/photo.jpg | cocnet render - -o - | display

    A quick look before the full render, with the settings as JSON on standard output:
      cocnet render photo.heic --preview --json -o look.jpg

    Args:
        photo: Photo to render: JPEG, PNG, TIFF, WebP, HEIC, AVIF, JPEG XL, JPEG 2000, BMP or PPM; - for standard
            input (default: the photo that --settings names).
        rendering: Focus, lens, depth and renderer.
        out: Picture to write: .jpg, .png, .tif, .webp or .avif, with its settings beside it (out.jpg.json); - for
            PNG on standard output (default: PHOTO-bokeh beside the photo, in its format).
        depth: Depth map: PNG, TIFF, NPY, NPZ, PFM or EXR; - for standard input (default: the depth in the photo, else
            estimated).
        settings: Settings file of an earlier picture (out.jpg.json): photo, depth and options are taken from it, and
            the options given here replace those in it (--no-preview makes a preview's a full render); with another
            photo, its depth and masks aren't.
        save_depth: Also write the depth map that was used: .png, .npy, .exr or .pfm, or .jpg for a coloured picture.
        save_mask: Also write the mask of the subject that was used: .png, white = subject.
        quality: Quality of JPEG, WebP and AVIF, 1..100 (default: 95).
        json: Print the settings that were used as one JSON object on standard output.
    """
    with loading():
        from cocnet.compute import keep_memory
        from cocnet.imaging.photo.encode import FORMATS, check_quality, has_quality
        from cocnet.pipeline.chosen_renderer import renderer_for
        from cocnet.pipeline.exports import depth_files
        from cocnet.pipeline.render_photo import render as render_photo
        from cocnet.pipeline.result_files import check_outputs, check_suffix
        from cocnet.rendering.compiled import warm_up

    recorded = None if settings is None else read_settings(settings)
    asked = quality
    photo, depth, rendering, quality, notes = _again(recorded, photo, depth, rendering, quality)
    to = target(out, photo, "bokeh", json)
    if asked is not None and not has_quality(to):
        notes = (*notes, f"--quality: no effect on {to}, which keeps every pixel")
    drawn = (rendering.keep, rendering.subject, rendering.aperture_image)
    extras = [] if save_depth is None else [*depth_files(save_depth)]
    if save_mask is not None:
        check_suffix(save_mask, FORMATS)
        extras.append(save_mask)
    check_outputs(to, photo, depth, *drawn, others=extras)
    check_quality(quality)
    keep_memory()
    warm_up()
    with parts_done("render") as on_progress:
        result = render_photo(
            source(photo), None if depth is None else source(depth), rendering, on_progress=on_progress
        )
    beside = result.save(to, quality)
    if save_depth is not None:
        result.save_depth(save_depth)
    if save_mask is not None:
        result.save_mask(save_mask)
    if save_depth is not None and "depth" not in renderer_for(rendering).reads:
        notes = (*notes, f"--save-depth: {save_depth} is flat, as {rendering.model} reads no depth")
    for line in (*notes, *result.settings.notes):
        note(line)
    if json:
        print_json({"output": str(to), "settings_file": str(beside), **asdict(result.settings)})
        return
    used = result.settings
    if used.options.model is not None:
        say_result(to, f"{to}: rendered by {used.options.model}")
        return
    stop = "without blur" if used.options.blur == 0 else f"f/{used.f_number.value:.3g}"
    lens = f"{used.focal_length_mm.value:.3g} mm {stop}"
    say_result(to, f"{to}: {lens}, focus at {distance_text(used.focus_m.value)} ({used.focus_m.origin})")


def _again(
    recorded: Recorded | None,
    photo: Path | None,
    depth: Path | None,
    rendering: RenderOptions,
    quality: int | None,
) -> tuple[Path, Path | None, RenderOptions, int, tuple[str, ...]]:
    """What is rendered: as given, and what isn't given as recorded. Raises InputError where there is no photo."""
    if recorded is None:
        if photo is None:
            raise UsageError(
                "expected a photo, got none, try cocnet render photo.jpg; `cocnet render --help` lists all options"
            )
        return photo, depth, rendering, DEFAULT_QUALITY if quality is None else quality, ()
    recorded = recorded.for_photo(photo)
    if photo is None and recorded.photo is None:
        raise InputError(
            "expected a photo, as the settings name none, try cocnet render photo.jpg --settings …"
        )
    if depth is None and recorded.depth is not None:
        if recorded.depth == STREAM:
            raise InputError(
                "expected --depth, as the settings are of depth that was no file, got none, try it"
            )
        depth = Path(recorded.depth)
    chosen = merged(recorded.options, rendering, options_written())
    notes = recorded.notes
    if chosen.preview and "preview" not in options_written():
        notes += ("--settings: of a preview, so this is one, too; --no-preview renders it in full",)
    best = next(q for q in (quality, recorded.quality, DEFAULT_QUALITY) if q is not None)
    return photo or Path(str(recorded.photo)), depth, chosen, best, notes

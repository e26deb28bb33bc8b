"""The command line: a command is a typed function, its options are the fields of `RenderOptions`.

Enters: arguments. Leaves: files, lines on stderr ("cocnet: " an error, "note: " something to know), one JSON
object on stdout where asked for. Exit codes: 0 done, 1 the input can't be rendered, 2 usage, 130 interrupted.
PyTorch is imported only when there is something to do.
"""

import io
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TextIO

import tyro
from tyro.conf import DisallowNone, FlagCreatePairsOff, OmitArgPrefixes, Positional, arg
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from cocnet import __version__
from cocnet.apps.cli.attack_command import attack
from cocnet.apps.cli.batch_command import batch
from cocnet.apps.cli.corruption_commands import corrupt, evaluate_corruptions, evaluate_detection
from cocnet.apps.cli.deblur_command import deblur
from cocnet.apps.cli.depth_command import depth
from cocnet.apps.cli.evaluate_command import evaluate, evaluate_robustness, tables
from cocnet.apps.cli.model_commands import convert, export, models
from cocnet.apps.cli.pairs_command import pairs
from cocnet.apps.cli.progress import parts_done
from cocnet.apps.cli.say import begin, note, say
from cocnet.apps.cli.serve_command import serve
from cocnet.apps.cli.streams import say_result, source, target
from cocnet.apps.cli.train_command import (
    BOKEH_COMMANDS,
    train_ablation,
    train_deblur,
    train_deblur_experiment,
    train_subject,
)
from cocnet.apps.cli.usage import UsageError, deferred, own_error, usage_error
from cocnet.errors import CocnetError, CocnetWarning, InputError
from cocnet.files.interrupt import clean_end
from cocnet.files.json_file import json_text
from cocnet.pipeline.again import Recorded, merged, read_settings
from cocnet.pipeline.options import Pair, RenderOptions
from cocnet.training.recipes.bokeh_recipes import RECIPES

DEFAULT_QUALITY = 95
DESCRIPTION = """Physically right shallow depth of field from a photo and its depth.

  cocnet render holiday.jpg -o bokeh.jpg
  cocnet batch holiday -o holiday-bokeh
  cocnet serve
  cocnet depth holiday.jpg -o depth.png
  cocnet depth-info photo.heic
  cocnet attack holiday.jpg -o out.png
  cocnet deblur holiday.jpg -o sharp.jpg
  cocnet models
  cocnet convert dmshn dmshn.pth
  cocnet export model.safetensors model.onnx
  cocnet evaluate --model model.safetensors --data EBB/train --controls
  cocnet evaluate robustness --data NIPS2017
  cocnet corrupt photos -o set
  cocnet pairs photos -o pairs
  cocnet evaluate corruptions --data set
  cocnet tables 2
  cocnet train subject --images photos --masks masks
  cocnet train hybrid --images photos --masks masks
  cocnet --version
"""


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

    Any photo; its subject is found and kept sharp, depth is estimated where the photo has none:
      cocnet render holiday.jpg -o bokeh.jpg

    A phone's own portrait photo, focus found by itself:
      cocnet render portrait.heic -o bokeh.jpg

    A photo and a depth map in metres, focus on what is at 40 % of the width and 60 % of the height, f/1.4:
      cocnet render photo.jpg --depth depth.npy --depth-kind metric --focus-point 0.4,0.6
        --f-number 1.4 -o bokeh.jpg

    Depth of a network, without a scale, placed from 1.5 to 20 m; an 85 mm lens with seven straight blades:
      cocnet render photo.jpg --depth depth.png --depth-kind relative_disparity --near-m 1.5 --far-m 20
        --focal-length-mm 85 --aperture-blades 7 -o bokeh.png

    As much blur as a phone's slider says, 0 to 100; the subject by a mask of your own, a hand stays sharp, too:
      cocnet render photo.jpg --blur 40 --subject person.png --keep hand.png -o bokeh.jpg

    Everything from 1.5 to 3 m sharp, discs of an anamorphic lens:
      cocnet render photo.jpg --focus-range 1.5,3 --squeeze 1.33 -o bokeh.jpg

    The depth and the mask that were used, to mend them by hand and give them back:
      cocnet render photo.jpg --save-depth depth.png --save-mask person.png -o bokeh.jpg

    The same picture again, or once more at f/4:
      cocnet render --settings bokeh.jpg.json -o again.jpg
      cocnet render --settings bokeh.jpg.json --f-number 4 -o less.jpg

    From one program to the next, as PNG:
      curl -s https://example.org/photo.jpg | cocnet render - -o - | display

    A quick look before the full render, settings as JSON on stdout:
      cocnet render photo.heic --preview --json -o look.jpg

    Args:
        photo: JPEG, PNG, TIFF, WebP, HEIC, AVIF, JPEG XL, JPEG 2000, BMP or PPM; - for standard input
            [the photo that --settings names].
        rendering: What to focus on, with which lens.
        out: The picture to write: .jpg, .png, .tif, .webp or .avif; its settings go beside it (out.jpg.json); - for
            PNG on standard output [PHOTO-bokeh.jpg, of the photo's own format].
        depth: Depth map: PNG, TIFF, NPY, NPZ, PFM or EXR; - for standard input [the photo's own, else estimated].
        settings: The settings beside a picture (out.jpg.json): photo, depth and options are taken from there, and
            what is given here changes them.
        save_depth: Write the depth that was used, too: .png, .npy, .exr, .pfm for --depth, or .jpg, coloured.
        save_mask: Write the subject's mask, too, for --subject: .png, white = the subject.
        quality: Of JPEG, WebP and AVIF, 1..100 [95].
        json: Print the settings as one JSON object on stdout.
    """
    from cocnet.files.atomic import check_output
    from cocnet.pipeline.render_photo import render as render_photo
    from cocnet.pipeline.result_files import check_outputs

    recorded = None if settings is None else read_settings(settings)
    photo, depth, rendering, quality, notes = _again(recorded, photo, depth, rendering, quality)
    to = target(out, photo, "bokeh", json)
    check_outputs(to, photo, depth)
    for extra in (save_depth, save_mask):
        if extra is not None:
            check_output(extra, photo)
    with parts_done("render") as on_progress:
        result = render_photo(
            source(photo), None if depth is None else source(depth), rendering, on_progress=on_progress
        )
    beside = result.save(to, quality)
    if save_depth is not None:
        result.save_depth(save_depth)
    if save_mask is not None:
        result.save_mask(save_mask)
    for line in (*notes, *result.settings.notes):
        note(line)
    if json:
        _print_json({"output": str(to), "settings_file": str(beside), **asdict(result.settings)})
        return
    used = result.settings
    if used.options.model is not None:
        say_result(to, f"{to}: rendered by {used.options.model}")
        return
    lens = f"{used.focal_length_mm.value:.3g} mm f/{used.f_number.value:.3g}"
    say_result(to, f"{to}: {lens}, focus at {used.focus_m.value:.3g} m ({used.focus_m.origin})")


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
    if photo is None and recorded.photo is None:
        raise InputError(
            "expected a photo, as the settings name none, try cocnet render photo.jpg --settings …"
        )
    if photo is None:
        depth = depth or (None if recorded.depth is None else Path(recorded.depth))
    chosen = merged(recorded.options, rendering)
    best = next(q for q in (quality, recorded.quality, DEFAULT_QUALITY) if q is not None)
    return photo or Path(str(recorded.photo)), depth, chosen, best, recorded.notes


def depth_info(path: Positional[Path], /, json: bool = False) -> None:
    """Say what depth a photo or a depth file holds.

      cocnet depth-info portrait.heic
      cocnet depth-info depth.png --json

    Args:
        path: A photo or a depth map; - for a photo on standard input.
        json: Print one JSON object.
    """
    from cocnet.imaging import describe_depth

    facts = describe_depth(source(path))
    if json:
        _print_json(facts)
        return
    for name, value in facts.items():
        if value is not None:
            print(f"{name + ':':<13}{f'{value:.4g}' if isinstance(value, float) else value}")


COMMANDS: dict[str, Callable[..., None]] = {
    "render": render,
    "batch": batch,
    "serve": serve,
    "depth": depth,
    "depth-info": depth_info,
    "deblur": deblur,
    "models": models,
    "export": export,
    "convert": convert,
    "attack": attack,
    "evaluate": evaluate,
    "evaluate robustness": evaluate_robustness,
    "evaluate corruptions": evaluate_corruptions,
    "evaluate detection": evaluate_detection,
    "corrupt": corrupt,
    "pairs": pairs,
    "tables": tables,
    "train subject": train_subject,
    "train ablation": train_ablation,
    "train deblur": train_deblur,
    "train deblur-experiment": train_deblur_experiment,
    **BOKEH_COMMANDS,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; every error a user can cause is one line on stderr and an exit code."""
    begin()
    arguments = one_command(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        print(f"cocnet {__version__}")
        return 0
    if arguments[:1] == ["train"]:
        return _what_to_train(arguments[1:])
    try:
        printed = io.StringIO()
        try:
            with redirect_stderr(printed):
                call = _parsed(arguments or ["--help"])
        except SystemExit as stop:
            if stop.code:
                if refused := own_error(stop):
                    return _fail(str(refused), 2)
                return _fail(usage_error(COMMANDS, arguments, printed.getvalue(), _parsed), 2)
            return 0
        with clean_end(), warnings.catch_warnings():
            warnings.simplefilter("always", CocnetWarning)
            warnings.showwarning = _show_warning
            call()
    except UsageError as error:
        return _fail(str(error), 2)
    except CocnetError as error:
        return _fail(str(error), 1)
    except MemoryError:
        return _fail("expected enough memory for this photo, got too little, try --max-mem", 1)
    except KeyboardInterrupt as stop:
        return _fail(str(stop) or "interrupted, nothing was written", 130)
    except BrokenPipeError:
        return 1
    except UnicodeError as error:
        return _fail(f"expected text that is UTF-8, got {error}, try other names", 1)
    except OSError as error:
        what = f"'{error.filename}' ({error.strerror})" if error.filename else str(error)
        return _fail(f"expected files and folders that can be used, got {what}, try others", 1)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    return 0


def _parsed(arguments: Sequence[str]) -> Callable[[], None]:
    """What the arguments ask for, ready to be called; exits after --help, and with 2 for what no command takes."""
    return tyro.extras.subcommand_cli_from_dict(
        {name: deferred(command) for name, command in COMMANDS.items()},
        prog="cocnet",
        description=DESCRIPTION,
        args=list(arguments),
        config=(FlagCreatePairsOff, DisallowNone),
        registry=_registry(),
    )


def _what_to_train(arguments: Sequence[str]) -> int:
    """`cocnet train` without something to train, or with something else."""
    asked = not arguments or arguments[0] in ("-h", "--help")
    if not asked:
        _fail(f"expected something to train, got '{arguments[0]}', try one of these:", 2)
    about = {
        "subject": "the network that finds subjects",
        "ablation": "the paper's variants, compared",
        "deblur": "networks that sharpen",
        "deblur-experiment": "what bokeh as training data does for them",
        **{name: f"{named.model}, {named.about}" for name, named in RECIPES.items()},
    }
    print("cocnet train WHAT --help lists the options of", file=sys.stdout if asked else sys.stderr)
    for name, text in about.items():
        print(f"  {name:<18}{text}", file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


def one_command(arguments: Sequence[str]) -> list[str]:
    """A command of two words, such as `train subject`, as the one that `COMMANDS` knows."""
    both = " ".join(arguments[:2])
    return [both, *arguments[2:]] if both in COMMANDS else list(arguments)


def _registry() -> ConstructorRegistry:
    """Pairs of numbers are written with a comma: `--focus-point 0.4,0.6`."""
    registry = ConstructorRegistry()

    @registry.primitive_rule
    def pair(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
        if str(info.type) != str(Pair):
            return None
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar="A,B",
            instance_from_str=lambda texts: parse_pair(texts[0]),
            is_instance=lambda value: isinstance(value, tuple) and len(value) == 2,
            str_from_instance=lambda value: [f"{value[0]:g},{value[1]:g}"],
        )

    return registry


def parse_pair(text: str) -> Pair:
    """Two numbers with a comma between them; raises CocnetError, which no other reading can hide."""
    try:
        first, second = (float(part) for part in text.split(","))
    except ValueError:
        raise CocnetError(f"expected two numbers with a comma, got '{text}', try 0.4,0.6") from None
    return first, second


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if issubclass(category, CocnetWarning):
        note(f"{message}")


def _print_json(facts: Any) -> None:
    print(json_text(json.loads(json.dumps(facts, default=str))))


def _fail(reason: str, code: int) -> int:
    say(f"cocnet: {reason}")
    return code


if __name__ == "__main__":
    sys.exit(main())

"""The commands by name: where each lives, and its line in `cocnet --help`.

Enters: a command's name. Leaves: its function; only its own module is imported, and only then.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import NamedTuple


class Command(NamedTuple):
    """A function of a module of this room, and the first line of its help."""

    module: str
    function: str
    summary: str


COMMANDS = {
    "render": Command("render_command", "render", "Render a photo with the blur of a large lens."),
    "batch": Command("batch_command", "batch", "Render a folder of photos, several at a time."),
    "video": Command(
        "video_command", "video", "Render a film, or a sequence of pictures, with the blur of a large lens."
    ),
    "serve": Command(
        "serve_command", "serve", "Serve a page to choose focus and aperture by looking, in a browser."
    ),
    "depth": Command(
        "depth_command", "depth", "Write the depth map of a photo: its own, else an estimated one."
    ),
    "depth-info": Command("depth_command", "depth_info", "Print which depth a photo or a depth file holds."),
    "deblur": Command("deblur_command", "deblur", "Sharpen a photo where it is out of focus."),
    "models": Command("model_commands", "models", "List the networks that render bokeh or deblur."),
    "export": Command("model_commands", "export", "Write a network as ONNX, and check it against PyTorch."),
    "convert": Command(
        "model_commands",
        "convert",
        "Convert weights published by a network's authors to a weight file of cocnet.",
    ),
    "attack": Command(
        "attack_command",
        "attack",
        "Render a photo with bokeh that makes a classifier err: an adversarial example.",
    ),
    "evaluate": Command(
        "evaluate_command",
        "evaluate",
        "Measure a network on pairs of an all-in-focus photo and its true bokeh.",
    ),
    "evaluate robustness": Command(
        "evaluate_command",
        "evaluate_robustness",
        "Measure how natural and adversarial bokeh change what classifiers see.",
    ),
    "evaluate corruptions": Command(
        "corruption_commands",
        "evaluate_corruptions",
        "Measure classifiers on photos under bokeh corruptions.",
    ),
    "evaluate detection": Command(
        "corruption_commands",
        "evaluate_detection",
        "Measure object detectors on photos under bokeh corruptions, by COCO's mean average precision.",
    ),
    "corrupt": Command(
        "corruption_commands",
        "corrupt",
        "Make a benchmark of photos under bokeh corruptions of five severities.",
    ),
    "pairs": Command(
        "pairs_command", "pairs", "Make training pairs of sharp photos and their bokeh for other networks."
    ),
    "tables": Command("evaluate_command", "tables", "Print a table of the paper: its values beside ours."),
    "train subject": Command(
        "train_command",
        "train_subject",
        "Train the built-in network that estimates depth and finds the subject.",
    ),
    "train ablation": Command(
        "train_command", "train_ablation", "Train the paper's variants on the same scenes, and compare them."
    ),
    "train deblur": Command(
        "train_command", "train_deblur", "Train a network that sharpens what is out of focus."
    ),
    "train deblur-experiment": Command(
        "train_command",
        "train_deblur_experiment",
        "Compare kinds of bokeh as training data for a deblurring network.",
    ),
}
HEAD = """usage: cocnet COMMAND [OPTIONS]

Physically right shallow depth of field from a photo and its depth.

  cocnet render holiday.jpg -o bokeh.jpg    the subject sharp, the rest blurred
  cocnet serve                              the same by looking: a page in the browser
  cocnet batch holiday -o holiday-bokeh     a whole folder
  cocnet COMMAND --help                     all options of a command, with examples
  cocnet --version                          the version

commands:
"""


@cache
def all_commands() -> dict[str, Command]:
    """The commands, with one for each recipe of `cocnet train RECIPE`."""
    from cocnet.training.recipes.bokeh_recipes import RECIPES

    trained = {
        f"train {name}": Command("train_command", name, f"Train {named.model}: {named.about}.")
        for name, named in RECIPES.items()
    }
    return {**COMMANDS, **trained}


def load(name: str) -> Callable[..., None]:
    """The function of a command."""
    command = COMMANDS.get(name) or all_commands()[name]
    module = import_module(f"cocnet.apps.cli.{command.module}")
    if name in COMMANDS:
        return getattr(module, command.function)
    return module.train_bokeh(command.function)


def known(name: str) -> bool:
    """Whether there is a command of this name, of one word or two."""
    return name in COMMANDS or (name.startswith("train ") and name in all_commands())


def overview(of: str = "") -> str:
    """A line for each command, or for each that begins with `of`."""
    shown = {name: command.summary for name, command in all_commands().items() if name.startswith(of)}
    width = max(map(len, shown))
    return "\n".join(f"  {name:<{width}}  {summary}" for name, summary in shown.items()) + "\n"

"""`cocnet train subject` and `cocnet train RECIPE`: the networks that find subjects and that render bokeh.

Enters: folders. Leaves: a run's folder with settings, log, state, and weights. Interrupted at any moment, the same
command goes on where it stood.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tyro.conf import OmitArgPrefixes

from cocnet.training.recipes.bokeh_recipes import RECIPES, BokehRecipe
from cocnet.training.recipes.deblur_recipe import SHORT, DeblurRecipe, with_changes
from cocnet.training.runs.ablation import AblationRun
from cocnet.training.runs.bokeh_settings import BokehRun
from cocnet.training.runs.deblur_settings import DeblurExperiment, DeblurRun
from cocnet.training.runs.subject_run import SubjectRun


def train_subject(run: OmitArgPrefixes[SubjectRun]) -> None:
    """Train the built-in network that estimates depth and finds the subject.

    Masks have the photos' names (NAME.png for NAME.jpg). From the weights that ship:
      cocnet train subject --images photos --masks masks -o runs/subject

    With disparity from a larger network as well (tools/teacher makes masks and disparity):
      cocnet train subject --images photos --masks masks --disparities disparity

    On two data sets at once, at three sizes:
      cocnet train subject --images photos more --masks masks more-masks --sides-px 192 256 320

    From an encoder trained on ImageNet (tools/teacher makes the file), for at most 80 minutes:
      cocnet train subject --images photos --masks masks --encoder lite1.safetensors --minutes 80

    Args:
        run: Data, initial weights and duration.
    """
    from cocnet.training.runs.subject_run import run_subject

    with _progress() as on_progress:
        score = run_subject(run, on_progress)
    if score is not None:
        print(
            f"{run.out / 'depth_subject.safetensors'}: IoU {score.iou:.3f}, error {score.mae:.3f} on held-out photos"
        )


def train_ablation(run: OmitArgPrefixes[AblationRun]) -> None:
    """Train the paper's variants on the same scenes, and compare them.

    All start from the same weights. All variants, then two more seeds of two of them:
      cocnet train ablation --images photos --masks masks -o runs/ablation
      cocnet train ablation --images photos --masks masks -o runs/ablation --variants b3 dir --seeds 1 2

    Args:
        run: Variants, data and duration.
    """
    from cocnet.training.runs.ablation import run_ablation

    with _progress() as on_progress:
        run_ablation(run, lambda name, done, facts: on_progress(done, {"of": name, **facts}))
    print((run.out / "ablation.md").read_text(encoding="utf-8"), end="")


def train_deblur(run: OmitArgPrefixes[DeblurRun], recipe: DeblurRecipe = SHORT) -> None:
    """Train a network that sharpens what is out of focus.

    On scenes made of photos and masks of their subjects (NAME.png, white = subject):
      cocnet train deblur --images photos --masks masks -o runs/deblur

    IFAN on DPDD, with the published recipe:
      cocnet train deblur --model ifan --data DPDD --side-px 256 -o runs/ifan

    Args:
        run: Network and data.
        recipe: Recipe; `ifan` gets the published one, with what is changed here (of stages, in the first one).
    """
    from cocnet.training.runs.deblur_run import run_deblur

    run = replace(run, seed=run.seed or recipe.seed)
    with _progress() as on_progress:
        score = run_deblur(run, partial(with_changes, recipe), on_progress)
    if score is not None and score.pictures:
        print(
            f"{run.out / 'weights.safetensors'}: {score.gain:+.2f} dB over the blurred picture, "
            f"{score.psnr:.2f} dB, SSIM {score.ssim:.4f} on held-out pairs"
        )


def train_deblur_experiment(run: OmitArgPrefixes[DeblurExperiment]) -> None:
    """Compare kinds of bokeh as training data for a deblurring network.

    The kinds are no training, natural bokeh, and bokeh through depth that is random or adversarial:
      cocnet train deblur-experiment --start weights.safetensors --images photos --masks masks
        --ray-traced scenes --real pairs -o runs/deblur-experiment

    Args:
        run: Initial weights, data and duration.
    """
    from cocnet.training.runs.deblur_experiment import run_experiment

    with _progress() as on_progress:
        report = run_experiment(run, lambda name, done, facts: on_progress(done, {"of": name, **facts}))
    print(report.read_text(encoding="utf-8"), end="")


def train_bokeh(name: str) -> Callable[..., None]:
    """The command of one recipe."""
    named = RECIPES[name]
    default = BokehRun(Path("runs") / name, named.model)

    def command(run: OmitArgPrefixes[BokehRun] = default, recipe: BokehRecipe = named.recipe) -> None:
        from cocnet.training.runs.bokeh_run import run_bokeh

        with _progress() as on_progress:
            score = run_bokeh(run, recipe, on_progress)
        if score is not None and score.pictures:
            print(
                f"{run.out / 'weights.safetensors'}: {score.psnr:.2f} dB, SSIM {score.ssim:.4f} on held-out pairs"
            )

    command.__doc__ = f"""Train {named.model}: {named.about}.

    On scenes made of photos and masks of their subjects (NAME.png, white = subject), or {OTHER_DATA[named.sees][0]}:
      cocnet train {name} --images photos --masks masks -o runs/{name}
      cocnet train {name} {OTHER_DATA[named.sees][1]} -o runs/{name}

    By two processes: torchrun --nproc-per-node 2 -m cocnet train {name} …

    Args:
        run: Network and data.
        recipe: Recipe of the training.
    """
    return command


OTHER_DATA = {
    "photo": (
        "on pairs (EBB!'s train folder, or your own)",
        "--data EBB/train --resize 1024 1024 --side-px 0",
    ),
    "depth": (
        "on pairs with depth",
        "--data EBB/train --depths EBB/depth --depth-kind relative_disparity --resize 1024 1024 --side-px 0",
    ),
    "lens": (
        "with ray-traced ones among them (tools/raytrace)",
        "--images photos --masks masks --ray-traced scenes",
    ),
}


@contextmanager
def _progress() -> Iterator[Callable[[float, dict[str, Any]], None]]:
    """A bar of the schedule on stderr, with the loss and the best score yet."""
    from tqdm import tqdm

    layout = "{l_bar}{bar} {elapsed}{postfix}"
    with tqdm(desc="train", total=1.0, delay=2.0, bar_format=layout, file=sys.stderr) as bar:

        def on_progress(done: float, facts: dict[str, Any]) -> None:
            bar.update(done - bar.n)
            shown = {k: v if isinstance(v, str) else f"{v:.3g}" for k, v in facts.items()}
            bar.set_postfix(shown, refresh=False)

        try:
            yield on_progress
        except KeyboardInterrupt:
            raise KeyboardInterrupt("interrupted, the same command goes on where it stood") from None

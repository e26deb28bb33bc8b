"""`cocnet train subject`: retrain the network that finds subjects, on photos with masks.

Enters: two folders. Leaves: a run's folder with settings, log, state, and weights. Interrupted at any moment, the
same command goes on where it stood.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tyro.conf import OmitArgPrefixes

from cocnet.experiments.subject import SubjectRun


def train_subject(run: OmitArgPrefixes[SubjectRun]) -> None:
    """Retrain the subject network on photos and masks of the same names (NAME.jpg, NAME.png).

    From the weights that ship:
      cocnet train subject --images photos --masks masks -o runs/subject

    From an encoder trained on ImageNet (tools/teacher makes the file), for 80 minutes:
      cocnet train subject --images photos --masks masks --encoder lite1.safetensors --minutes 80

    Args:
        run: What to train on, from where, for how long.
    """
    from cocnet.experiments.subject import run_subject

    with _progress() as on_progress:
        score = run_subject(run, on_progress)
    print(f"{run.out / 'subject.safetensors'}: IoU {score.iou:.3f}, error {score.mae:.3f} on held-out photos")


@contextmanager
def _progress() -> Iterator[Callable[[float, dict[str, Any]], None]]:
    """A bar of the schedule on stderr, with the loss and the best score yet."""
    from tqdm import tqdm

    layout = "{l_bar}{bar} {elapsed}{postfix}"
    with tqdm(desc="train", total=1.0, delay=2.0, bar_format=layout, file=sys.stderr) as bar:

        def on_progress(done: float, facts: dict[str, Any]) -> None:
            bar.update(done - bar.n)
            bar.set_postfix({key: f"{value:.3g}" for key, value in facts.items()}, refresh=False)

        yield on_progress

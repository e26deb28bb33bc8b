"""What a step of an attack on depth costs, beside a step of plain PGD on the picture: same victim, same batch.

    python benchmarks/attacks.py [--batch 8] [--side 224] [--rounds 3] [--threads N]

Prints a line a victim and renderer: seconds of both, and their ratio in this run. Victims are as `open_victim` makes
them (norms folded, channels last), with random weights; the time is the same.
"""

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from clock import timed
from torch import Tensor
from torchvision import models

from cocnet import create_model
from cocnet.attacks import GDA
from cocnet.attacks.pgd import PGDSettings, descend
from cocnet.networks.layers.folding import frozen
from cocnet.renderers import NearnessView, NetworkRenderer, Physical

VICTIMS = ("mobilenet_v2", "resnet50", "vgg16")
STEPS = 3


def pgd(victim: Callable[[Tensor], Tensor], image: Tensor, label: Tensor) -> None:
    """On the picture itself: forward, backward, step; a last forward."""
    descend(lambda x, rows: x, victim, image, label, PGDSettings(8 / 255, STEPS, early_stop=False))


def attack(render: Any, victim: Any, image: Tensor, depth: Tensor, label: Tensor) -> None:
    """The same through a renderer, on depth."""
    GDA(3e-4, STEPS, early_stop=False)(render, victim, image, depth, label)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    image = torch.rand(chosen.batch, 3, chosen.side, chosen.side)
    depth = torch.linspace(0, 1, chosen.side).view(1, 1, -1, 1).repeat(chosen.batch, 1, 1, chosen.side)
    label = torch.zeros(chosen.batch, dtype=torch.long)
    renderers = [
        NearnessView(Physical()),
        NearnessView(Physical("eq8")),
        NearnessView(NetworkRenderer(create_model("cocnet-b3-less-depth"))),
    ]
    print(
        f"batch {chosen.batch}, {chosen.side} px, {torch.get_num_threads()} threads, "
        f"seconds a step, median of {chosen.rounds}"
    )
    for name in VICTIMS:
        victim = frozen(models.get_model(name, weights=None))
        jobs = {"pgd": partial(pgd, victim, image, label)}
        jobs |= {one.name: partial(attack, one, victim, image, depth, label) for one in renderers}
        seconds = timed(jobs, chosen.rounds)
        for one in renderers:
            plain, ours = seconds["pgd"] / STEPS, seconds[one.name] / STEPS
            print(f"{name:<14}{one.name:<22}{plain:6.2f} s PGD {ours:6.2f} s ours {ours / plain:6.2f}x")


if __name__ == "__main__":
    main()

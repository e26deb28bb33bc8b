"""Classifiers of a moment, and labelled photos that they know."""

import numpy as np
import torch
from torch import nn

from cocnet.attacks.victims import Classifier
from cocnet.errors import InputError
from cocnet.imaging import write_photo

AS_IS = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
SIDE, CLASSES = 32, 5


def tiny(name):
    """Ten classes by means of 8 × 8 px, of other weights for each name."""
    with torch.random.fork_rng():
        torch.manual_seed(len(name))
        network = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, CLASSES))
    with torch.no_grad():
        network[2].weight.mul_(20)
    return Classifier(network, name, "drawn", AS_IS, CLASSES)


class Grid(nn.Module):
    """Class 0: all values are whole 255ths, as in a file; class 1: they aren't."""

    name, about, classes = "grid", "no weights", 2

    def forward(self, x):
        off = (x * 255 - (x * 255).round()).abs().amax((1, 2, 3))
        return torch.stack([torch.full_like(off, 0.01), off], 1)


def open_tiny(name, weights=None, **where):
    if name == "grid":
        return Grid().eval()
    if not name.startswith("tiny"):
        raise InputError(f"expected a victim, got '{name}', try tiny")
    return tiny(name)


def photo(seed, side=SIDE):
    made = np.random.default_rng(seed)
    small = made.integers(0, 256, (8, 8, 3), np.uint8)
    return np.kron(small, np.ones((side // 8, side // 8, 1), np.uint8))


def labelled(folder, count=5, victim="tiny"):
    """FOLDER/CLASS/NAME.png, classed as the victim does; a folder for each class."""
    for number in range(CLASSES):
        (folder / str(number)).mkdir(parents=True)
    known = open_tiny(victim)
    for seed in range(count):
        pixels = photo(seed)
        seen = int(known(torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255).argmax())
        write_photo(folder / str(seen) / f"{seed}.png", pixels)
    return folder

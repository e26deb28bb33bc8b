"""A training that takes a second, also as a process of its own: python toys.py FOLDER BATCH STEPS [STEPS…]."""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils.data import Dataset

from cocnet import create_model
from cocnet.training.engine.bokeh_objective import BokehObjective
from cocnet.training.engine.loop import train
from cocnet.training.engine.task import Task
from cocnet.training.recipes.bokeh_recipes import BokehRecipe, BokehStage

TINY = {"channels": [4, 8], "groups": 1, "kernel_size": 3}


class Noise(Dataset):
    """Pictures that get darker to the right, by a map."""

    def __init__(self, count=10, side=16):
        self.count, self.side = count, side

    def __len__(self):
        return self.count

    def __getitem__(self, key):
        turn, index = key
        made = torch.Generator().manual_seed(1000 * turn + index)
        image = torch.rand(3, self.side, self.side, generator=made)
        depth = torch.linspace(0, 1, self.side).expand(1, self.side, self.side).contiguous()
        return {"image": image, "depth": depth, "bokeh": image * (1 - 0.5 * depth)}


def toy_task(folder, batch=2, steps=(6,), recipe=None, **changes):
    torch.set_num_threads(1)
    torch.manual_seed(5)
    network = create_model("cocnet-b3-less-lens", **TINY).start_at_identity()
    stages = tuple(BokehStage(steps=n, batch=batch, learning_rate=1e-3, schedule="cosine") for n in steps)
    recipe = recipe or BokehRecipe(
        stages, start="own", averaging=0.9, clip=1.0, log_steps=1, sample_steps=1000, save_seconds=0.0
    )
    data = Noise()
    task = Task(network, data, BokehObjective([data[(9, 0)]]), recipe, Path(folder), "noise")
    return replace(task, **changes)


if __name__ == "__main__":
    train(toy_task(sys.argv[1], int(sys.argv[2]), tuple(int(n) for n in sys.argv[3:])))

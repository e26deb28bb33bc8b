"""The loop that trains bokeh networks: stages, averaged weights, several processes, resumable at any moment.

Enters: a `Task`. Leaves in its folder: settings.json, log.jsonl, state.safetensors (where it stands),
weights.safetensors (as `load_model` reads them) and samples/ (picture, ours, truth). On a CPU, a training that was
interrupted and goes on ends with the very weights of one that wasn't.
"""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Adam
from torch.utils.data import Dataset

from cocnet.files.run_folder import claim
from cocnet.networks import save_checkpoint
from cocnet.training.engine.batches import Item, Numbers, Stream
from cocnet.training.engine.distributed import Team, gathered
from cocnet.training.engine.log import Watch, append, forget_after
from cocnet.training.engine.losses import Loss
from cocnet.training.engine.sample_pictures import Score, save_samples, score
from cocnet.training.engine.state import add_to_average, load_state, save_state
from cocnet.training.engine.steps import at_identity, called, rate, ready_losses, sized, xavier
from cocnet.training.engine.tensorboard import Board
from cocnet.training.recipes.bokeh_recipes import Recipe, Stage

Progress = Callable[[float, dict[str, float]], None]
STATE, LOG = "state.safetensors", "log.jsonl"


@dataclass(frozen=True, eq=False)
class Task:
    """A network of `create_model`, pairs to train on, held-out pairs, how, and where to. `about` says in words what
    the data are; `facts` are saved with the settings and must be the same to go on."""

    network: nn.Module
    data: Dataset[Item]
    held_out: Sequence[Item]
    recipe: Recipe
    folder: Path
    about: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    workers: int = 0
    device: str = "cpu"
    tensorboard: bool = False


@dataclass
class _Run:
    """Where it stands: stage and step in it, pictures drawn by the team in all, seconds of training."""

    stage: int = 0
    step: int = 0
    drawn: int = 0
    seconds: float = 0.0
    steps: int = 0


def train(task: Task, on_progress: Progress | None = None) -> Score:
    """Train to the end of the last stage, from where the folder's state stands; returns the held-out score.

    Raises FileError where the folder holds another run's settings or VGG is missing; InputError for impossible
    numbers or items.
    """
    recipe = task.recipe.checked()
    with gathered(task.device) as (team, device):
        network = task.network.to(device).train()
        losses = ready_losses(network, recipe.stages, task.data[(0, 0)], device)
        if recipe.start == "xavier":
            xavier(network, recipe.seed)
        elif recipe.start == "identity":
            at_identity(network)
        if team.leads:
            claim(task.folder, {"recipe": asdict(recipe), "processes": team.size, **task.facts})
        average = copy.deepcopy(network).eval().requires_grad_(False)
        loop = _Loop(task, team, device, network, average, on_progress)
        loop.resume()
        loop.begin()
        while loop.run.stage < len(recipe.stages):
            loop.stage(recipe.stages[loop.run.stage], losses[loop.run.stage])
        found = loop.finish()
        team.wait()
    return found


class _Loop:
    """One process's part of a training."""

    def __init__(
        self,
        task: Task,
        team: Team,
        device: torch.device,
        network: nn.Module,
        average: nn.Module,
        on_progress: Progress | None,
    ) -> None:
        self.task, self.recipe, self.team, self.device = task, task.recipe, team, device
        self.network, self.average, self.on_progress = network, average, on_progress
        self.optimiser, self.run = self._adam(), _Run()
        self.board = Board(task.folder) if task.tensorboard and team.leads else None
        self.total = sum(stage.steps for stage in self.recipe.stages)
        self.saved = time.monotonic()

    def _adam(self) -> Adam:
        return Adam([p for p in self.network.parameters() if p.requires_grad], lr=1.0)

    def resume(self) -> None:
        """Go on from the folder's state; lines of the log that were written after it are dropped."""
        path = self.task.folder / STATE
        if path.is_file():
            self.run = _Run(**load_state(path, self.network, self.average, self.optimiser))
        if self.team.leads:
            forget_after(self.task.folder / LOG, self.run.steps)
        self.team.wait()

    def begin(self) -> None:
        """The score before the first step, to compare with."""
        if self.team.leads and self.run.steps == 0:
            self._log(asdict(score(self.average, self.task.held_out)))

    def stage(self, stage: Stage, loss: Loss) -> None:
        """One stage from where it stands to its end, and on to the next."""
        numbers = Numbers(
            self.run.drawn,
            stage.steps - self.run.step,
            stage.batch,
            self.team,
            len(self.task.data),  # type: ignore[arg-type]
            self.recipe.seed,
        )
        stream = Stream(self.task.data, numbers, self.task.workers, self.device)
        watch = Watch()
        for item in stream:
            value = self._step(item, stage, loss)
            self._after(value, stage, stream, watch)
        self.run.stage, self.run.step = self.run.stage + 1, 0
        self.optimiser = self._adam()
        self._save()

    def _step(self, item: Item, stage: Stage, loss: Loss) -> float:
        """One batch: the gradient, averaged over the team, a step at the schedule's rate, a step of the average."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate(stage, self.run.step)
        target = item.pop("bokeh")
        self.optimiser.zero_grad(set_to_none=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.run.steps * self.team.size + self.team.rank)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
                output, own = called(self.network, item, target, stage)
            value = loss(output, sized(target, output)) + own
        value.backward()
        mean = self.team.average(self.network, value)
        if self.recipe.clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimiser.step()
        keep = min(self.recipe.averaging, (1 + self.run.steps) / (10 + self.run.steps))
        add_to_average(self.average, self.network, keep)
        return mean

    def _after(self, loss: float, stage: Stage, stream: Stream, watch: Watch) -> None:
        """Count, log, save, show."""
        run, recipe = self.run, self.recipe
        run.step, run.steps, run.drawn = run.step + 1, run.steps + 1, run.drawn + stage.batch * self.team.size
        run.seconds += watch.lap(loss)
        if not self.team.leads:
            return
        if run.steps % recipe.log_steps == 0:
            self._log(
                watch.line(stage.batch * self.team.size, stream.waited) | {"rate": rate(stage, run.step - 1)}
            )
        if run.steps % recipe.sample_steps == 0:
            self._sample()
            watch.pause()
        if time.monotonic() - self.saved > recipe.save_seconds:
            self._save()
            watch.pause()
        if self.on_progress is not None:
            self.on_progress(run.steps / self.total, {"step": run.steps, "loss": loss})

    def _sample(self) -> Score:
        """Score the averaged weights, show and save them; what diverged is refused by the weights' writer."""
        found = score(self.average, self.task.held_out)
        save_samples(
            self.task.folder / "samples" / f"{self.run.steps:07}.png", self.average, self.task.held_out
        )
        self._log(asdict(found))
        about = f"{self.task.about}; {self.run.steps} of {self.total} steps"
        save_checkpoint(
            self.average, self.task.folder / "weights.safetensors", recipe=self.recipe, data=about
        )
        return found

    def _log(self, facts: dict[str, float]) -> None:
        line = {
            "step": self.run.steps,
            "stage": self.run.stage,
            "seconds": round(self.run.seconds, 1),
            **facts,
        }
        append(self.task.folder / LOG, line)
        if self.board is not None:
            self.board.add(self.run.steps, facts)

    def _save(self) -> None:
        if self.team.leads:
            save_state(self.task.folder / STATE, self.network, self.average, self.optimiser, asdict(self.run))
        self.saved = time.monotonic()

    def finish(self) -> Score:
        """The last score; only the first process knows it, the others say nothing."""
        return self._sample() if self.team.leads else Score(math.nan, math.nan, 0)

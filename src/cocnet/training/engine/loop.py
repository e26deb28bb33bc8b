"""The training loop: stages, averaged weights, several processes, resumable at any moment.

Enters: a `Task`. Leaves in its folder: settings.json, log.jsonl, state.safetensors (where the training stands) and
what the task's objective saves. On a CPU, a training that was interrupted and goes on ends with the very weights
of one that wasn't.
"""

import copy
import math
import re
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic

import torch
from torch import nn

from cocnet.files.run_folder import claim, locked
from cocnet.training.engine.batches import Batches, BatchSampler, Item
from cocnet.training.engine.distributed import World, process_group
from cocnet.training.engine.log import Log, Meter
from cocnet.training.engine.starts import initialise
from cocnet.training.engine.state import load_state, save_state, state_facts, update_average
from cocnet.training.engine.task import Score, Step, Task
from cocnet.training.engine.tensorboard import Board
from cocnet.training.recipes.recipe import Stage

Progress = Callable[[float, dict[str, float]], None]
STATE, LOG = "state.safetensors", "log.jsonl"
_INTERVALS = tuple(f"recipe.{name}" for name in ("log_steps", "sample_steps", "save_seconds", "keep_weights"))


def train(task: Task[Score], on_progress: Progress | None = None) -> Score | None:
    """Train to the end of the last stage, from where the folder's state stands; returns the held-out score (None in
    all processes but the first).

    More steps, and other intervals, may be asked for when a run goes on. Raises FileError where another process
    works in the folder or it holds another run's settings; whatever the objective's check raises.
    """
    with process_group(task.device) as (world, device):
        network = task.network.to(device).train()
        task.objective.check(network, task.data[(0, 0)], task.recipe, device)
        initialise(network, task.recipe.start, task.recipe.seed)
        with locked(task.folder) if world.is_first else nullcontext():
            if world.is_first:
                settings = {"recipe": asdict(task.recipe), "processes": world.size, **task.facts}
                claim(task.folder, settings, partial(may_change, stage=_stage_of(task.folder / STATE)))
            score = _Loop(task, world, device, network, on_progress).to_the_end()
            world.barrier()
    return score


def may_change(name: str, before: Any, now: Any, stage: int = 0) -> bool:
    """Whether a run that is in a stage can go on with another value of a setting: intervals, and more steps or
    minutes of stages that aren't over."""
    if name in _INTERVALS:
        return True
    longer = re.fullmatch(r"recipe\.stages\.(\d+)\.(steps|minutes)", name)
    if longer is None or int(longer[1]) < stage:
        return False
    return before is not None and (now is None or now >= before)


def _stage_of(state: Path) -> int:
    """The stage that a saved state is in; 0 without one."""
    return int(state_facts(state)["stage"]) if state.is_file() else 0


@dataclass
class _Position:
    """Where the training stands: steps and items seen in all, steps and seconds of the stage."""

    stage: int = 0
    step: int = 0
    stage_seconds: float = 0.0
    steps: int = 0
    items: int = 0
    seconds: float = 0.0

    def done(self, stage: Stage) -> float:
        """The part of a stage that is over, 0..1, by steps or by the clock."""
        by_clock = 0.0 if stage.minutes is None else self.stage_seconds / (60 * stage.minutes)
        return min(1.0, max(self.step / stage.steps, by_clock))


class _Loop(Generic[Score]):
    """One process's part of a training."""

    def __init__(
        self,
        task: Task[Score],
        world: World,
        device: torch.device,
        network: nn.Module,
        on_progress: Progress | None,
    ) -> None:
        self.task, self.recipe, self.objective = task, task.recipe, task.objective
        self.world, self.device, self.network, self.on_progress = world, device, network, on_progress
        self.average = copy.deepcopy(network).eval().requires_grad_(False)
        self.optimiser, self.at = self.objective.optimiser(network), _Position()
        path = task.folder / STATE
        if path.is_file():
            self.at = _Position(**load_state(path, network, self.average, self.optimiser))
        self.log = Log(task.folder / LOG) if world.is_first else None
        self.board = Board(task.folder) if task.tensorboard and world.is_first else None
        self.total = sum(stage.steps for stage in self.recipe.stages)
        self.score: Score | None = None
        self.saved = time.monotonic()

    def to_the_end(self) -> Score | None:
        """All stages that are left, and the last score."""
        if self.at.steps == 0 and self.world.is_first:
            self._note(asdict(self.objective.score(self.average)))  # type: ignore[call-overload]
        for number in range(self.at.stage, len(self.recipe.stages)):
            if number > self.at.stage:
                self.at.stage, self.at.step, self.at.stage_seconds = number, 0, 0.0
                self.optimiser = self.objective.optimiser(self.network)
                self._save()
            self._stage(self.recipe.stages[number])
        if self.score is None and self.world.is_first:
            self.score = self._sampled()
        return self.score

    def _stage(self, stage: Stage) -> None:
        """One stage, from where it stands to its end."""
        left = max(0, stage.steps - self.at.step)
        count: int = len(self.task.data)  # type: ignore[arg-type]
        sampler = BatchSampler(self.at.items, left, stage.batch, self.world, count, self.recipe.seed)
        batches, meter = Batches(self.task.data, sampler, self.task.workers, self.device), Meter()
        for batch in batches:
            if self.at.done(stage) >= 1:
                return
            loss, rate = self._step(batch, stage)
            self._count(stage, self.world.agreed(meter.lap(loss)))
            if self.world.is_first:
                self._report(stage, rate, batches, meter)
            if self.on_progress is not None and self.world.is_first:
                self.on_progress(self._done(stage), {"step": self.at.steps, "loss": loss})

    def _done(self, stage: Stage) -> float:
        """The part of the whole training that is over, each stage counted by its steps."""
        before = sum(one.steps for one in self.recipe.stages[: self.at.stage])
        return (before + self.at.done(stage) * stage.steps) / self.total

    def _step(self, batch: Item, stage: Stage) -> tuple[float, float]:
        """A batch's gradient, averaged over processes, a step of the weights and of their average; the loss and the
        learning rate."""
        rate = learning_rate(stage, self.at.done(stage))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        self.optimiser.zero_grad(set_to_none=True)
        precision = torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.at.steps * self.world.size + self.world.rank)
            loss = self.objective.loss(self.network, batch, Step(stage, self.at.steps, precision))
        loss.backward()  # type: ignore[no-untyped-call]
        mean = self.world.average_gradients(self.network, loss)
        if self.recipe.clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimiser.step()
        keep = min(self.recipe.averaging, (1 + self.at.steps) / (10 + self.at.steps))
        update_average(self.average, self.network, keep)
        return mean, rate

    def _count(self, stage: Stage, seconds: float) -> None:
        at = self.at
        at.step, at.steps, at.items = at.step + 1, at.steps + 1, at.items + stage.batch * self.world.size
        at.seconds, at.stage_seconds = at.seconds + seconds, at.stage_seconds + seconds

    def _report(self, stage: Stage, rate: float, batches: Batches, meter: Meter) -> None:
        """Log, score and save where it is time to, and at the end; none of it counts as time of training."""
        facts: dict[str, float] = {}
        ended = self.at.done(stage) >= 1 and self.at.stage + 1 == len(self.recipe.stages)
        if self.at.steps % self.recipe.log_steps == 0:
            facts |= meter.line(stage.batch * self.world.size, batches.waited) | {"rate": rate}
        if self.at.steps % self.recipe.sample_steps == 0 or ended:
            self.score = self._sampled()
            facts |= asdict(self.score)  # type: ignore[call-overload]
        if facts:
            self._note(facts)
        if time.monotonic() - self.saved > self.recipe.save_seconds or ended:
            self._save()
        meter.pause()

    def _sampled(self) -> Score:
        """Score the averaged weights and save them."""
        score = self.objective.score(self.average)
        about = f"{self.task.about}; {self.at.steps} of {self.total} steps"
        self.objective.save(self.average, self.task.folder, self.at.steps, self.recipe, about)
        return score

    def _note(self, facts: dict[str, float]) -> None:
        """This step's line of the log."""
        assert self.log is not None
        line = {"stage": self.at.stage, "seconds": round(self.at.seconds, 1), **facts}
        if self.log.append(self.at.steps, line) and self.board is not None:
            self.board.add(self.at.steps, facts)

    def _save(self) -> None:
        if self.world.is_first:
            path = self.task.folder / STATE
            save_state(path, self.network, self.average, self.optimiser, asdict(self.at))
        self.saved = time.monotonic()


def learning_rate(stage: Stage, done: float) -> float:
    """At the part `done` of a stage, 0..1."""
    if stage.schedule == "constant":
        return stage.learning_rate
    rise = min(1.0, (done + 1 / stage.steps) / stage.warm_up)
    return stage.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * done))

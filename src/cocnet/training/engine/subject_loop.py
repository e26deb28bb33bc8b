"""The loop that trains a subject network: resumable, averaged weights, a schedule by steps or by the clock.

Enters: a network, `batch(number) → photos, masks`, a held-out set, a recipe and a folder. Leaves in the folder:
`settings.json`, `log.jsonl`, `state.safetensors` (where it stands), `best.safetensors` (the averaged weights that
did best on the held-out photos).
"""

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import AdamW

from cocnet.errors import InputError
from cocnet.files.atomic import atomic_path
from cocnet.files.run_folder import claim
from cocnet.networks.architectures.subject_net import SubjectNet
from cocnet.training.engine.mask_losses import MaskScore, mask_loss, score_masks
from cocnet.training.engine.state import add_to_average, load_state, save_state

Batch = Callable[[int], tuple[Float[Tensor, "b 3 s s"], Float[Tensor, "b 1 s s"]]]
Progress = Callable[[float, dict[str, Any]], None]


@dataclass(frozen=True)
class SubjectRecipe:
    """How long and how hard; what made the shipped weights is on their card."""

    steps: int = 4000
    """Batches until the learning rate is down at zero."""
    minutes: float | None = None
    """Or this long, whichever comes first [no limit]."""
    learning_rate: float = 1.2e-3
    """Of the decoder, at its highest."""
    encoder_share: float = 0.1
    """The encoder's learning rate is this part of it."""
    weight_decay: float = 0.05
    warm_up: float = 0.03
    """Part of the schedule over which the learning rate rises."""
    averaging: float = 0.998
    """Of the averaged weights: the part that a step keeps."""
    auxiliary: float = 0.4
    """Weight of the loss of the decoder's coarser levels."""
    score_seconds: float = 600.0
    """Time between scores on the held-out photos."""
    save_seconds: float = 60.0
    """Time between saves of where it stands."""
    bfloat16: bool = True
    """Half the memory traffic and time; weights and sums stay float32."""


@dataclass
class _Run:
    """What changes while it trains; `done` is the part of the schedule that is over, 0..1."""

    step: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    best_iou: float = -1.0

    def done(self, recipe: SubjectRecipe) -> float:
        by_clock = 0.0 if recipe.minutes is None else self.seconds / (60 * recipe.minutes)
        return min(1.0, max(self.step / recipe.steps, by_clock))


def train_subject(
    network: SubjectNet,
    batch: Batch,
    held_out: tuple[Float[Tensor, "n 3 h w"], Float[Tensor, "n 1 h w"]],
    recipe: SubjectRecipe,
    folder: str | Path,
    *,
    facts: dict[str, Any] | None = None,
    on_progress: Progress | None = None,
) -> MaskScore:
    """Train until the schedule ends, from where the folder's state stands; returns the final held-out score.

    `facts` (data, seeds, network) are saved with the settings. Raises FileError where the folder holds
    another run's settings, InputError for a recipe of no length.
    """
    training = _Training(network, held_out, recipe, _claimed(Path(folder), recipe, facts or {}))
    training.go_on()
    saved = scored = last = time.monotonic()
    while (done := training.run.done(recipe)) < 1:
        training.step(batch(training.run.step), done)
        now = time.monotonic()
        training.run.seconds, last = training.run.seconds + now - last, now
        if now - scored > recipe.score_seconds:
            training.score()
            scored = last = time.monotonic()
        if now - saved > recipe.save_seconds:
            training.save()
            saved = time.monotonic()
        if on_progress is not None:
            on_progress(done, asdict(training.run))
    score = training.score()
    training.save()
    save_weights(training.folder / "last.safetensors", training.average)
    return score


class _Training:
    """The network, its average, the optimiser, and what they write into the run's folder."""

    def __init__(
        self, network: SubjectNet, held_out: tuple[Tensor, Tensor], recipe: SubjectRecipe, folder: Path
    ) -> None:
        self.network, self.held_out, self.recipe, self.folder = network, held_out, recipe, folder
        self.average = copy.deepcopy(network).eval().requires_grad_(False)
        self.optimiser = _optimiser(network, recipe)
        self.run = _Run()

    def go_on(self) -> None:
        """Take up the folder's state, where there is one."""
        if self.state.is_file():
            self.run = _Run(**load_state(self.state, self.network, self.average, self.optimiser))

    @property
    def state(self) -> Path:
        return self.folder / "state.safetensors"

    def save(self) -> None:
        """Write where it stands."""
        save_state(self.state, self.network, self.average, self.optimiser, asdict(self.run))

    def step(self, sample: tuple[Tensor, Tensor], done: float) -> None:
        """One batch: loss on all levels, a step at the schedule's rate, a step of the average."""
        rising = min(1.0, done / self.recipe.warm_up + 1e-2)
        for group in self.optimiser.param_groups:
            rate = self.recipe.learning_rate * group["share"] * rising
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * done))
        loss, finest = self._losses(*sample)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([p for p in self.network.parameters() if p.requires_grad], 2.0)
        self.optimiser.step()
        number = self.run.step
        add_to_average(self.average, self.network, min(self.recipe.averaging, (1 + number) / (10 + number)))
        self.run.step, self.run.loss = number + 1, float(finest.detach())

    def _losses(self, rgb: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The whole loss, and that of the finest level; chance follows from the step's number."""
        self.network.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.run.step)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bfloat16):
                levels = self.network.all_logits(rgb.contiguous(memory_format=torch.channels_last))
        losses = [mask_loss(logits.float(), _shrunk(mask, logits)) for logits in levels]
        return losses[0] + self.recipe.auxiliary * sum(losses[1:], torch.zeros(())), losses[0]

    def score(self) -> MaskScore:
        """Score the averaged weights, append a line, keep them where they are the best yet."""
        score = score_masks(predict(self.average, self.held_out[0]), self.held_out[1])
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({**asdict(self.run), **asdict(score)}) + "\n")
        if score.iou > self.run.best_iou:
            self.run.best_iou = score.iou
            save_weights(self.folder / "best.safetensors", self.average)
        return score


def _claimed(folder: Path, recipe: SubjectRecipe, facts: dict[str, Any]) -> Path:
    """The folder with the settings saved; raises FileError rather than go on with others."""
    if recipe.steps < 1 or (recipe.minutes is not None and recipe.minutes <= 0):
        raise InputError(f"expected at least one step, got {recipe.steps} in {recipe.minutes} min, try 4000")
    claim(folder, {"recipe": asdict(recipe), **facts})
    return folder


def _optimiser(network: nn.Module, recipe: SubjectRecipe) -> AdamW:
    """Two speeds; biases and norms don't decay."""
    groups = []
    for encoder in (True, False):
        named = [
            (n, p)
            for n, p in network.named_parameters()
            if p.requires_grad and n.startswith("encoder.") == encoder
        ]
        for decay in (recipe.weight_decay, 0.0):
            chosen = [p for _, p in named if (p.ndim > 1) == (decay > 0)]
            groups.append(
                {"params": chosen, "weight_decay": decay, "share": recipe.encoder_share if encoder else 1.0}
            )
    return AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.99))


def _shrunk(mask: Tensor, like: Tensor) -> Tensor:
    """The mask at the size of a coarser level: means of its squares."""
    size = (like.shape[-2], like.shape[-1])
    return mask if mask.shape[-2:] == size else functional.adaptive_avg_pool2d(mask, size)


@torch.no_grad()
def predict(network: nn.Module, rgb: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
    """Masks of photos, a few at a time."""
    network.eval()
    parts = [
        network(part.contiguous(memory_format=torch.channels_last)).sigmoid() for part in torch.split(rgb, 4)
    ]
    return torch.cat(parts)


def save_weights(path: str | Path, network: nn.Module, half: bool = False, about: str = "") -> None:
    """Write a network's weights as safetensors, floats in 16 bit where asked; raises FileError."""
    tensors = {
        k: (v.half() if half and v.is_floating_point() else v).detach().cpu().contiguous().clone()
        for k, v in network.state_dict().items()
    }
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, {"about": about}))

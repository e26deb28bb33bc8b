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
from cocnet.imaging import atomic_path
from cocnet.networks.subject import SubjectNet
from cocnet.training.masks import MaskScore, mask_loss, score_masks
from cocnet.training.state import add_to_average, claim, load_state, save_state

Batch = Callable[[int], tuple[Float[Tensor, "b 3 s s"], Float[Tensor, "b 1 s s"]]]
Progress = Callable[[float, dict[str, Any]], None]


@dataclass(frozen=True)
class SubjectRecipe:
    """How long and how hard; the defaults made the shipped weights."""

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
    score_seconds: float = 150.0
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
    target = Path(folder)
    _claim(target, recipe, facts or {})
    average = copy.deepcopy(network).eval().requires_grad_(False)
    optimiser = _optimiser(network, recipe)
    run = _Run()
    if (target / "state.safetensors").is_file():
        run = _Run(**load_state(target / "state.safetensors", network, average, optimiser))
    saved = scored = last = time.monotonic()
    loss = 0.0
    while (done := run.done(recipe)) < 1:
        loss = _step(network, average, optimiser, batch(run.step), recipe, run.step, done)
        run.step += 1
        now = time.monotonic()
        run.seconds, last = run.seconds + now - last, now
        if now - scored > recipe.score_seconds:
            _log(target, average, held_out, run, loss)
            scored = last = time.monotonic()
        if now - saved > recipe.save_seconds:
            save_state(target / "state.safetensors", network, average, optimiser, asdict(run))
            saved = time.monotonic()
        if on_progress is not None:
            on_progress(done, {"step": run.step, "loss": loss, "best_iou": run.best_iou})
    score = _log(target, average, held_out, run, loss)
    save_state(target / "state.safetensors", network, average, optimiser, asdict(run))
    save_weights(target / "last.safetensors", average)
    return score


def _claim(folder: Path, recipe: SubjectRecipe, facts: dict[str, Any]) -> None:
    """Save the settings, or refuse to go on with others."""
    if recipe.steps < 1 or (recipe.minutes is not None and recipe.minutes <= 0):
        raise InputError(f"expected at least one step, got {recipe.steps} in {recipe.minutes} min, try 4000")
    claim(folder, {"recipe": asdict(recipe), **facts})


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


def _step(
    network: SubjectNet,
    average: SubjectNet,
    optimiser: AdamW,
    sample: tuple[Tensor, Tensor],
    recipe: SubjectRecipe,
    number: int,
    done: float,
) -> float:
    """One batch: loss on all levels, a step at the schedule's rate, a step of the average."""
    rising = min(1.0, done / recipe.warm_up + 1e-2)
    for group in optimiser.param_groups:
        group["lr"] = recipe.learning_rate * group["share"] * rising * 0.5 * (1 + math.cos(math.pi * done))
    rgb, mask = sample
    network.train()
    with torch.random.fork_rng(devices=[]), torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
        torch.manual_seed(number)
        levels = network.all_logits(rgb.contiguous(memory_format=torch.channels_last))
    losses = [mask_loss(logits.float(), _shrunk(mask, logits)) for logits in levels]
    loss = losses[0] + recipe.auxiliary * sum(losses[1:], torch.zeros(()))
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_([p for p in network.parameters() if p.requires_grad], 2.0)
    optimiser.step()
    add_to_average(average, network, min(recipe.averaging, (1 + number) / (10 + number)))
    return float(losses[0].detach())


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


def _log(
    folder: Path, average: nn.Module, held_out: tuple[Tensor, Tensor], run: _Run, loss: float
) -> MaskScore:
    """Score the averaged weights, append a line, keep them where they are the best yet."""
    score = score_masks(predict(average, held_out[0]), held_out[1])
    line = {"step": run.step, "seconds": round(run.seconds, 1), "loss": loss, **asdict(score)}
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
    if score.iou > run.best_iou:
        run.best_iou = score.iou
        save_weights(folder / "best.safetensors", average)
    return score


def save_weights(path: str | Path, network: nn.Module, half: bool = False, about: str = "") -> None:
    """Write a network's weights as safetensors, floats in 16 bit where asked; raises FileError."""
    tensors = {
        k: (v.half() if half and v.is_floating_point() else v).detach().cpu().contiguous().clone()
        for k, v in network.state_dict().items()
    }
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, {"about": about}))

"""What a method of attack may cost: its ε, steps, restarts, and the camera that it goes through.

Enters: a run's settings. Leaves: a `Budget`, and attacks with its numbers.
"""

from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from cocnet.attacks import CameraRange
from cocnet.attacks.pgd import PGDSettings
from cocnet.attacks.random_numbers import Seed
from cocnet.attacks.several_answers import AllWon, MeanLoss
from cocnet.renderers import Setup
from cocnet.robustness.camera_settings import CameraSetting
from cocnet.robustness.run_settings import AttackSettings, LossName
from cocnet.robustness.sources import setup_of

D = TypeVar("D", bound=PGDSettings)


@dataclass(frozen=True)
class Budget:
    """What a method may cost. epsilon None: the method's own; full: no photo stops early, so that all go as far as
    they can; targeted: labels are wanted classes; seed: a number for all photos of a batch, or one for each; views:
    transforms that the attack reckons with; allies: victims, by name, that it is to fool, too."""

    epsilon: float | None = None
    steps: int = 50
    seed: Seed = 0
    full: bool = False
    targeted: bool = False
    setup: Setup = field(default_factory=Setup)
    restarts: int = 1
    loss: LossName = "ce"
    camera_range: CameraRange = field(default_factory=CameraRange)
    setting: CameraSetting = field(default_factory=CameraSetting)
    views: tuple[str, ...] = ()
    allies: tuple[str, ...] = ()

    @property
    def several(self) -> bool:
        """Whether an attack has more than one answer to turn."""
        return bool(self.views or self.allies)

    @classmethod
    def of(cls, settings: AttackSettings, **changes: Any) -> "Budget":
        """The budget in a run's settings."""
        setup, bounds = setup_of(settings), (settings.lens_stops, settings.lens_dioptres)
        found = cls(
            steps=settings.steps,
            seed=settings.seed,
            full=settings.full_steps,
            setup=setup,
            restarts=settings.restarts,
            loss=settings.loss,
            camera_range=CameraRange()
            if bounds == (None, None)
            else CameraRange.around(setup.camera, *(bound or 0.0 for bound in bounds)),
        )
        return replace(found, **changes)


def within_budget(like: D, budget: Budget) -> D:
    """An attack with a budget's numbers."""
    return replace(
        like,
        epsilon=like.epsilon if budget.epsilon is None else budget.epsilon,
        steps=budget.steps,
        restarts=budget.restarts,
        loss=MeanLoss(budget.loss, budget.targeted) if budget.several else budget.loss,
        success=AllWon(budget.targeted) if budget.several else None,
        seed=budget.seed,
        early_stop=not budget.full,
        targeted=budget.targeted,
    )

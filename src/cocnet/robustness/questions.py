"""The open questions about bokeh that is adversarial by depth alone, asked of one victim and one renderer.

Enters: a `Ground`, attacks, a `Plan` of budgets and efforts. Leaves: `Answers`, and in a folder answers.json,
answers.md and plots. Every batch is kept in the folder's parts/, so that an interrupted run goes on.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cocnet import __version__
from cocnet.attacks.base import RenderAttack
from cocnet.errors import FileError, InputError
from cocnet.files.atomic import atomic_path, write_json
from cocnet.robustness.curves import (
    Curve,
    at_similarity,
    effort_curves,
    epsilon_curves,
    settled,
    shared_levels,
)
from cocnet.robustness.measurement import Ground, Point, Progress, at_epsilon, measure
from cocnet.robustness.pages import page
from cocnet.robustness.plots import plot_effort, plot_epsilon, plot_similarity, plot_survival


@dataclass(frozen=True)
class Plan:
    """What is asked; budgets are nearness's.

    shown: the budgets, of `epsilons`, at which survival and δ are told, of the first picture that fools and of the
    one that fools most; yardsticks: attacks beside which random draws stand; effort is asked of the first attack.
    Raises InputError.
    """

    epsilons: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3, 8e-3, 3e-2, 1e-1)
    shown: tuple[float, ...] = (3e-4, 8e-3)
    yardsticks: tuple[str, ...] = ("gda",)
    effort_epsilon: float = 3e-4
    steps: tuple[int, ...] = (10, 25, 50, 100, 200)
    restarts: tuple[int, ...] = (1, 3)

    def __post_init__(self) -> None:
        if not self.epsilons or min(self.epsilons) <= 0 or not set(self.shown) <= set(self.epsilons):
            got = f"{self.epsilons} and {self.shown}"
            raise InputError(
                f"expected budgets above 0, and those shown among them, got {got}, try 3e-4 in both"
            )


@dataclass(frozen=True)
class Answers:
    """What was found: curves over ε with what survives at each, the attacks that went on after the first success, at
    the budgets shown; curves over effort (none where none was asked)."""

    name: str
    facts: dict[str, Any]
    plan: Plan
    curves: tuple[Curve, ...]
    full: tuple[Point, ...]
    effort: tuple[Curve, ...]

    def shown(self) -> tuple[Point, ...]:
        """The points at which survival and δ are told, budget by budget."""
        points = [one for curve in self.curves for one in curve.points if one.ways] + list(self.full)
        return tuple(
            one for epsilon in self.plan.shown for one in points if abs(one.epsilon / epsilon - 1) < 1e-6
        )


def ask(
    name: str,
    ground: Ground,
    attacks: Sequence[RenderAttack],
    plan: Plan,
    folder: str | Path | None = None,
    on_progress: Progress | None = None,
) -> Answers:
    """Measure everything; parts in `folder` are taken as they are. Raises InputError, FileError."""
    parts = None if folder is None else made(Path(folder) / "parts")
    if not attacks:
        raise InputError("expected attacks, got none, try [GDA()]")
    curves = epsilon_curves(ground, attacks, plan.epsilons, parts, on_progress, plan.yardsticks)
    strong = [replace(at_epsilon(one, e), early_stop=False) for e in plan.shown for one in attacks]
    full = tuple(measure(ground, one, parts, True, on_progress) for one in strong)
    first = at_epsilon(attacks[0], plan.effort_epsilon)
    effort = effort_curves(ground, first, plan.steps, plan.restarts, parts, on_progress) if plan.steps else ()
    return Answers(name, dict(ground.facts), plan, curves, full, effort)


def write_answers(folder: str | Path, answers: Answers, plots: bool = True) -> str:
    """Write answers.json, answers.md and the plots; returns the page. Raises FileError, MissingExtraError."""
    target = made(Path(folder))
    write_json(target / "answers.json", {"cocnet": __version__, **as_facts(answers)})
    text = page(answers.name, answers.curves, answers.effort, answers.shown())
    with atomic_path(target / "answers.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    if plots:
        draw(target, answers)
    return text


def draw(folder: Path, answers: Answers) -> None:
    """All plots of the answers."""
    title = f"{answers.name}, {len(answers.curves[0].points[0].right)} photos"
    plot_epsilon(folder / "epsilon.png", answers.curves, title)
    plot_similarity(folder / "similarity.png", answers.curves, title)
    for epsilon in answers.plan.shown:
        points = [one for one in answers.full if abs(one.epsilon / epsilon - 1) < 1e-6]
        plot_survival(folder / f"survival-{epsilon:g}.png", points, f"{title}: what still fools on its way")
    if answers.effort:
        plot_effort(folder / "effort.png", answers.effort, f"{title}, ε {answers.plan.effort_epsilon:g}")


def as_facts(answers: Answers) -> dict[str, Any]:
    """For machines: each point's columns with the shares that follow, and the methods at matched similarity."""
    curves = [{"name": one.name, "points": [_point(p) for p in one.points]} for one in answers.curves]
    effort = [
        {"name": one.name, "settled_steps": settled(one), "points": [_point(p) for p in one.points]}
        for one in answers.effort
    ]
    levels = [
        found
        for level in shared_levels(answers.curves)
        for one in answers.curves
        if (found := at_similarity(one, level)) is not None
    ]
    about = {"name": answers.name, "facts": answers.facts, "plan": asdict(answers.plan)}
    return {
        **about,
        "curves": curves,
        "full": [_point(p) for p in answers.full],
        "matched_similarity": levels,
        "effort": effort,
    }


def made(folder: Path) -> Path:
    """The folder, there. Raises FileError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"expected a folder to write to, got '{folder}' ({error.strerror}), try another"
        ) from error
    return folder


def _point(one: Point) -> dict[str, Any]:
    ways = {
        way: dict(zip(("natural", "fooled", "still"), one.survival(way), strict=True)) for way in one.ways
    }
    shares = {"accuracy": one.accuracy, "success": one.success, "similarity_db": one.similarity_db}
    return {**asdict(one), "shares": {**shares, "ways": ways}}

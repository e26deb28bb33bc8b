"""The open questions about bokeh that is adversarial by depth alone, with figures.

    python benchmarks/questions.py --data FOLDER --out runs/questions [--photos 20] [--victims mobilenet_v2]
        [--renderers physical eq8 NET.safetensors] [--attacks gda sm-gda bg-gda offset] [--no-effort]

Accuracy against ε and against similarity to natural bokeh, beside random draws; what survives 8 and 16 bit, JPEG,
resizing, deblurring and other renderers; what a change of depth is in pixels and dioptres; how many steps it takes.
Each victim on each renderer gets a folder with answers.json, answers.md and plots; run again, it goes on.

A picture that just fools is fragile: survival is told for it and for the one that fools most ("full").

FOLDER: photos with a table of labels (the NeurIPS-2017 competition's, or images.csv), or a folder each class.
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cocnet import __version__
from cocnet.attacks import GDA, BackgroundGDA, DepthOffset, SmoothGDA
from cocnet.errors import CocnetError, InputError
from cocnet.renderers.nearness import Network, Physical, Setup
from cocnet.robustness.measurement import Ground
from cocnet.robustness.questions import Plan, ask, write_answers

ATTACKS = {"gda": GDA, "sm-gda": SmoothGDA, "bg-gda": BackgroundGDA, "offset": DepthOffset}
MODES = {"physical": "over", "eq8": "eq8"}


def open_photos(args: argparse.Namespace, setup: Setup) -> tuple[Tensor, Tensor, Tensor, list[str]]:
    """Pictures, nearness as runs of robustness have it, labels, names; evenly among all photos."""
    from cocnet.datasets import LabelledFolder, NeurIPS2017
    from cocnet.robustness.sources import evenly, nearness_of

    kind = NeurIPS2017 if any(args.data.glob("*.csv")) else LabelledFolder
    photos = kind(args.data, size_px=args.size)
    taken, maps = [photos[k] for k in evenly(len(photos), args.photos)], []
    if not taken:
        raise InputError(f"expected at least one photo, got --photos {args.photos}, try 20")
    for k, one in enumerate(taken):
        tell("depth", k, len(taken))
        maps.append(nearness_of(one.image, one.path, None, None, args.depth, setup, args.nearest))
    labels = torch.tensor([one.label for one in taken])
    return torch.stack([one.image for one in taken]), torch.stack(maps), labels, [one.name for one in taken]


def open_renderers(names: list[str], setup: Setup, device: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Renderers by name, and what tells their weights apart."""
    from cocnet.networks import load_model

    renderers: dict[str, Any] = {}
    digests: dict[str, str] = {}
    for name in names:
        if name in MODES:
            render: Any = Physical(setup, MODES[name])
        else:
            located = Path(name)
            render = Network(load_model(located if located.suffix else name, device), setup)
            if located.is_file():
                digests[render.name] = hashlib.sha256(located.read_bytes()).hexdigest()
        renderers[render.name] = render
    return renderers, digests


def answer_all(
    photos: tuple[Tensor, Tensor, Tensor],
    victims: Mapping[str, Callable[[Tensor], Tensor]],
    renderers: Mapping[str, Any],
    attacks: list[Any],
    plan: Plan,
    facts: Mapping[str, Any],
    setup: Setup,
    out: Path,
    batch: int = 8,
    plots: bool = True,
) -> str:
    """Every victim on every renderer, which sees the others' depth, too; returns the pages."""
    image, depth, label = photos
    pages = []
    for victim_name, victim in victims.items():
        for name, render in renderers.items():
            others = {other: one for other, one in renderers.items() if other != name}
            told = {**facts, "victim": victim_name, "about": getattr(victim, "about", ""), "renderer": name}
            told |= {"others": list(others), "setup": asdict(setup), "cocnet": __version__}
            ground = Ground(image, depth, label, render, victim, told, setup, others, batch)
            folder = out / f"{victim_name}-on-{name}"
            answers = ask(f"{victim_name} on {name}", ground, attacks, plan, folder, tell)
            pages.append(write_answers(folder, answers, plots))
    return "\n".join(pages)


def tell(what: str, done: int, total: int) -> None:
    """Progress on stderr, with the time, so that it can be followed in a log."""
    print(f"{time.strftime('%H:%M:%S')} {what}: {done} of {total}", file=sys.stderr, flush=True)


def run(args: argparse.Namespace) -> str:
    """Open everything and ask."""
    from cocnet.attacks.victims import open_victim

    unknown = sorted(set(args.attacks) - set(ATTACKS))
    if unknown:
        raise InputError(f"expected attacks of {', '.join(ATTACKS)}, got {', '.join(unknown)}, try gda")
    plan = Plan(
        tuple(args.epsilons),
        tuple(args.shown),
        effort_epsilon=args.effort_epsilon,
        steps=() if args.no_effort else tuple(args.efforts),
        restarts=tuple(args.restarts),
        yardsticks=tuple(args.yardsticks),
    )
    setup = Setup()
    image, depth, label, names = open_photos(args, setup)
    renderers, digests = open_renderers(args.renderers, setup, args.device)
    victims = {name: open_victim(name).to(args.device) for name in args.victims}
    options = {"steps": args.steps, "seed": args.seed, "loss": args.loss}
    attacks = [
        ATTACKS[name](span=setup.dioptres, **options) if name == "offset" else ATTACKS[name](**options)
        for name in args.attacks
    ]
    facts = {
        "photos": names,
        "size_px": args.size,
        "depth": args.depth,
        "nearest": args.nearest,
        "weights": digests,
    }
    photos = image.to(args.device), depth.to(args.device), label.to(args.device)
    return answer_all(
        photos, victims, renderers, attacks, plan, facts, setup, args.out, args.batch, not args.no_plots
    )


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/questions"))
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--victims", nargs="+", default=["mobilenet_v2"])
    parser.add_argument(
        "--renderers", nargs="+", default=["physical", "eq8"], help="or a network's weight file"
    )
    parser.add_argument("--attacks", nargs="+", default=list(ATTACKS), help=", ".join(ATTACKS))
    parser.add_argument("--epsilons", nargs="+", type=float, default=list(Plan.epsilons))
    parser.add_argument(
        "--shown", nargs="+", type=float, default=list(Plan.shown), help="survival at these ε"
    )
    parser.add_argument("--yardsticks", nargs="*", default=list(Plan.yardsticks), help="random beside these")
    parser.add_argument("--steps", type=int, default=50, help="of each attack against ε")
    parser.add_argument("--loss", default="ce")
    parser.add_argument("--effort-epsilon", type=float, default=Plan.effort_epsilon)
    parser.add_argument("--efforts", nargs="+", type=int, default=list(Plan.steps), help="steps to compare")
    parser.add_argument("--restarts", nargs="+", type=int, default=list(Plan.restarts))
    parser.add_argument("--no-effort", action="store_true")
    parser.add_argument("--no-plots", action="store_true")
    parser.add_argument("--depth", default="subject", help="estimator of depth")
    parser.add_argument("--nearest", choices=["point", "subject"], default="subject", help="what is in focus")
    parser.add_argument("--size", type=int, default=224, help="px")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    return parser


def main() -> int:
    """Ask, print the pages; an error of the user's is one line."""
    try:
        print(run(options().parse_args()))
    except CocnetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

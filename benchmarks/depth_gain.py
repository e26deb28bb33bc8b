"""How strongly networks answer to small changes of depth, and how that grows with their training.

    python benchmarks/depth_gain.py runs/cocnet runs/training physical cocnet-b3-less-depth [--photos 4]
        [-o gain.png] [--json gain.json]

The first argument is a run of `cocnet evaluate robustness`, whose photos and nearness are used; then weight files,
folders of them (of a training with `--recipe.keep-weights`) and names of renderers. Prints, in the median of the
photos, the gain (rms change of the picture over change of depth) for random signs and for the largest change found,
near steps of depth and elsewhere, and the least change of depth that reaches half a step of 8 bit. -o draws the
largest gain against steps; --json stores the rows for docs/adversarial.md (benchmarks/adversarial_gain.json).
"""

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from cocnet.errors import FileError
from cocnet.files.atomic import write_json
from cocnet.files.markdown import table
from cocnet.networks import checkpoint_info
from cocnet.renderers import NearnessView, Setup, open_renderer
from cocnet.robustness.depth_gain import DepthGain, depth_gain
from cocnet.robustness.plots import plot_gains
from cocnet.robustness.run_layout import RunLayout, load_picture, load_plane

HEAD = ("", "steps", "random", "largest", "at steps of depth", "elsewhere", "seen in 8 bit from ε")
SEEN = 0.5 / 255 / 3e-4


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("renderers", nargs="+")
    parser.add_argument("--photos", type=int, default=4)
    parser.add_argument("--epsilon", type=float, default=3e-4)
    parser.add_argument("-o", "--out", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(words)
    image, depth = photos(arguments.run, arguments.photos)
    rows: list[tuple[str, ...]] = []
    curves: dict[str, list[tuple[int, float]]] = {}
    for group in arguments.renderers:
        for name, steps in checkpoints(group):
            view = NearnessView(open_renderer(name), Setup())
            found = depth_gain(view, image, depth, arguments.epsilon)
            trained = Path(group).name if Path(group).is_dir() else Path(name).name
            rows.append((trained, str(steps or ""), *figures(found)))
            curves.setdefault(trained, []).append((steps, float(found.largest.nanmedian())))
    print("\n".join(table(HEAD, rows)))
    if arguments.json is not None:
        stored = {
            "photos": len(image),
            "epsilon": arguments.epsilon,
            "head": HEAD,
            "rows": rows,
            "curves": curves,
        }
        write_json(arguments.json, stored)
    if arguments.out is not None:
        draw(arguments.out, curves, len(image), arguments.epsilon)
        print(arguments.out)


def draw(path: Path, curves: Mapping[str, Sequence[tuple[int, float]]], photos: int, epsilon: float) -> None:
    """The largest gain against steps of training."""
    plot_gains(path, curves, SEEN, f"{photos} photos, ε = {epsilon:g}")


def photos(run: Path, count: int) -> tuple[Tensor, Tensor]:
    """The first photos of a run, and their nearness. Raises FileError where there are none."""
    layout = RunLayout(run)
    stems = [path.stem for path in sorted((run / "photos").glob("*.png"))][:count]
    if not stems:
        raise FileError(f"expected a run with photos, got '{run}', try cocnet evaluate robustness -o {run}")
    pictures = torch.stack([load_picture(layout.photo(stem)) for stem in stems])
    return pictures, torch.stack([load_plane(layout.depth(stem)) for stem in stems])


def checkpoints(group: str) -> list[tuple[str, int]]:
    """The renderers of an argument, with the steps that each was trained, 0 where it doesn't say."""
    if not Path(group).is_dir():
        return [(group, steps_of(Path(group)) if Path(group).suffix else 0)]
    found = sorted((steps_of(path), str(path)) for path in Path(group).glob("weights-*.safetensors"))
    if not found:
        raise FileError(
            f"expected weights-STEP.safetensors in '{group}', got none, try --recipe.keep-weights"
        )
    return [(name, steps) for steps, name in found]


def steps_of(path: Path) -> int:
    """How many steps a weight file says that it was trained."""
    told = re.search(r"(\d+) of \d+ steps", checkpoint_info(path).data)
    return int(told[1]) if told else 0


def figures(found: DepthGain) -> tuple[str, ...]:
    """Medians over the photos."""
    values = (found.random, found.largest, found.edges, found.elsewhere, found.seen_from)
    return tuple(f"{float(value.nanmedian()):.2g}" for value in values)


if __name__ == "__main__":
    main()

"""Trains CoCNet with depth as the paper does, full and varied, keeping its weights on the way.

    python benchmarks/gain_training.py --images PHOTOS --masks MASKS -o runs/gain [--steps 600] [--only full less]
        [--seeds 0 1]

Enters: photos and masks of their subjects, of which scenes of 128² px are made, blurred by one lens of up to 8 px.
Leaves: a run in runs/gain/NAME for every variant (NAME-seed-N with another seed than 0), by the paper's recipe (L1 +
(1 − SSIM), Adam 2e-4, batches of 2, Xavier weights), with weights-STEP.safetensors for benchmarks/depth_gain.py.
Nearness means the same radius in every scene, so that it isn't normalised to what a photo happens to hold. Stopped,
the same command goes on.
"""

import argparse
import itertools
from dataclasses import replace
from pathlib import Path

from cocnet import save_checkpoint
from cocnet.networks import create_seeded
from cocnet.training.engine.starts import xavier
from cocnet.training.recipes.bokeh_recipes import BokehRecipe
from cocnet.training.runs.bokeh_run import run_bokeh
from cocnet.training.runs.bokeh_settings import BokehRun

LESS: dict[str, object] = {"channels": [16, 32, 64, 128, 128]}
VARIANTS: dict[str, dict[str, object]] = {
    "full": {},
    "less": LESS,
    "less-no-norm": {**LESS, "norm": "none"},
    "less-kernel-5": {**LESS, "kernel_size": 5},
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0], help="of weights, scenes and their order"
    )
    args = parser.parse_args()
    for variant, seed in itertools.product(args.only, args.seeds):
        name = f"{variant}-seed-{seed}" if seed else variant
        start = args.out / f"{name}.safetensors"
        if not start.is_file():
            args.out.mkdir(parents=True, exist_ok=True)
            network = create_seeded("cocnet-b3-depth", seed, **VARIANTS[variant])
            xavier(network, seed)
            save_checkpoint(network, start)
        recipe = replace(BokehRecipe(), sample_steps=max(1, args.steps // 6), keep_weights=True, seed=seed)
        run = BokehRun(
            args.out / name,
            str(start),
            images=args.images,
            masks=args.masks,
            side_px=128,
            radius_px=(8.0, 8.0),
            steps=args.steps,
            workers=0,
            threads=1,
            device="cpu",
        )
        score = run_bokeh(run, recipe)
        print(f"{name}: {score}", flush=True)


if __name__ == "__main__":
    main()

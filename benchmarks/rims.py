"""How the rims of sharp and blurred subjects hold with the depth that users have.

    python benchmarks/rims.py [--seeds 5] [--only drawn raytraced] [--pictures FOLDER]

Drawn: silhouettes of which every rim pixel is a known mixture, before a blurred wall; sRGB PSNR in dB on the rim
(0 < α < 1) and within 3 px of it, mean over the seeds and the worst, untouched photo first; "alone" is the renderer
on depth as given, "refined" on depth laid along the 8-bit photo. Ray-traced: within 12 px of depth edges, with depth
made 8 and 4 times smaller, smoothed and moved.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from scenes import SCENES, degrade, edge_psnr, load
from silhouettes import SHAPES, blurred, depths, light_of, psnr, rim_of, truth_of

from cocnet.depth.refinement.refine import refine_inverse_depth
from cocnet.imaging import linear_to_srgb, srgb_to_linear, write_photo
from cocnet.renderers import open_renderer

BAND_PX = 3


def in_8_bit(light: Tensor) -> np.ndarray:
    """What a file holds of linear light [1 3 h w]."""
    return (linear_to_srgb(light.clamp(0, 1))[0].permute(1, 2, 0) * 255).round().byte().numpy()


def drawn(seeds: int, pictures: Path | None) -> None:
    """Print every shape with every depth."""
    for name, draw in SHAPES.items():
        rows: dict[str, list[tuple[float, float]]] = {}
        for seed in range(seeds):
            scene = draw(seed)
            truth, where = truth_of(scene), (rim_of(scene), rim_of(scene, BAND_PX))
            photo = in_8_bit(light_of(scene))
            light = srgb_to_linear(torch.from_numpy(photo).permute(2, 0, 1)[None] / 255)
            made = {"untouched": light}
            for kind, inverse in depths(scene.alpha).items():
                made[f"{kind}, alone"] = blurred(light, inverse)
                made[f"{kind}, refined"] = blurred(light, refine_inverse_depth(inverse, photo))
            for kind, picture in made.items():
                rows.setdefault(kind, []).append(tuple(psnr(picture, truth, w) for w in where))
                if pictures and not seed:
                    pictures.mkdir(parents=True, exist_ok=True)
                    write_photo(pictures / f"{name}-{kind}.png".replace(" ", "-"), in_8_bit(picture))
        print(f"{name}\n{'':28}{'rim':>7} {'worst':>7} {'band':>7} {'worst':>7}")
        for kind, scores in rows.items():
            mean, worst = np.mean(scores, 0), np.min(scores, 0)
            print(f"{kind:>28}{mean[0]:7.2f} {worst[0]:7.2f} {mean[1]:7.2f} {worst[1]:7.2f}", flush=True)


def ray_traced(hybrid: str = "cocnet-hybrid", scenes: Sequence[Path] = SCENES) -> None:
    """Print each scene with worse depth, as given and refined, and what a hybrid makes of these."""
    network = open_renderer(hybrid)
    for how in ({"factor": 8}, {"factor": 4, "sigma_px": 1.0, "shift_px": 1}):
        print(f"ray-traced, depth {how}: near edges, exact depth / as given / refined; the same by {hybrid}")
        rows = []
        for path in scenes:
            sharp, depth, bokeh, lens = load(path)
            inverse = 1 / depth.clamp(max=1e4)
            bad = degrade(inverse, **how)
            better = torch.from_numpy(refine_inverse_depth(bad[0, 0].numpy(), in_8_bit(sharp)))[None, None]
            with torch.no_grad():
                rows.append(
                    [
                        edge_psnr(sharp, one, inverse, bokeh, lens, renderer)
                        for renderer in (None, network)
                        for one in (inverse, bad, better)
                    ]
                )
            print(f"{path.stem:>12} " + " ".join(f"{score:7.2f}" for score in rows[-1]), flush=True)
        print(f"{'mean':>12} " + " ".join(f"{score:7.2f}" for score in np.mean(rows, 0)))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=["drawn", "raytraced"])
    parser.add_argument("--pictures", type=Path)
    parser.add_argument(
        "--hybrid",
        default="cocnet-hybrid",
        help="a network that corrects the physical picture, or its weights",
    )
    parser.add_argument("--scenes", type=Path, help="folder of ray-traced scenes [the tests']")
    args = parser.parse_args()
    if "drawn" in args.only:
        drawn(args.seeds, args.pictures)
    if "raytraced" in args.only:
        ray_traced(args.hybrid, sorted(args.scenes.glob("*.npz")) if args.scenes else SCENES)


if __name__ == "__main__":
    main()

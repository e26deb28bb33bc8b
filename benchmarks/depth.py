"""How good and how fast depth without depth is: subject masks against the teacher, refined edges, time and memory.

  python benchmarks/depth.py --images PHOTOS --masks MASKS     IoU and error of the built-in mask, its time
  python benchmarks/depth.py                                   what needs no photos: refining, time, memory

Enters: folders of photos and teacher masks of the same names. Leaves: lines of figures on stdout.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from scenes import SCENES, degrade, edge_psnr, load

from cocnet.depth import coarse_mask, subject_mask
from cocnet.depth.network_view import WEIGHTS, load_network
from cocnet.depth.refinement.refine import refine_inverse_depth
from cocnet.imaging import linear_to_srgb, read_photo, write_photo
from cocnet.networks.architectures.depth_subject_net import count_parameters
from cocnet.training.engine.mask_losses import score_masks

PHOTO_PX = (3000, 4000)


def masks(images: Path, folder: Path) -> None:
    """IoU at 0.5 over photos with 3–80 % subject by the teacher, mean absolute error; at the photos' size."""
    scores = []
    for path in sorted(images.iterdir()):
        target = folder / f"{path.stem}.png"
        if not target.is_file():
            continue
        truth = torch.from_numpy(read_photo(target).pixels[None, None, ..., 0] / np.float32(255))
        ours = torch.from_numpy(subject_mask(read_photo(path).pixels))[None, None]
        scores.append(score_masks(ours, truth))
    counted = [score for score in scores if score.photos]
    iou = np.array([score.iou for score in counted])
    print(f"masks: {len(scores)} photos, {len(counted)} with a subject of 3–80 %")
    print(f"  mean IoU {iou.mean():.3f}, median {np.median(iou):.3f}, over 0.5: {(iou > 0.5).mean():.0%}")
    print(
        f"  MAE {np.mean([s.mae for s in counted]):.3f}, over all {np.mean([s.mae_all for s in scores]):.3f}"
    )


def network() -> None:
    """Size of the network, and time of a mask."""
    net = load_network()
    print(f"network: {count_parameters(net) / 1e6:.2f} M parameters, {WEIGHTS.stat().st_size / 1e6:.2f} MB")
    photos = np.random.default_rng(0).integers(0, 256, (20, 320, 320, 3)).astype(np.uint8)
    others = iter(photos)
    print(
        f"  a mask: {1e3 * _median(lambda: coarse_mask(next(others)), 20):.0f} ms, "
        f"{torch.get_num_threads()} threads"
    )


def refining() -> None:
    """PSNR near silhouettes of ray-traced scenes: depth 8 × smaller, blurred by 2 px, 2 px off."""
    print("refined edges, dB near silhouettes: true depth, degraded, refined, gain")
    gains = []
    for path in SCENES:
        sharp, depth, bokeh, lens = load(path)
        truth = 1 / depth.clamp(max=1e4)
        bad = degrade(truth)
        photo = (linear_to_srgb(sharp.clamp(0, 1))[0].permute(1, 2, 0) * 255).round().byte().numpy()
        better = torch.from_numpy(refine_inverse_depth(bad[0, 0].numpy(), photo))[None, None]
        best, before, after = (edge_psnr(sharp, d, truth, bokeh, lens) for d in (truth, bad, better))
        gains.append(after - before)
        print(f"  {path.stem}: {best:.2f} {before:.2f} {after:.2f} {after - before:+.2f}")
    print(f"  mean gain {np.mean(gains):+.2f} dB")


def command(photo: Path | None, folder: Path) -> None:
    """Time and peak memory of the whole command on 12 megapixels, by the built-in estimator."""
    source = photo or folder / "noise.jpg"
    if photo is None:
        coarse = torch.rand(1, 3, 30, 40, generator=torch.Generator().manual_seed(0))
        fine = torch.nn.functional.interpolate(coarse, PHOTO_PX, mode="bicubic").clamp(0, 1)[0]
        write_photo(source, (fine.permute(1, 2, 0) * 255).byte().numpy())
    arguments = ["render", str(source), "--estimator", "builtin", "-o", str(folder / "out.jpg")]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "cocnet", *arguments], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    print(f"render, 12 megapixels: {seconds:.1f} s, peak {peak:.2f} GB")


def _median(call: Any, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def main() -> None:
    import tempfile

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path)
    parser.add_argument("--masks", type=Path)
    parser.add_argument("--photo", type=Path, help="a photo of 12 megapixels for the whole command")
    parser.add_argument("--only", choices=("masks", "network", "refining", "command"))
    arguments = parser.parse_args()
    wanted = (arguments.only,) if arguments.only else ("network", "masks", "refining", "command")
    if "network" in wanted:
        network()
    if "masks" in wanted and arguments.images and arguments.masks:
        masks(arguments.images, arguments.masks)
    if "refining" in wanted:
        refining()
    if "command" in wanted:
        with tempfile.TemporaryDirectory() as folder:
            command(arguments.photo, Path(folder))


if __name__ == "__main__":
    main()

"""How fast deblurring is, what it takes, and how much it sharpens.

    python benchmarks/deblurring.py [--megapixels 1 12] [--models ifan-lite deblur-hybrid] [--rounds 3]
    python benchmarks/deblurring.py --weights net.safetensors [--ray-traced tests/data/raytrace] [--real PAIRS]
        [--views 8]

Time and memory: a photo in tiles as `cocnet deblur` does it, untrained, in a process of its own (best of the rounds;
GB that it grows by). Weights: dB over the blurred picture, each pair and the mean; ray-traced pairs as 8-bit files.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from clock import peak_gb

from cocnet.imaging import Photo


def one(model: str, megapixels: float, rounds: int, bfloat16: bool) -> dict[str, float]:
    """Seconds, CPU seconds and GB of one network on a photo of 4:3."""
    from cocnet.networks import create_model
    from cocnet.pipeline.deblur_options import DeblurOptions
    from cocnet.pipeline.deblur_photo import deblur_with

    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    pixels = np.random.default_rng(0).integers(0, 256, (height, height * 4 // 3, 3)).astype(np.uint8)
    network, options = create_model(model).eval(), DeblurOptions(model, bfloat16=bfloat16)
    deblur_with(network, Photo(pixels[:64, :64]), options)
    before, taken = peak_gb(), []
    for _ in range(rounds):
        wall, processor = time.perf_counter(), time.process_time()
        deblur_with(network, Photo(pixels), options)
        taken.append((time.perf_counter() - wall, time.process_time() - processor))
    seconds, processor = min(taken)
    return {
        "seconds": seconds,
        "processor_seconds": processor,
        "grown_gb": peak_gb() - before,
        "peak_gb": peak_gb(),
    }


def costs(models: list[str], megapixels: list[float], rounds: int, kinds: list[str]) -> None:
    """Print a line a network, size and type."""
    print(f"{'':<15} {'megapixels':>10} {'type':>9} {'s':>7} {'CPU s':>7} {'grown GB':>9} {'peak GB':>8}")
    for model in models:
        for size in megapixels:
            for kind in kinds:
                again = [sys.executable, __file__, "--one", model, str(size), str(rounds), kind]
                done = subprocess.run(again, capture_output=True, text=True, check=True)
                found = json.loads(done.stdout)
                print(
                    f"{model:<15} {size:>10g} {kind:>9} {found['seconds']:7.2f} {found['processor_seconds']:7.2f} "
                    f"{found['grown_gb']:9.2f} {found['peak_gb']:8.2f}",
                    flush=True,
                )


def gains(weights: Path, ray_traced: Path | None, real: Path | None, views: int) -> None:
    """Print what trained weights win over the blurred pictures."""
    from cocnet.datasets.pairs.deblur_pairs import open_deblur_pairs
    from cocnet.datasets.pairs.raytraced import ray_traced as scenes_of
    from cocnet.datasets.synthetic.deblur_scenes import deblur_pair
    from cocnet.datasets.synthetic.sensor_noise import CameraSettings
    from cocnet.metrics.deblurring import measure_deblurring
    from cocnet.networks import load_model
    from cocnet.networks.layers.self_ensemble import SelfEnsemble

    sets: dict[str, Any] = {}
    clean = CameraSettings(noisy=0, compressed=0)
    if ray_traced is not None:
        scenes = scenes_of(ray_traced)
        made = [deblur_pair(scenes[i], np.random.default_rng(0), clean) for i in range(len(scenes))]
        sets["ray-traced"] = [p._replace(name=n) for p, n in zip(made, scenes.names, strict=True)]
    if real is not None:
        sets["real"] = open_deblur_pairs(real, bits=8)
    network = SelfEnsemble(load_model(weights), views)
    for label, pairs in sets.items():
        before = measure_deblurring(None, pairs, ("psnr", "ssim"))
        after = measure_deblurring(network, pairs, ("psnr", "ssim"))
        for name, scores in after.scores.items():
            was = before.scores[name]["psnr"]
            print(f"{label} {name}: {was:.2f} {scores['psnr'] - was:+.2f} dB")
        print(
            f"{label}: {before.means['psnr']:.3f} {after.means['psnr'] - before.means['psnr']:+.3f} dB, "
            f"SSIM {before.means['ssim']:.4f} {after.means['ssim'] - before.means['ssim']:+.4f}"
        )


def main() -> None:
    """Parse and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["ifan-lite", "deblur-hybrid"])
    parser.add_argument("--megapixels", nargs="+", type=float, default=[1.0, 12.0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--types", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--views", type=int, choices=(1, 2, 4, 8), default=1)
    parser.add_argument("--ray-traced", type=Path)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        model, size, rounds, kind = given.one
        print(json.dumps(one(model, float(size), int(rounds), kind == "bfloat16")))
    elif given.weights:
        gains(given.weights, given.ray_traced, given.real, given.views)
    else:
        costs(given.models, given.megapixels, given.rounds, given.types)


if __name__ == "__main__":
    main()

"""What restoring lights is worth: python benchmarks/lights.py [--scenes FOLDER] [--photos FOLDER ...]

Scenes (tools/raytrace, those with lights), clipped to 8 bit: sRGB PSNR in dB against the ray-traced bokeh picture,
with all their light, as clipped, and with `auto` highlights; and the mean light of the last two over the true one.
Photos: for each in which `auto` finds a light, how many, the dB between `auto` and off at a uniform blur of 1 % of
the longer side, and the mean light over the photo's. A photo without lights is the same with both.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cocnet import PhysicalRenderer, ThinLens, read_photo
from cocnet.datasets import ray_traced
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.rendering.lights import find_lights, restore_lights

ROOT = Path(__file__).parents[1]


def psnr(one: Tensor, two: Tensor) -> float:
    """sRGB PSNR in dB."""
    error = (linear_to_srgb(one.clamp(0, 1)) - linear_to_srgb(two.clamp(0, 1))).square().mean()
    return float(-10 * error.log10())


def mean(light: Tensor) -> float:
    return float(light.clamp(0, 1).mean())


def scenes(folder: Path) -> None:
    """Print each scene with lights, and the means."""
    rows = []
    print(
        f"{'scene':>12} {'all light':>10} {'clipped':>8} {'auto':>8} {'gain':>6}   mean light: clipped, auto"
    )
    found = ray_traced(folder)
    for scene in (found[i] for i in range(len(found))):
        if scene.image.amin(0).max() < 2:
            continue
        sharp, bokeh, depth = scene.image[None], scene.bokeh[None], scene.depth_m[None]
        photo = srgb_to_linear((linear_to_srgb(sharp.clamp(0, 1)) * 255).round() / 255)
        made = [PhysicalRenderer(scene.lens)(x, depth) for x in (sharp, photo, restore_lights(photo))]
        scores = [psnr(x, bokeh) for x in made]
        rows.append([*scores, scores[2] - scores[1], *(mean(x) / mean(bokeh) for x in made[1:])])
        print(_row(scene.name[-10:], rows[-1]), flush=True)
    if rows:
        print(_row(f"mean of {len(rows)}", np.mean(rows, 0).tolist()))


def _row(name: str, s: list[float]) -> str:
    return f"{name:>12} {s[0]:10.2f} {s[1]:8.2f} {s[2]:8.2f} {s[3]:6.2f}   {s[4]:.3f} {s[5]:.3f}"


def photos(folder: Path) -> None:
    """Print each photo with lights, and how many have none."""
    plain = 0
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png")):
        photo = read_photo(path)
        lights = find_lights(photo.linear, photo.height, photo.width)
        if not lights.any:
            plain += 1
            continue
        light = photo.linear()
        longer = max(photo.width, photo.height)
        lens = ThinLens(0.05, 2.0, 1.0, 0.036)
        away = -0.01 * longer * lens.sensor_width_m / photo.width / lens.gain_m2
        depth = torch.full((1, 1, photo.height, photo.width), float(1 / lens.focus_distance_m + away))
        off, auto = (
            PhysicalRenderer(lens).from_inverse_depth(x[None], depth) for x in (light, lights.restore(light))
        )
        print(
            f"{path.name}: {len(lights.gains) - 1} lights, {psnr(auto, off):.1f} dB between auto and off, "
            f"mean light {mean(off) / mean(light[None]):.3f} off, {mean(auto) / mean(light[None]):.3f} auto",
            flush=True,
        )
    print(f"{folder.name}: {plain} photos without lights")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=Path, default=ROOT / "tests" / "data" / "raytrace")
    parser.add_argument("--photos", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    with torch.inference_mode():
        scenes(args.scenes)
        for folder in args.photos:
            photos(folder)


if __name__ == "__main__":
    main()

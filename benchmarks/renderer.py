"""How good and how fast the renderer is, beside plain layers in the same run.

    python benchmarks/renderer.py [--scenes FOLDER] [--only quality speed large alone] [--photo FILE]

Quality: ray-traced scenes (`tools/raytrace`), sRGB PSNR in dB on the whole picture and within 12 px of a depth edge
(a jump of 1 px or more in blur radius between neighbours). Speed: one megapixel, seconds and ratios, median of runs
that take turns. Large: `cocnet render` on 24 megapixels, seconds and peak memory of the process. Alone: the same
on 12 megapixels without depth.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from clock import timed
from plain_layers import plain_layers
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from cocnet import PhysicalRenderer, ThinLens, write_photo
from cocnet.datasets import ray_traced
from cocnet.imaging import linear_to_srgb

ROOT = Path(__file__).parents[1]
SIDE = 1024
EDGE_PX, JUMP_PX = 12, 1.0
LARGE_RADIUS_PX = 96
WIDE, LONG = ThinLens(0.05, 2.0, 2.0, 0.036), ThinLens(0.085, 2.0, 2.0, 0.036)


def near_edges(x: Tensor) -> np.ndarray:
    """The pixels within EDGE_PX of a jump of the blur radius x (px)."""
    torn = np.zeros(x.shape[-2:], bool)
    radius = x[0, 0].numpy()
    torn[1:] |= np.abs(np.diff(radius, axis=0)) > JUMP_PX
    torn[:, 1:] |= np.abs(np.diff(radius, axis=1)) > JUMP_PX
    return distance_transform_edt(~torn) <= EDGE_PX if torn.any() else torn


def psnr(one: Tensor, two: Tensor, where: np.ndarray | None = None) -> float:
    """sRGB PSNR in dB."""
    error = (linear_to_srgb(one.clamp(0, 1)) - linear_to_srgb(two.clamp(0, 1))).square()[0].numpy()
    return float(-10 * np.log10(error.mean() if where is None else error[:, where].mean()))


def quality(folder: Path) -> None:
    """Print each scene and the means."""
    rows = []
    print(f"quality on {folder.name}: sRGB PSNR in dB, whole / within {EDGE_PX} px of depth edges")
    print(f"{'scene':>12} {'untouched':>15} {'plain layers':>15} {'cocnet':>15} {'gain':>13}")
    scenes = ray_traced(folder)
    for scene in (scenes[index] for index in range(len(scenes))):
        sharp, bokeh, lens = scene.image[None], scene.bokeh[None], scene.lens
        inverse = 1 / scene.depth_m[None]
        edges = near_edges(lens.coc_radius_px(inverse, sharp.shape[-1]))
        with torch.inference_mode():
            pictures = (
                sharp,
                plain_layers(sharp, inverse, lens),
                PhysicalRenderer(lens).from_inverse_depth(sharp, inverse),
            )
        rows.append([score for p in pictures for score in (psnr(p, bokeh), psnr(p, bokeh, edges))])
        print(_row(scene.name[-8:], rows[-1]))
    print(_row(f"mean of {len(rows)}", np.nanmean(rows, 0).tolist()))


def _row(name: str, s: list[float]) -> str:
    pairs = (s[0:2], s[2:4], s[4:6], [s[4] - s[2], s[5] - s[3]])
    return f"{name:>12} " + " ".join(f"{a:7.2f} {b:7.2f}" for a, b in pairs)


def scene(
    height: int, width: int, radius_px: float, lens: ThinLens = WIDE
) -> tuple[Tensor, Tensor, ThinLens]:
    """Textured slanted ground with thirty discs before and behind the focus; the blur radius reaches radius_px."""
    made = torch.Generator().manual_seed(11)
    noise = torch.rand(1, 3, height // 16, width // 16, generator=made)
    image = torch.nn.functional.interpolate(noise, size=(height, width), mode="bicubic").clamp(0, 1)
    x = torch.linspace(1.0, -0.3, height)[:, None].expand(1, 1, height, width).clone()
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    for _ in range(30):
        v, u, size, depth = torch.rand(4, generator=made).tolist()
        inside = (rows - v * height) ** 2 + (columns - u * width) ** 2 < ((0.02 + 0.1 * size) * height) ** 2
        depth = 1 - 2 * depth
        image[..., inside] = image[..., inside] * 0.5 + 0.5 * torch.rand(3, 1, generator=made)
        x[..., inside] = torch.minimum(x[..., inside], torch.tensor(depth))
    inverse = 1 / lens.focus_distance_m - x * radius_px * lens.sensor_width_m / width / lens.gain_m2
    return image, inverse, lens


def speed(rounds: int) -> None:
    """Print seconds and ratios at one megapixel."""
    image, inverse, lens = scene(SIDE, SIDE, 32)

    def forward(radius: float, **options: object) -> Callable[[], Tensor]:
        picture, depth, thin = scene(SIDE, SIDE, radius)
        renderer = PhysicalRenderer(thin, **options)  # type: ignore[arg-type]
        return torch.inference_mode()(lambda: renderer.from_inverse_depth(picture, depth))

    print(f"speed at {SIDE}² px, {torch.get_num_threads()} threads, median of {rounds}")
    jobs = {
        "plain layers, 32 px": torch.inference_mode()(lambda: plain_layers(image, inverse, lens)),
        "cocnet, 32 px": forward(32),
        "cocnet, 16 px": forward(16),
        "cocnet, 64 px": forward(64),
        "cocnet, 32 px, sharp lights": forward(32, sharp_lights=True),
        "preview, 32 px": forward(32, preview=True),
    }
    found = timed(jobs, rounds) | backward(image, inverse, lens, rounds)
    for name, seconds in found.items():
        print(f"{name:>32} {seconds:7.3f} s")
    print(f"{'times plain layers':>32} {found['plain layers, 32 px'] / found['cocnet, 32 px']:7.2f}")
    print(f"{'64 px over 16 px':>32} {found['cocnet, 64 px'] / found['cocnet, 16 px']:7.2f}")
    print(f"{'backward over forward':>32} {found['backward'] / found['forward with graph']:7.2f}")


def backward(image: Tensor, inverse: Tensor, lens: ThinLens, rounds: int) -> dict[str, float]:
    """Median seconds of the forward pass that keeps a graph, and of the backward pass to image and depth."""
    renderer = PhysicalRenderer(lens)
    inputs = [image.clone().requires_grad_(), inverse.clone().requires_grad_()]
    taken = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        loss = renderer.from_inverse_depth(inputs[0], inputs[1]).square().mean()
        middle = time.perf_counter()
        torch.autograd.grad(loss, inputs)
        taken.append((middle - begun, time.perf_counter() - middle))
    forward, back = (statistics.median(values) for values in zip(*taken[1:], strict=True))
    return {"forward with graph": forward, "backward": back}


def large() -> None:
    """24 megapixels with depth, JPEG in, JPEG out."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, "--make-large", folder], check=True)
        depth = [f"--depth={Path(folder) / 'depth.npy'}", "--depth-kind=disparity"]
        lens = ["--focal-length-mm=85", "--sensor-width-mm=36", "--f-number=2", "--focus-m=2"]
        command(f"24 megapixels, {LARGE_RADIUS_PX} px", Path(folder) / "photo.jpg", *depth, *lens)


def alone(photo: Path | None) -> None:
    """A photo of 12 megapixels by itself: depth estimated and refined; beside plain layers on one megapixel."""
    with tempfile.TemporaryDirectory() as folder:
        if photo is None:
            subprocess.run([sys.executable, __file__, "--make-large", folder], check=True)
        chosen = photo or Path(folder) / "twelve.jpg"
        seconds = command(f"{chosen.name}, no depth, defaults", chosen, "--estimator=builtin")
    image, inverse, lens = scene(SIDE, SIDE, 32)
    plain = timed({"plain": torch.inference_mode()(lambda: plain_layers(image, inverse, lens))}, 1)["plain"]
    print(f"{seconds / plain:.1f} times the {plain:.2f} s of plain layers on one megapixel")


def command(what: str, photo: Path, *options: str) -> float:
    """Run `cocnet render`, print its seconds and the most memory of its process; returns seconds."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        parts = [sys.executable, "-m", "cocnet", "render", str(photo), *options, f"--out={folder}/bokeh.jpg"]
        process = subprocess.Popen(parts, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("the command failed")
    seconds, processor = time.perf_counter() - begun, usage.ru_utime + usage.ru_stime
    print(
        f"{what}, the whole command: {seconds:.1f} s, {processor:.1f} s of processors, "
        f"peak {usage.ru_maxrss * 1024 / 1e9:.2f} GB"
    )
    return seconds


def make_large(folder: Path) -> None:
    """A photo of 24 megapixels with its inverse depth, as the long lens sees it, and one of 12 megapixels."""
    image, inverse, _ = scene(4000, 6000, LARGE_RADIUS_PX, LONG)
    write_photo(folder / "photo.jpg", (image[0].permute(1, 2, 0) * 255).byte().numpy())
    np.save(folder / "depth.npy", inverse[0, 0].numpy())
    half = image[0, :, :3024, :4032].permute(1, 2, 0)
    write_photo(folder / "twelve.jpg", (half * 255).byte().numpy())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=Path, default=ROOT / "tests" / "data" / "raytrace")
    parser.add_argument("--only", nargs="+", default=["quality", "speed", "large", "alone"])
    parser.add_argument("--photo", type=Path, help="for alone, in place of a drawn one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--make-large", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.make_large:
        make_large(args.make_large)
        return
    if "quality" in args.only:
        quality(args.scenes)
    if "speed" in args.only:
        speed(args.rounds)
    for name, job in (("large", large), ("alone", lambda: alone(args.photo))):
        if args.only == [name]:
            job()
        elif name in args.only:  # the peak of a child starts at what its parent holds
            given = [f"--photo={args.photo}"] if args.photo else []
            subprocess.run([sys.executable, __file__, "--only", name, *given], check=True)


if __name__ == "__main__":
    main()

"""How steady a film's blur is, and how many frames a second it takes.

    python benchmarks/video.py [--frames 24] [--livingroom ../shared/data/livingroom] [--seconds-at-1080p 0.25]

Flicker: mean change from frame to frame of what is blurred by 1.5 px or more and behind the focus, over the film's
own change there (asked: less than 1.1). Jitter: mean change of the change of the blur's radius there, px, at 640 px
of width. On RGB-D frames of a moving camera (where the folder is there) and on a made clip (a still wall with a
sensor's noise, a moving ball), with true depth, with the built-in estimator, steadied and not. Then frames a second
of `cocnet video --preview` at 1920 x 1080 px.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from cocnet import RenderOptions, read_photo
from cocnet.apps.video.encode import PartWriter
from cocnet.apps.video.reel import Look
from cocnet.apps.video.run import run_video
from cocnet.apps.video.settings import VideoRun
from cocnet.imaging import DepthMap
from cocnet.pipeline.film import Film
from cocnet.pipeline.film_options import FilmOptions
from cocnet.pipeline.render_photo import render_plan

RATE = 24
LEAST_RADIUS_PX = 1.5
Pixels = np.ndarray


@dataclass(frozen=True, eq=False)
class Scene:
    """Frames with their true depth, metres, and what is in focus."""

    name: str
    frames: Sequence[Pixels]
    depths_m: Sequence[Pixels]
    focus_m: float
    f_number: float


def livingroom(folder: Path, count: int) -> Scene:
    """Rendered RGB-D frames; depth is in millimetres."""
    names = sorted(path.stem for path in (folder / "depth").glob("*.png"))[:count]
    photo = next(path for path in sorted(folder.iterdir()) if path.is_dir() and path.name != "depth")
    images = {path.stem: path for path in photo.iterdir()}
    frames = [read_photo(images[name]).pixels for name in names]
    depths = [
        read_photo(folder / "depth" / f"{name}.png").pixels[..., 0].astype(np.float32) / 1000
        for name in names
    ]
    return Scene("livingroom", frames, depths, 1.5, 0.7)


def made(count: int, height: int = 360, width: int = 640) -> Scene:
    """A still wall of blurred noise with a sensor's noise, and a ball that moves by 5 px a frame in front of it."""
    rng = np.random.default_rng(0)
    wall = sum(
        ndimage.zoom(rng.standard_normal((height // n + 2, width // n + 2, 3)), (n, n, 1), order=1)[
            :height, :width
        ]
        * n
        for n in (4, 12, 40)
    )
    wall = 128 + 45 * wall / wall.std()
    rows, columns = np.mgrid[0:height, 0:width]
    frames, depths = [], []
    for n in range(count):
        off = np.hypot(rows - 0.55 * height, columns - 0.3 * width - 5 * n) / (0.2 * height)
        ball = np.clip((1 - off) * 20, 0, 1)[..., None]
        shade = np.clip(220 - 110 * off, 0, 255)[..., None] * np.array([1.0, 0.75, 0.6])
        picture = wall * (1 - ball) + shade * ball + 2.5 * rng.standard_normal((height, width, 3))
        frames.append(picture.round().clip(0, 255).astype(np.uint8))
        depths.append(np.where(ball[..., 0] > 0.5, 1.5, 6.0).astype(np.float32))
    return Scene("made clip", frames, depths, 1.5, 0.7)


def rendered(
    scene: Scene, options: RenderOptions, estimated: bool, steady: bool
) -> tuple[np.ndarray, np.ndarray, float]:
    """Frames [n h w 3], their blur radius [n h w] in px (above 0: behind the focus), and CPU seconds a frame."""
    film = Film(FilmOptions(options, steady=steady))
    out, radii, begun = [], [], time.process_time()
    for n, pixels in enumerate(scene.frames):
        depth = None if estimated else DepthMap.of(scene.depths_m[n], "metric", "the scene")
        plan = film.plan(pixels, n / RATE, depth)
        out.append(render_plan(plan).pixels)
        radii.append(plan.lens.coc_radius_px(torch.from_numpy(plan.inverse_depth), pixels.shape[1]).numpy())
    return np.stack(out), np.stack(radii), (time.process_time() - begun) / len(out)


def change(frames: np.ndarray, where: np.ndarray, order: int = 1) -> float:
    """Mean absolute difference of an order from frame to frame, where it says so."""
    return float(np.abs(np.diff(frames.astype(np.float32), order, axis=0))[:, where].mean())


def flicker(scene: Scene, preview: bool) -> None:
    """Print a scene's figures."""
    frames = np.stack(scene.frames)
    width = frames.shape[2]
    print(f"{scene.name}, {len(frames)} frames")
    common: dict[str, Any] = {"estimator": "builtin", "preview": preview, "f_number": scene.f_number}
    for name, estimated, steady in (
        ("true depth", False, True),
        ("estimated", True, False),
        ("steadied", True, True),
    ):
        options = RenderOptions(**common) if estimated else RenderOptions(**common, focus_m=scene.focus_m)
        found, radii, seconds = rendered(scene, options, estimated, steady)
        where = (radii > LEAST_RADIUS_PX * width / 640).all(0)
        ratio = change(found, where) / change(frames, where)
        jitter = change(radii, where, 2) * 640 / width
        print(
            f"  {name:<11} flicker {ratio:.2f}, jitter {jitter:.3f} px on {where.mean():.0%} of the picture, "
            f"{seconds:.2f} s of CPU a frame",
            flush=True,
        )


def speed(seconds: float) -> None:
    """Print frames a second of the whole command at 1080p."""
    scene = made(max(2, round(seconds * RATE)), 1080, 1920)
    with tempfile.TemporaryDirectory() as name:
        clip = Path(name) / "clip.mkv"
        look = Look(1920, 1080, Fraction(RATE), Fraction(1, RATE))
        with PartWriter(clip, look, 10, "veryfast") as writer:
            for pixels in scene.frames:
                writer.add(pixels)
        used = time.process_time()
        options = RenderOptions(estimator="builtin", preview=True)
        report = run_video(clip, VideoRun(Path(name) / "out.mp4"), options)
        used = (time.process_time() - used) / report.made
    load = os.getloadavg()[0]
    print(
        f"1920 x 1080 px, preview: {report.fps:.2f} frames/s, {used:.2f} s of CPU a frame, {os.cpu_count()} cores, "
        f"load {load:.1f} (2 cores to itself: about {2 / used:.1f} frames/s at best)"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--livingroom", type=Path, default=Path("../shared/data/livingroom"))
    parser.add_argument("--seconds-at-1080p", type=float, default=0.25)
    parser.add_argument("--full", action="store_true", help="flicker at full quality, too")
    asked = parser.parse_args()
    scenes = [made(asked.frames)]
    if asked.livingroom.is_dir():
        scenes.append(livingroom(asked.livingroom, asked.frames))
    else:
        print(f"no livingroom: '{asked.livingroom}' isn't there")
    for preview in (True, False) if asked.full else (True,):
        print("preview" if preview else "full quality")
        for scene in scenes:
            flicker(scene, preview)
    if asked.seconds_at_1080p > 0:
        speed(asked.seconds_at_1080p)


if __name__ == "__main__":
    main()

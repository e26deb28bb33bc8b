"""Render random scenes with Cycles and write them as depth-of-field truth.

    python tools/raytrace/make.py --out DIR --seeds 0:24 --size 256 --samples 128

One `.npz` per scene: `all_in_focus` and `bokeh` float16 [h w 3] scene-linear, `depth_m` float32 [h w] planar
metres at pixel centres, `lens` a JSON text.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import bpy
import numpy as np
from exr import read_exr
from scenes import SENSOR_WIDTH_M, Scene, build_scene

SKY_M = 1e4


def start_scene(size: int, threads: int) -> None:
    """An empty file, set to Cycles with raw float output."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    render, cycles, image = scene.render, scene.cycles, scene.render.image_settings
    render.engine, cycles.device = "CYCLES", "CPU"
    render.threads_mode, render.threads = "FIXED", threads
    render.resolution_x = render.resolution_y = size
    render.resolution_percentage = 100
    cycles.use_adaptive_sampling = False
    cycles.max_bounces, cycles.use_light_tree = 2, False
    cycles.use_fast_gi, cycles.fast_gi_method, cycles.ao_bounces_render = True, "REPLACE", 1
    cycles.denoiser, cycles.denoising_input_passes = "OPENIMAGEDENOISE", "RGB_ALBEDO_NORMAL"
    scene.view_layers[0].use_pass_z = True
    image.media_type, image.file_format = "MULTI_LAYER_IMAGE", "OPEN_EXR_MULTILAYER"
    image.color_depth, image.exr_codec, image.use_exr_interleave = "32", "NONE", True


def shoot(
    samples: int, seed: int, blur: bool, centre: bool = False, denoise: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Render: scene-linear RGB [h w 3] and the Z pass [h w]; `centre` looks through pixel centres only."""
    scene = bpy.context.scene
    scene.camera.data.dof.use_dof = blur
    scene.cycles.samples, scene.cycles.seed = samples, seed
    scene.cycles.use_denoising = denoise and not centre
    scene.cycles.filter_width = 0.01 if centre else 1.5
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shot.exr"
        scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)
        passes = {name.split(".", 1)[1]: value for name, value in read_exr(path).items()}
    return np.stack([passes[f"Combined.{c}"] for c in "RGB"], -1), passes["Depth.Z"]


def psnr_srgb(one: np.ndarray, two: np.ndarray) -> float:
    """PSNR in dB of two scene-linear pictures after clipping to [0, 1] and sRGB encoding."""

    def encode(x: np.ndarray) -> np.ndarray:
        x = np.clip(x.astype(np.float64), 0, 1)
        return np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)

    return float(-10 * np.log10(np.mean((encode(one) - encode(two)) ** 2)))


def lens_text(scene: Scene, samples: tuple[int, int]) -> str:
    """The lens, the seed and the tags as JSON; `samples`: of the all-in-focus, of the bokeh picture."""
    return json.dumps(
        asdict(scene)
        | {"sensor_width_m": SENSOR_WIDTH_M, "samples": samples[1], "samples_all_in_focus": samples[0]}
    )


def write(path: Path, **arrays: np.ndarray) -> None:
    """Save under a temporary name, then rename, so that no half-written file bears the final name."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(file, **arrays)
    part.rename(path)


def make(path: Path, seed: int, size: int, samples: tuple[int, int], threads: int) -> str:
    """Render one scene into `path`; returns a line that describes it."""
    begun = time.time()
    start_scene(size, threads)
    scene = build_scene(seed)
    if "lights" in scene.tags:
        samples = samples[0], 2 * samples[1]
    depth = np.minimum(shoot(1, seed, blur=False, centre=True)[1], SKY_M)
    scene.open_aperture(float(depth.min()), float(depth.max()))
    sharp, _ = shoot(samples[0], seed, blur=False)
    bokeh, _ = shoot(samples[1], seed + 1, blur=True)
    write(
        path,
        all_in_focus=np.clip(sharp, 0, 65504).astype(np.float16),
        depth_m=depth.astype(np.float32),
        bokeh=np.clip(bokeh, 0, 65504).astype(np.float16),
        lens=np.array(lens_text(scene, samples)),
    )
    radius = size * np.array([scene.coc_radius(depth.min()), scene.coc_radius(depth.max())])
    return (
        f"psnr {psnr_srgb(sharp, bokeh):5.2f} dB  near {radius[0]:4.1f} px  far {radius[1]:4.1f} px  "
        f"f/{scene.f_number:.2f}  P {scene.focus_distance_m:.2f} m  blades {scene.blades}  "
        f"{time.time() - begun:.0f} s  {', '.join(scene.tags)}"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the .npz files")
    parser.add_argument("--seeds", default="0:24", help="first:end, end excluded")
    parser.add_argument("--size", type=int, default=256, help="width and height in pixels")
    parser.add_argument("--samples", type=int, default=128, help="samples of the all-in-focus picture")
    parser.add_argument("--bokeh-samples", type=int, help="of the bokeh picture; doubled if it has lights")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    samples = (args.samples, args.bokeh_samples or args.samples)
    args.out.mkdir(parents=True, exist_ok=True)
    first, end = map(int, args.seeds.split(":"))
    for seed in range(first, end):
        path = args.out / f"scene_{seed:04d}.npz"
        line = "exists" if path.exists() else make(path, seed, args.size, samples, args.threads)
        print(f"[{seed - first + 1}/{end - first}] {path.name}  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

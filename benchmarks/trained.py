"""How trained networks do on synthetic scenes that they weren't trained on, beside their controls.

    python benchmarks/trained.py --images photos --masks masks --model cocnet-b3-less-depth [--scenes 60]
        [--side 192] [--radius 8 8]
    python benchmarks/trained.py --ray-traced scenes --model cocnet-hybrid [--sheet sheet.png]

The scenes are those that `cocnet train` holds back: made of one photo in ten, which training never sees, seeds of
their own. Prints mean PSNR and SSIM (8 bit) of the untouched photo, of the best single blur for these scenes, of the
physical renderer with the true lens and unclipped light (not where no depth is seen: it makes part of that truth),
and of the network. On ray-traced scenes (networks that see a lens): PSNR on the whole picture, within 12 px of depth
edges, and elsewhere, and the least gain of any scene over the physical renderer.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from renderer import near_edges, psnr

from cocnet.datasets import ray_traced
from cocnet.datasets.pairs.sample import sample_of
from cocnet.evaluation.measure_pairs import evaluate
from cocnet.imaging import linear_to_srgb, srgb_to_linear, write_photo
from cocnet.networks import card_of
from cocnet.renderers import Identity, Physical, Renderer, best_constant_blur, open_renderer
from cocnet.training.runs.bokeh_data import data_of
from cocnet.training.runs.bokeh_settings import BokehRun

SHEET_ROWS = 4


class Scenes:
    """Held-out scenes as `evaluate` takes them."""

    def __init__(self, source: Any, about: str) -> None:
        self.source, self.about = source, about

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Any:
        return self.source[index]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path)
    parser.add_argument("--masks", type=Path)
    parser.add_argument("--ray-traced", type=Path, help="a folder of scenes (.npz) that it wasn't trained on")
    parser.add_argument("--sheet", type=Path, help="a picture (.png) of some of them")
    parser.add_argument("--model", required=True, help="a name whose weights ship, or a file")
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--radius", type=float, nargs=2, default=(8.0, 8.0))
    chosen = parser.parse_args()
    if not chosen.ray_traced and not (chosen.images and chosen.masks):
        parser.error("give --images and --masks, or --ray-traced")
    renderer = open_renderer(chosen.model)
    if chosen.ray_traced:
        on_ray_traced(renderer, chosen.ray_traced, chosen.sheet)
    if chosen.images:
        on_scenes(renderer, chosen)


def on_ray_traced(renderer: Renderer, folder: Path, sheet: Path | None = None) -> None:
    """PSNR in dB of each, in three regions, and what it gains over the physical renderer. sheet: a picture
    of the first scenes: physical, ours, truth, eight times the error of both on grey."""
    renderers: dict[str, Renderer] = {
        "untouched": Identity(),
        "physical": Physical(),
        renderer.name: renderer,
    }
    found: dict[str, list[list[float]]] = {name: [] for name in renderers}
    strips: list[torch.Tensor] = []
    scenes = ray_traced(folder)
    for scene in (scenes[index] for index in range(len(scenes))):
        sample = sample_of(scene)
        edges = near_edges(scene.lens.coc_radius_px(1 / scene.depth_m[None], scene.image.shape[-1]))
        shown = []
        for name, one in renderers.items():
            with torch.inference_mode():
                shown.append(sample.rendered_by(one)[0].clamp(0, 1))
            ours, truth = srgb_to_linear(shown[-1])[None], scene.bokeh[None]
            found[name].append([psnr(ours, truth, where) for where in (None, edges, ~edges)])
        if len(strips) < SHEET_ROWS:
            true = linear_to_srgb(scene.bokeh.clamp(0, 1))
            errors = [(0.5 + 8 * (one - true)).clamp(0, 1) for one in shown[1:]]
            strips.append(torch.cat([*shown[1:], true, *errors], 2))
    print(f"{len(found['physical'])} ray-traced scenes: PSNR, dB: whole, near depth edges, elsewhere")
    for name, rows in found.items():
        print(f"{name:<24}" + "".join(f"{mean:8.2f}" for mean in torch.tensor(rows).nanmean(0).tolist()))
    gains = torch.tensor(found[renderer.name]) - torch.tensor(found["physical"])
    least = torch.where(gains.isnan(), torch.inf, gains).amin(0)
    print("gain over physical      " + "".join(f"{mean:+8.2f}" for mean in gains.nanmean(0).tolist()))
    print("least gain of a scene   " + "".join(f"{one:+8.2f}" for one in least.tolist()))
    print(
        f"scenes that gain near edges: {int((gains[:, 1] > 0).sum())}, by 1 dB: {int((gains[:, 1] >= 1).sum())}"
    )
    if sheet is not None:
        write_photo(sheet, (torch.cat(strips, 1).permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())


def on_scenes(renderer: Renderer, chosen: argparse.Namespace) -> None:
    """PSNR and SSIM on held-out scenes, beside the controls."""
    run = BokehRun(
        Path(),
        renderer.name,
        images=chosen.images,
        masks=chosen.masks,
        side_px=chosen.side,
        radius_px=tuple(chosen.radius),
        held_out=chosen.scenes,
    )
    data = data_of(run, card_of(run.model), seed=1000)
    scenes = Scenes(data.held_out.source, data.about)
    samples = (sample_of(scenes[i]) for i in range(len(scenes)))
    blur = best_constant_blur((sample.light, sample.bokeh) for sample in samples)
    renderers: dict[str, Renderer] = {"untouched": Identity(), "one blur": blur}
    if renderer.reads:
        renderers["physical"] = Physical()
    renderers[run.model] = renderer
    print(f"{len(scenes)} held-out scenes: {data.about}")
    for name, one in renderers.items():
        with torch.inference_mode():
            found = evaluate(one, scenes, ("psnr", "ssim"), what=name)
        print(f"{name:<24}{found.means['psnr']:7.2f} dB   SSIM {found.means['ssim']:.4f}")


if __name__ == "__main__":
    main()

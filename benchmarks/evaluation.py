"""What measuring costs beside the network: python benchmarks/evaluation.py [--model cocnet-b3-less] [--pairs 12]

Evaluates a network on JPEG pairs of 1024², made up and written to a temporary folder, with PSNR and SSIM. Prints
twice the seconds of a picture in all, those of the network alone, and by how much the former are more.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from cocnet import write_photo
from cocnet.datasets import ImageBokehFolder
from cocnet.evaluation.measure_pairs import evaluate
from cocnet.networks import load_model
from cocnet.renderers import NetworkRenderer

SIDE = 1024


def picture(seed: int) -> np.ndarray:
    """Something with edges and texture, uint8."""
    made = torch.Generator().manual_seed(seed)
    layers = [torch.rand(1, 3, side, side, generator=made) for side in (8, 64, 512)]
    parts = [functional.interpolate(layer, (SIDE, SIDE), mode="bicubic") for layer in layers]
    whole = (0.5 * parts[0] + 0.3 * parts[1] + 0.2 * parts[2]).clamp(0, 1)[0]
    return (255 * whole.permute(1, 2, 0)).round().to(torch.uint8).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="cocnet-b3-less")
    parser.add_argument("--pairs", type=int, default=12)
    chosen = parser.parse_args()
    network = load_model(Path(chosen.model) if Path(chosen.model).suffix else chosen.model)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(chosen.pairs):
            for name, quality in (("photo", 95), ("bokeh", 80)):
                (Path(folder) / name).mkdir(exist_ok=True)
                write_photo(Path(folder) / name / f"{number}.jpg", picture(number), quality=quality)
        pairs = ImageBokehFolder(Path(folder) / "photo", Path(folder) / "bokeh")
        for _ in range(2):
            found = evaluate(NetworkRenderer(network), pairs, ("psnr", "ssim"))
            each, own = found.seconds / len(pairs), found.render_seconds / len(pairs)
            print(
                f"{SIDE}², {chosen.model}: {each:.2f} s a picture, {own:.2f} s the network, {each / own - 1:+.1%}"
            )


if __name__ == "__main__":
    main()

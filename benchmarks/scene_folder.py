"""How fast synthetic scenes are made on one thread: python benchmarks/scene_folder.py PHOTOS MASKS [SIDE_PX]."""

import sys
import time

import torch

from cocnet import PhysicalRenderer
from cocnet.datasets.subject.cutouts import read_set
from cocnet.datasets.synthetic.scenes import Scenes, SceneSettings

SCENES = 40


def main() -> None:
    torch.set_num_threads(1)
    images, masks, *side = sys.argv[1:]
    for lens in ("random", "fixed"):
        settings = SceneSettings(side_px=int(side[0]) if side else 256, lens=lens)
        scenes = Scenes(read_set(images, masks), settings)
        start = time.perf_counter()
        made = [scenes[index] for index in range(SCENES)]
        spent = time.perf_counter() - start
        print(f"{lens} lens, {settings.side_px} px: {SCENES / spent:.1f} scenes/s")
        start = time.perf_counter()
        for scene in made:
            PhysicalRenderer(scene.lens)(scene.image[None], scene.depth_m[None])
        print(f"  the physical renderer on them: {SCENES / (time.perf_counter() - start):.1f} pictures/s")


if __name__ == "__main__":
    main()

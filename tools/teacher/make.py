"""Subject masks by teachers (ISNet, U²-Net, as ONNX): photos → 8-bit PNG masks of the same size.

Enters: a folder of photos and either the unpacked npm package of README.md (ISNet) or ONNX files of U²-Nets, whose
masks are averaged. Leaves: DIR/NAME.png for every photo, masks that are already there are skipped. With --crops the
masks are of a random window of each photo, which is saved as well: asked about other views of the same photos, a
teacher makes new examples. An offline data tool: neither it nor the weights ship.
"""

import argparse
import json
import random
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

SIDE, U2NET_SIDE = 1024, 320
MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
SIDES = (0.5, 0.95)  # of a window, as a part of the photo's
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def load(package: Path, size: str, threads: int) -> onnxruntime.InferenceSession:
    """Join the model's chunks, as `dist/resources.json` lists them, and open it."""
    listed = json.loads((package / "dist" / "resources.json").read_text())[f"/models/{size}"]
    model = b"".join((package / "dist" / chunk["hash"]).read_bytes() for chunk in listed["chunks"])
    if len(model) != listed["size"]:
        raise SystemExit(
            f"expected {listed['size']} bytes, got {len(model)}, try unpacking the package again"
        )
    return opened(model, threads)


def opened(model: bytes | Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def isnet(session: onnxruntime.InferenceSession, photo: Image.Image) -> np.ndarray:
    """(x − 128)/256 at 1024² in, the mask in 0..1 out."""
    small = photo.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = (np.asarray(small, np.float32).transpose(2, 0, 1)[None] - 128) / 256
    return run(session, pixels).clip(0, 1)


def u2net(session: onnxruntime.InferenceSession, photo: Image.Image) -> np.ndarray:
    """Divided by the maximum and normed as ImageNet at 320² in, the mask stretched to 0..1 out."""
    small = np.asarray(photo.resize((U2NET_SIDE, U2NET_SIDE), Image.Resampling.LANCZOS), np.float32)
    pixels = ((small / max(small.max(), 1)) - MEAN) / STD
    found = run(session, pixels.transpose(2, 0, 1)[None])
    return (found - found.min()) / max(np.ptp(found), 1e-6)


def run(session: onnxruntime.InferenceSession, pixels: np.ndarray) -> np.ndarray:
    """The first output, as a plane."""
    return session.run(None, {session.get_inputs()[0].name: pixels})[0].squeeze()


def window(photo: Image.Image, name: str, seed: int) -> Image.Image:
    """A random part of the photo, of its shape, mirrored or not; the same for the same name and seed."""
    draw = random.Random(f"{name}{seed}")
    share, across, down, mirrored = draw.uniform(*SIDES), draw.random(), draw.random(), draw.random() < 0.5
    width, height = (max(1, round(share * length)) for length in photo.size)
    left, top = round(across * (photo.width - width)), round(down * (photo.height - height))
    part = photo.crop((left, top, left + width, top + height))
    return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    teacher = parser.add_mutually_exclusive_group(required=True)
    teacher.add_argument("--package", type=Path, help="the unpacked npm package (ISNet)")
    teacher.add_argument("--u2net", type=Path, nargs="+", help="ONNX files of U²-Nets; their mean is taken")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--crops", type=Path, help="folder for a random window of each photo, of which the masks are"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the windows; each seed needs folders of its own"
    )
    parser.add_argument("--size", default="medium", choices=("small", "medium"))
    parser.add_argument("--limit", type=int, help="only the first so many by name")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    threads = arguments.threads
    if arguments.package:
        teachers = [(isnet, load(arguments.package, arguments.size, threads))]
    else:
        teachers = [(u2net, opened(path, threads)) for path in arguments.u2net]
    for folder in filter(None, (arguments.out, arguments.crops)):
        folder.mkdir(parents=True, exist_ok=True)
    photos = sorted(p for p in arguments.images.iterdir() if p.suffix.lower() in SUFFIXES)
    for number, path in enumerate(photos[: arguments.limit], 1):
        target = arguments.out / f"{path.stem}.png"
        if not target.exists() or (arguments.crops and not (arguments.crops / f"{path.stem}.jpg").exists()):
            photo = Image.open(path).convert("RGB")
            if arguments.crops:
                photo = window(photo, path.stem, arguments.seed)
                photo.save(arguments.crops / f"{path.stem}.jpg", quality=95)
            mask = np.mean([look(session, photo) for look, session in teachers], axis=0)
            plane = Image.fromarray(np.rint(mask * 255).astype(np.uint8))
            plane.resize(photo.size, Image.Resampling.BILINEAR).save(target)
        print(f"{number}: {target}", flush=True)


if __name__ == "__main__":
    main()

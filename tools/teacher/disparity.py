"""Relative disparity by a teacher (TCMonoDepth's small network as ONNX): photos → 16-bit PNG, bigger is nearer.

Enters: a folder of photos and the ONNX file, input [1 3 192 320] in RGB 0–255. Leaves: DIR/NAME.png for every photo:
the photo at three sizes and mirrored, each brought to the scale and shift of the first; the network's own size counts
most, and what disagrees at a place weighs less there. Maps that are already there are skipped. An offline data tool:
neither it nor the network ships.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from PIL import Image

HEIGHT, WIDTH = 192, 320
SIZES = {(192, 320): 1.0, (256, 256): 0.3, (320, 320): 0.1}
"""Heights and widths of the views, and their weights."""
OUT = 320
DISAGREE = 0.1
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def at_size(path: Path, height: int, width: int, threads: int) -> onnxruntime.InferenceSession:
    """The network for another size: what its channel shuffles and resizings know of the first is scaled."""
    model = onnx.load(path)
    del model.graph.value_info[:]
    values = list(model.graph.initializer)
    values += [
        a.t for n in model.graph.node if n.op_type == "Constant" for a in n.attribute if a.name == "value"
    ]
    for tensor in values:
        shape = numpy_helper.to_array(tensor)
        if shape.dtype == np.int64 and shape.ndim == 1 and len(shape) > 1:
            scaled = _scaled(shape.copy(), height, width)
            tensor.CopyFrom(numpy_helper.from_array(scaled, tensor.name))
    for plane in (model.graph.input[0], model.graph.output[0]):
        plane.type.tensor_type.shape.dim[2].dim_value = height
        plane.type.tensor_type.shape.dim[3].dim_value = width
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def _scaled(shape: np.ndarray, height: int, width: int) -> np.ndarray:
    """The last two entries where they are a size of the network's, the last one where it is an area."""
    for k in (1, 2, 4, 8, 16, 32):
        if tuple(shape[-2:]) == (HEIGHT // k, WIDTH // k):
            shape[-2:] = height // k, width // k
            return shape
        if len(shape) > 2 and shape[-1] == HEIGHT * WIDTH // k**2:
            shape[-1] = height * width // k**2
            return shape
    return shape


def run(session: onnxruntime.InferenceSession, photo: Image.Image, mirrored: bool) -> np.ndarray:
    """[OUT OUT] disparity of one view."""
    height, width = session.get_inputs()[0].shape[2:]
    pixels = np.asarray(photo.resize((width, height), Image.Resampling.BILINEAR), np.float32)
    pixels = pixels[:, ::-1] if mirrored else pixels
    given = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
    found = session.run(None, {session.get_inputs()[0].name: given})[0][0, 0]
    found = np.ascontiguousarray(found[:, ::-1] if mirrored else found)
    return np.asarray(Image.fromarray(found).resize((OUT, OUT), Image.Resampling.BILINEAR), np.float64)


def aligned(plane: np.ndarray, to: np.ndarray) -> np.ndarray:
    """s·plane + t nearest to another, by three rounds of reweighted least squares."""
    weight = np.ones_like(to)
    for _ in range(3):
        weight = weight / weight.sum()
        mean, goal = (weight * plane).sum(), (weight * to).sum()
        variance = (weight * (plane - mean) ** 2).sum()
        scale = max(0.0, (weight * (plane - mean) * (to - goal)).sum() / max(variance, 1e-12))
        moved = scale * (plane - mean) + goal
        off = np.abs(moved - to)
        weight = 1 / (1 + (off / (2 * np.median(off) + 1e-6)) ** 2)
    return moved


def disparity_of(sessions: list[onnxruntime.InferenceSession], photo: Image.Image) -> np.ndarray:
    """The weighted mean of all views, each weighted down where it is far from their median."""
    found = [run(session, photo, mirrored) for session in sessions for mirrored in (False, True)]
    planes = np.stack([found[0]] + [aligned(plane, found[0]) for plane in found[1:]])
    low, high = np.percentile(found[0], (1, 99))
    weight = 1 / (1 + ((planes - np.median(planes, 0)) / (DISAGREE * max(high - low, 1e-6))) ** 2)
    weight *= np.repeat(list(SIZES.values()), 2)[:, None, None]
    return (weight * planes).sum(0) / weight.sum(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", type=Path, required=True, help="the ONNX file")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    sessions = [at_size(arguments.network, *size, arguments.threads) for size in SIZES]
    arguments.out.mkdir(parents=True, exist_ok=True)
    photos = sorted(p for p in arguments.images.iterdir() if p.suffix.lower() in SUFFIXES)
    for number, path in enumerate(photos, 1):
        target = arguments.out / f"{path.stem}.png"
        if not target.exists():
            photo = Image.open(path).convert("RGB")
            found = disparity_of(sessions, photo)
            share = (found - found.min()) / max(np.ptp(found), 1e-9)
            whole = Image.fromarray(share.astype(np.float32)).resize(photo.size, Image.Resampling.BILINEAR)
            Image.fromarray((np.asarray(whole) * 65535).round().astype(np.uint16)).save(target)
        print(f"{number}: {target}", flush=True)


if __name__ == "__main__":
    main()

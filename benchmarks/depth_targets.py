"""The built-in network against its teachers and exact depth, on photos that it wasn't trained on.

  python benchmarks/depth_targets.py --photos DIR --teacher NET.onnx --masks DIR [--rgbd DIR]

Enters: photos; a teacher of relative disparity as ONNX (RGB 0–255 in, bigger is nearer out); masks NAME.png; RGB-D
frames (image/NAME.jpg, depth/NAME.png in mm). Leaves on stdout: δ < 1.25 after scale and shift, order of pairs of a
point of the subject and one of the background, IoU of masks, the same δ to exact depth for teacher and network, time.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from jaxtyping import Float, UInt8
from torch.nn import functional

from cocnet.depth import coarse_mask, estimate_depth
from cocnet.depth.network_view import WEIGHTS, load_network, look_at
from cocnet.imaging import read_photo
from cocnet.metrics.depth import delta_share
from cocnet.networks.architectures.depth_subject_net import count_parameters

Plane = Float[np.ndarray, "h w"]
Rgb = UInt8[np.ndarray, "h w 3"]
PAIRS, CLEAR = 4000, 0.1
SUFFIXES = (".jpg", ".jpeg", ".png")


class Teacher:
    """A network of relative disparity as ONNX."""

    def __init__(self, path: Path) -> None:
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.given = self.session.get_inputs()[0]

    def __call__(self, rgb: Rgb) -> Plane:
        planes = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float()
        small = functional.interpolate(planes, self.given.shape[2:], mode="bilinear", antialias=True)
        found = self.session.run(None, {self.given.name: small.numpy()})[0][0, 0]
        return resized(found, rgb.shape[:2])


def resized(plane: Plane, size: tuple[int, int]) -> Plane:
    whole = torch.from_numpy(np.ascontiguousarray(plane, np.float32))[None, None]
    return functional.interpolate(whole, size, mode="bilinear", align_corners=False)[0, 0].numpy()


def ordered(disparity: Plane, teacher: Plane, mask: Plane) -> tuple[float, float] | None:
    """Of random pairs, one point in the subject and one outside: in which share the order is right.

    First: of pairs that the teacher sees apart by a tenth of its range, as it orders them. Second: of pairs whose
    background isn't below the subject's middle (there may be ground in front), the subject nearer.
    """
    inside, outside = (np.argwhere(where) for where in (mask > 0.9, mask < 0.1))
    if not 0.03 <= (mask > 0.5).mean() <= 0.8 or len(inside) < 50 or len(outside) < 50:
        return None
    draw = np.random.default_rng(0)
    one, other = (tuple(places[draw.integers(len(places), size=PAIRS)].T) for places in (inside, outside))
    nearer = disparity[one] > disparity[other]
    low, high = np.quantile(teacher, (0.01, 0.99))
    apart = (teacher[one] - teacher[other]) / max(high - low, 1e-9)
    clear, above = np.abs(apart) > CLEAR, other[0] <= np.median(inside[:, 0])
    if not clear.any() or not above.any():
        return None
    return float((nearer == (apart > 0))[clear].mean()), float(nearer[above].mean())


def against_teachers(photos: list[Path], teacher: Teacher, masks: Path) -> None:
    deltas, spread, orders, ious = [], [], [], []
    for path in photos:
        rgb = read_photo(path).pixels
        disparity, truth = estimate_depth(rgb, name="builtin").depth.values, teacher(rgb)
        deltas.append(delta_share(disparity, truth))
        mirrored = teacher(np.ascontiguousarray(rgb[:, ::-1]))[:, ::-1]
        spread.append(delta_share(mirrored, truth))
        file = masks / f"{path.stem}.png"
        if not file.is_file():
            continue
        true = read_photo(file).pixels[..., 0] / np.float32(255)
        ours = resized(coarse_mask(rgb), rgb.shape[:2]) > 0.5
        if 0.03 <= (true > 0.5).mean() <= 0.8:
            ious.append((ours & (true > 0.5)).sum() / max(1, (ours | (true > 0.5)).sum()))
        orders.append(ordered(disparity, truth, true))
    print(
        f"{len(photos)} photos: δ < 1.25 to the teacher {np.mean(deltas):.3f}; "
        f"the teacher's own mirrored view {np.mean(spread):.3f}"
    )
    pairs = np.array([pair for pair in orders if pair is not None])
    if len(pairs):
        print(
            f"  order of subject and background, {len(pairs)} photos: as the teacher's {pairs[:, 0].mean():.3f}, "
            f"subject before what isn't below it {pairs[:, 1].mean():.3f}"
        )
    if ious:
        print(
            f"  IoU with the masks, {len(ious)} photos: mean {np.mean(ious):.3f}, median {np.median(ious):.3f}"
        )


def against_truth(folder: Path, first: int, teacher: Teacher) -> None:
    scores = []
    for path in sorted((folder / "image").iterdir())[first:]:
        depth_m = read_photo(folder / "depth" / f"{path.stem}.png").pixels[..., 0] / 1e3
        rgb = read_photo(path).pixels
        known, truth = depth_m > 0.1, 1 / np.maximum(depth_m, 0.1)
        size = truth.shape
        maps = (resized(look_at(rgb).disparity, size), resized(teacher(rgb), size))
        scores.append([delta_share(plane, truth, known) for plane in maps])
    ours, theirs = np.mean(scores, axis=0)
    print(f"{len(scores)} RGB-D frames: δ < 1.25 to exact depth {ours:.3f}, the teacher {theirs:.3f}")


def size_and_time(photo: Rgb) -> None:
    network = load_network()
    times = []
    for shade in range(9):
        start = time.perf_counter()
        look_at(np.roll(photo, shade, 1))
        times.append(time.perf_counter() - start)
    print(
        f"{count_parameters(network) / 1e6:.2f} M parameters, {WEIGHTS.stat().st_size / 1e6:.2f} MB, "
        f"{1e3 * np.median(times):.0f} ms a photo (best {1e3 * min(times):.0f}), "
        f"{torch.get_num_threads()} threads"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--names", type=Path, help="only photos whose names (stems) this file lists")
    parser.add_argument("--last", type=int, help="only the last so many by name")
    parser.add_argument("--rgbd", type=Path)
    parser.add_argument("--from", type=int, default=170, dest="first", help="first RGB-D frame that counts")
    arguments = parser.parse_args()
    listed = arguments.names.read_text().split() if arguments.names else None
    photos = [
        path
        for path in sorted(arguments.photos.iterdir())
        if path.suffix.lower() in SUFFIXES and (listed is None or path.stem in listed)
    ][-(arguments.last or 0) :]
    teacher = Teacher(arguments.teacher)
    against_teachers(photos, teacher, arguments.masks)
    if arguments.rgbd:
        against_truth(arguments.rgbd, arguments.first, teacher)
    size_and_time(read_photo(photos[0]).pixels)


if __name__ == "__main__":
    main()

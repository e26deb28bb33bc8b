"""How fast and how small the networks are, beside plain convolutions of the same work in the same process.

    python benchmarks/networks.py [--only time memory training autocast int8 table hybrid] [--sizes 512 1024]
        [--rounds 3]

Time: seconds, and the ratio to 64 → 64 convolutions of the same FLOPs, to the network's own bare convolutions, and to
dmshn-stacked.
Memory: what a process of its own grows by. Training: a step of cocnet-b3-less, batch 2, 256², beside stock modules
and an unfolded image. Table: every registered network at one size. Hybrid: `cocnet render` on a portrait of 12 MP
(scikit-image's astronaut, enlarged, with noise), with cocnet-hybrid and by the physical renderer alone. FLOPs: two
per multiplication with addition.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import torch
from clock import peak_gb, timed
from plain_cocnet import bare_convolutions, plain_cocnet
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from cocnet import write_photo
from cocnet.networks import export_onnx, load_model, quantise_onnx, shipped_weights
from cocnet.networks.zoo.registry import card_of, create_model, list_models

PARTS = ["time", "memory", "training", "autocast", "int8", "table", "hybrid"]
TRAINED, BATCH, CROP = "cocnet-b3-less", 2, 256
LARGE = (3000, 4000)


def picture(height: int, width: int, batch: int = 1) -> Tensor:
    """Smooth and noisy parts, sRGB in 0..1."""
    made = torch.Generator().manual_seed(5)
    coarse, fine = (
        torch.rand(batch, 3, math.ceil(height / s), math.ceil(width / s), generator=made) for s in (16, 2)
    )
    parts = [functional.interpolate(x, size=(height, width), mode="bilinear") for x in (coarse, fine)]
    return 0.7 * parts[0] + 0.3 * parts[1]


def inputs(name: str, height: int, width: int) -> tuple[Tensor, ...]:
    """What a call of that network takes."""
    image, card = picture(height, width), card_of(name)
    depth = () if card.conditioning == "none" else (image.mean(1, keepdim=True),)
    return (image, *depth, image.flip(3)) if card.physical else (image, *depth)


def flops(name: str, height: int, width: int) -> int:
    """Of convolutions and matrix products, counted on the meta device."""
    given = [x.to("meta") for x in inputs(name, height, width)]
    with torch.device("meta"):
        model = create_model(name).eval()
    with FlopCounterMode(display=False) as counter:
        model(*given)
    return counter.get_total_flops()


def convolutions(work: float) -> Callable[[], None]:
    """Plain 3×3 convolutions, 64 → 64 at 256², up to that many FLOPs."""
    x = torch.rand(1, 64, 256, 256).to(memory_format=torch.channels_last)
    conv = nn.Conv2d(64, 64, 3, padding=1).to(memory_format=torch.channels_last)
    times = max(1, round(work / (2 * 9 * 64 * 64 * 256**2)))

    def run() -> None:
        for _ in range(times):
            conv(x)

    return torch.inference_mode()(run)


def call(name: str, height: int, width: int, trained: bool = False) -> Callable[[], Tensor]:
    """A network's forward pass, without gradients; trained: with the weights that ship."""
    model, given = (load_model if trained else create_model)(name).eval(), inputs(name, height, width)
    return torch.inference_mode()(lambda: model(*given))


def speed(sizes: list[int], rounds: int) -> None:
    """Print seconds and ratios of cocnet-b3."""
    name, rival = "cocnet-b3", "dmshn-stacked"
    columns = f"{'64→64':>7} {'ratio':>6} {'own convs':>10} {'ratio':>6} {rival:>14} {'ratio':>6}"
    print(f"{'':>16} {'TFLOP':>5} {'s':>7} {columns}")
    for side in sizes:
        work = flops(name, side, side)
        bare = bare_convolutions(create_model(name), side, side)
        own = call(name, side, side)
        ours = timed(
            {
                name: own,
                "plain": convolutions(work),
                "bare": torch.inference_mode()(lambda bare=bare: [conv(x) for conv, x in bare]),
            },
            rounds,
        )
        both = timed({name: own, rival: call(rival, side, side)}, rounds)
        print(
            f"{name} {side:>5}² {work / 1e12:5.2f} {ours[name]:7.2f} {ours['plain']:7.2f} "
            f"{ours[name] / ours['plain']:6.2f} {ours['bare']:10.2f} {ours[name] / ours['bare']:6.2f} "
            f"{both[rival]:14.2f} {both[name] / both[rival]:6.2f}"
        )


def memory(sizes: list[int]) -> None:
    """Print what processes of their own grow by."""
    for height, width in [*((side, side) for side in sizes), LARGE]:
        found = apart("grow", "cocnet-b3", height, width)
        print(f"cocnet-b3 {height} × {width}: {found['seconds']:.1f} s, grows by {found['gb']:.2f} GB")


def grow(name: str, height: int, width: int) -> dict[str, float]:
    """One forward pass: seconds and growth of the peak, GB."""
    job = call(name, height, width)
    before, begun = peak_gb(), time.perf_counter()
    job()
    return {"seconds": time.perf_counter() - begun, "gb": peak_gb() - before}


def training(rounds: int) -> None:
    """Print a training step's seconds and memory, ours and plain."""
    found = {kind: apart("step", kind, rounds, 0) for kind in ("ours", "plain")}
    for kind, values in found.items():
        print(
            f"{TRAINED}, batch {BATCH}, {CROP}², {kind:>6}: {values['seconds']:.3f} s, grows by {values['gb']:.3f} GB"
        )
    ratios = {key: found["ours"][key] / found["plain"][key] for key in ("seconds", "gb")}
    print(f"ours over plain: {ratios['seconds']:.2f} of the time, {ratios['gb']:.2f} of the memory")


def step(kind: str, rounds: int) -> dict[str, float]:
    """Forward, L1 and backward."""
    model = create_model(TRAINED)
    image, target = picture(CROP, CROP, BATCH), picture(CROP, CROP, BATCH).flip(-1)
    forward = model if kind == "ours" else lambda x: plain_cocnet(model, x)

    def run() -> None:
        model.zero_grad()
        (forward(image) - target).abs().mean().backward()

    before = peak_gb()
    seconds = timed({kind: run}, rounds)[kind]
    return {"seconds": seconds, "gb": peak_gb() - before}


def autocast(sizes: list[int], rounds: int) -> None:
    """Print seconds and PSNR (over the output's range) of bfloat16 beside float32."""
    for name, side in product(("cocnet-b3", "cocnet-hybrid"), sizes):
        exact = call(name, side, side, trained=shipped_weights(name) is not None)

        def rough(exact: Callable[[], Tensor] = exact) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return exact()

        found = timed({"float32": exact, "bfloat16": rough}, rounds)
        one, two = exact(), rough()
        score = 10 * math.log10((one.max() - one.min()) ** 2 / (one - two).square().mean())
        ratio = found["bfloat16"] / found["float32"]
        print(
            f"{name} {side}²: bfloat16 {found['bfloat16']:.2f} s, {ratio:.2f} of float32, PSNR {score:.1f} dB"
        )


def int8(side: int, rounds: int) -> None:
    """Print seconds of cocnet-b3-less under ONNX Runtime, its convolutions in 8 bit beside float32, and the PSNR."""
    from onnxruntime import InferenceSession

    with tempfile.TemporaryDirectory() as folder:
        exact, rough = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        export_onnx(create_model(TRAINED), exact)
        score = quantise_onnx(exact, rough)
        sessions = {kind: InferenceSession(str(path)) for kind, path in (("float32", exact), ("int8", rough))}
    given = {"image": picture(side, side).numpy()}
    found = timed({kind: partial(each.run, None, given) for kind, each in sessions.items()}, rounds)
    seconds = ", ".join(f"{kind} {taken:.2f} s" for kind, taken in found.items())
    print(f"{TRAINED} {side}² under ONNX Runtime: {seconds}, PSNR {score:.1f} dB")


def table(side: int) -> None:
    """Print a row per registered network."""
    print(f"| network | parameters | GFLOP at {side}² | s | GB |\n|---|---|---|---|---|")
    for card in list_models():
        with torch.device("meta"):
            count = sum(p.numel() for p in create_model(card.name).parameters())
        found = apart("grow", card.name, side, side)
        work = flops(card.name, side, side) / 1e9
        print(
            f"| {card.name} | {count:,} | {work:,.0f} | {found['seconds']:.2f} | {found['gb']:.2f} |",
            flush=True,
        )


def hybrid(blurs: tuple[int, ...] = (12, 40)) -> None:
    """Print seconds of processors and memory of whole commands, and the ratios."""
    import skimage.data

    picture_of_a_face: Callable[[], Any] = skimage.data.astronaut

    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "portrait.jpg"
        face = torch.from_numpy(picture_of_a_face()[64:448]).permute(2, 0, 1)[None].float() / 255
        large = functional.interpolate(face, size=LARGE, mode="bicubic").clamp(0, 1)[0]
        noisy = large + 0.01 * torch.randn(large.shape, generator=torch.Generator().manual_seed(0))
        write_photo(photo, (noisy.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())
        del face, large, noisy
        for blur in blurs:
            plain = rendered(photo, f"--blur={blur}")
            for options in (["--model=cocnet-hybrid"], ["--model=cocnet-hybrid", "--bfloat16"]):
                ours = rendered(photo, f"--blur={blur}", *options)
                print(
                    f"12 megapixels, --blur {blur} {' '.join(options)}: {ours[0]:.1f} s of processors, "
                    f"{ours[1]:.2f} GB, physical alone {plain[0]:.1f} s, {plain[1]:.2f} GB; "
                    f"ratio {ours[0] / plain[0]:.2f}",
                    flush=True,
                )


def rendered(photo: Path, *options: str) -> tuple[float, float]:
    """Seconds of processors and GB of a `cocnet render`."""
    out = photo.with_name("bokeh.jpg")
    command = [
        sys.executable,
        "-m",
        "cocnet",
        "render",
        str(photo),
        "--estimator=builtin",
        f"--out={out}",
        *options,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("the command failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9


def apart(job: str, name: str, one: int, two: int) -> dict[str, float]:
    """A job in a process of its own, so that its peak is its own."""
    command = [sys.executable, __file__, "--apart", job, name, str(one), str(two)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--sizes", nargs="+", type=int, default=[512, 1024])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--apart", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.apart:
        job, name, one, two = args.apart
        print(json.dumps(step(name, int(one)) if job == "step" else grow(name, int(one), int(two))))
        return
    jobs: dict[str, Callable[[], None]] = {
        "time": lambda: speed(args.sizes, args.rounds),
        "memory": lambda: memory(args.sizes),
        "training": lambda: training(args.rounds),
        "autocast": lambda: autocast(args.sizes, args.rounds),
        "int8": lambda: int8(args.sizes[0], args.rounds),
        "table": lambda: table(args.sizes[0]),
        "hybrid": hybrid,
    }
    for name in args.only:
        if name == "hybrid" and len(args.only) > 1:  # a child's peak begins at its parent's
            subprocess.run([sys.executable, __file__, "--only", name], check=True)
        else:
            jobs[name]()


if __name__ == "__main__":
    main()

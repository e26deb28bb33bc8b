"""Fit the network that tells a photo's lights from its surfaces (`cocnet.rendering.lights`).

    python tools/lights/fit.py --photos FOLDER … --scenes FOLDER … --kept samples.pkl --out lights.safetensors

Photos hold surfaces, apart from those that labels.txt names; scenes are what tools/raytrace makes. --kept: samples
are read from there, or made and written there. Prints the shares of lights found and of surfaces taken for lights,
for the files fitted to and for the quarter held back.
"""

import argparse
import pickle
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from samples import Rows, of_photo, of_scene, with_balls, with_lamps
from torch import nn
from torch.nn import functional

LABELS = Path(__file__).with_name("labels.txt")
INNER = 24
STEPS = 6000


def labels() -> dict[str, str]:
    """Photos found by eye: `lights` or `mixed` by file name."""
    lines = [line.split(" ", 1) for line in LABELS.read_text().splitlines() if not line.startswith("#")]
    return {name: kind for kind, name in lines}


def collect(photos: list[Path], scenes: list[Path], seed: int = 0) -> list[tuple[str, Rows]]:
    """All samples with what they are of: photo, lamp (lights found by eye), scene, glow or ball (put in)."""
    draw, known, found = np.random.default_rng(seed), labels(), []
    for path in scenes:
        found += [("scene", rows) for rows in of_scene(path, draw)]
    for i, path in enumerate(photos):
        kind = known.get(path.name)
        if kind != "mixed":
            found += [("lamp" if kind else "photo", rows) for rows in of_photo(path, kind == "lights", draw)]
        if kind is None and i % 5 < 2:
            make = (with_lamps, with_balls)[i % 5]
            found.append((("glow", "ball")[i % 5], make(path, draw)))
    return found


def fit(found: list[tuple[str, Rows]]) -> dict[str, np.ndarray]:
    """The network's numbers: standardised features → INNER tanh → logit of a light, log of its brightness."""
    torch.manual_seed(0)
    kind = np.concatenate([[k] * len(r.light) for k, r in found])
    held = np.concatenate(
        [[zlib.crc32(r.source.encode()) % 4 == 0 and k != "lamp"] * len(r.light) for k, r in found]
    )
    x = np.concatenate([r.features for _, r in found if len(r.light)]).astype(np.float32)
    light, gain, weight = (
        torch.tensor(np.concatenate([r[i] for _, r in found]), dtype=torch.float32) for i in (1, 2, 3)
    )
    mean, deviation = x[~held].mean(0), x[~held].std(0) + 1e-3
    z = torch.from_numpy((x - mean) / deviation).clamp(-4, 4)
    known = (~gain.isnan() & (light == 1)).float()
    gain = gain.nan_to_num()
    net = nn.Sequential(nn.Linear(x.shape[1], INNER), nn.Tanh(), nn.Linear(INNER, 2))
    net[2].bias.data[1] = 3.0
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, STEPS)
    index = torch.tensor(np.flatnonzero(~held))
    chance = weight[index] * (1 + known[index])
    for _ in range(STEPS):
        b = index[torch.multinomial(chance, 512, replacement=True)]
        out = net(z[b] + 0.05 * torch.randn(len(b), z.shape[1]))
        dearer = 4 - 3 * light[b]  # a surface taken for a light costs four times as much
        loss = (
            functional.binary_cross_entropy_with_logits(out[:, 0], light[b], reduction="none") * dearer
        ).mean()
        off = functional.smooth_l1_loss(out[:, 1], gain[b], reduction="none")
        loss = loss + 0.3 * (off * known[b]).sum() / known[b].sum().clamp(min=1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        out = net(z)
    tell(
        kind,
        held,
        light.numpy(),
        torch.sigmoid(out[:, 0]).numpy(),
        (out[:, 1] - gain).numpy(),
        known.numpy() > 0,
    )
    numbers = {name: t.numpy() for name, t in net.state_dict().items()}
    return {
        "mean": mean, "deviation": deviation,
        "inner": np.ascontiguousarray(numbers["0.weight"].T), "inner_bias": numbers["0.bias"],
        "outer": np.ascontiguousarray(numbers["2.weight"].T), "outer_bias": numbers["2.bias"],
    }  # fmt: skip


def tell(kind, held, light, probability, off, known) -> None:
    """Print what the network makes of the samples of each kind, fitted to and held back."""
    for name in ("scene", "ball", "glow", "lamp", "photo"):
        for part in (False, True):
            here = (kind == name) & (held == part)
            if not here.any():
                continue
            shares = [
                f"{what} above {t}: {(probability[here & (light == value)] > t).mean():.4f}"
                for what, value in (("lights", 1), ("surfaces", 0))
                if (here & (light == value)).any()
                for t in (0.5, 0.8)
            ]
            error = np.sqrt(np.square(off[here & known]).mean()) if (here & known).any() else np.nan
            print(f"{name:>6} {'held back' if part else 'fitted to'} {here.sum():6d} spots  {'  '.join(shares)}  "
                  f"log brightness off by {error:.2f}")  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, nargs="+", default=[])
    parser.add_argument("--scenes", type=Path, nargs="+", default=[])
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    if not args.kept.exists():
        photos = sorted(path for folder in args.photos for path in folder.iterdir() if path.suffix == ".jpg")
        scenes = sorted(path for folder in args.scenes for path in folder.glob("*.npz"))
        args.kept.write_bytes(pickle.dumps(collect(photos, scenes)))
    numbers = fit(pickle.loads(args.kept.read_bytes()))
    about = {"what": "lights told from surfaces", "fitted by": "tools/lights/fit.py"}
    save_file(numbers, args.out, metadata=about)


if __name__ == "__main__":
    main()

"""What an ablation found: a table, differences on the same scenes, a picture.

Enters: the folder of its trainings, held-out scenes. Leaves: ablation.json, ablation.md, ablation.png.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import torch
from torch import nn

from cocnet import __version__
from cocnet.datasets import LensPair
from cocnet.datasets.pairs.sample import sample_of
from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path, write_json
from cocnet.files.json_file import read_json
from cocnet.files.markdown import table
from cocnet.imaging import linear_to_srgb, write_photo
from cocnet.networks import load_model
from cocnet.renderers import Identity, Physical, Renderer, best_constant_blur
from cocnet.training.engine.log import last_line
from cocnet.training.engine.pair_scores import compared, rendered
from cocnet.training.runs.ablation import SCORES, SHEET_ROWS, VARIANTS, items_of


@dataclass(frozen=True)
class FinishedTraining:
    """A finished training: its variant and seed, the size and cost, and the scores of each held-out scene."""

    variant: str
    seed: int
    parameters: int
    steps: int
    seconds: float
    psnr: tuple[float, ...]
    ssim: tuple[float, ...]


@dataclass(frozen=True)
class Difference:
    """What a variant gains over another on the same scenes with the same seeds, dB, with the standard error over
    scenes, and the mean of each seed."""

    variant: str
    of: str
    gain: float
    error: float
    seeds: tuple[float, ...]


def trained_network(folder: Path) -> "nn.Module":
    """The averaged weights of a training."""
    return load_model(folder / "weights.safetensors").eval()


def seconds_of(folder: Path) -> float:
    """Of training, as the log's last line says."""
    return float(last_line(folder / "log.jsonl")["seconds"])


def finished(folder: Path) -> tuple[FinishedTraining, ...]:
    """All trainings of a folder that are finished, in the order of VARIANTS. Raises FileError for none."""
    found = []
    for path in sorted(folder.glob(f"*/{SCORES}")):
        found.append(read_json(path, "the scores of a training", "training it again", _trained))
    if not found:
        raise FileError(f"expected finished trainings in '{folder}', got none, try another folder")
    order = list(VARIANTS)
    return tuple(sorted(found, key=lambda one: (order.index(one.variant), one.seed)))


def _trained(facts: dict[str, Any]) -> FinishedTraining:
    return FinishedTraining(**(facts | {"psnr": tuple(facts["psnr"]), "ssim": tuple(facts["ssim"])}))


def differences(found: Sequence[FinishedTraining]) -> tuple[Difference, ...]:
    """Each variant against the one that it is a change of, where both have a training with the same seed."""
    by_variant: dict[str, dict[int, FinishedTraining]] = {}
    for one in found:
        by_variant.setdefault(one.variant, {})[one.seed] = one
    pairs = [(name, VARIANTS[name].of) for name in by_variant]
    pairs = [(name, of) for name, of in pairs if by_variant[name].keys() & by_variant.get(of, {}).keys()]
    return tuple(_difference(by_variant, name, of) for name, of in pairs)


def _difference(by_variant: Mapping[str, Mapping[int, FinishedTraining]], name: str, of: str) -> Difference:
    """Paired by seed and scene."""
    seeds = sorted(by_variant[name].keys() & by_variant[of].keys())
    gains = [
        [a - b for a, b in zip(by_variant[name][s].psnr, by_variant[of][s].psnr, strict=True)] for s in seeds
    ]
    scenes = [fmean(column) for column in zip(*gains, strict=True)]
    error = stdev(scenes) / len(scenes) ** 0.5 if len(scenes) > 1 else float("nan")
    return Difference(name, of, fmean(scenes), error, tuple(fmean(one) for one in gains))


def write_ablation(
    folder: Path, found: Sequence[FinishedTraining], held_out: Sequence[LensPair], about: str
) -> None:
    """ablation.json, ablation.md, ablation.png. Raises FileError."""
    controls = control_scores(held_out)
    facts = {
        "cocnet": __version__,
        "data": about,
        "controls": controls,
        "trainings": [asdict(one) for one in found],
        "differences": [asdict(one) for one in differences(found)],
    }
    write_json(folder / "ablation.json", facts)
    with atomic_path(folder / "ablation.md") as temporary:
        temporary.write_text("\n".join(ablation_lines(found, controls, about)) + "\n", encoding="utf-8")
    _write_sheet(folder, found, held_out)


def control_scores(held_out: Sequence[LensPair]) -> dict[str, tuple[float, float]]:
    """Mean PSNR and SSIM of the untouched photo, of the best single blur, and of physics with the true lens."""
    samples = [sample_of(pair) for pair in held_out]
    controls: dict[str, Renderer] = {
        "untouched": Identity(),
        "one blur": best_constant_blur((sample.light, sample.bokeh) for sample in samples),
        "physical": Physical(),
    }
    means = {}
    for name, renderer in controls.items():
        each = [compared(sample.rendered_by(renderer).clamp(0, 1), sample.bokeh) for sample in samples]
        means[name] = (fmean(psnr for psnr, _ in each), fmean(ssim for _, ssim in each))
    return means


def ablation_lines(
    found: Sequence[FinishedTraining], controls: Mapping[str, tuple[float, float]], about: str
) -> Iterator[str]:
    """The report as Markdown."""
    head = ["", "parameters, M", "seeds", "PSNR, dB ↑", "of the seeds", "SSIM ↑", "minutes each"]
    rows = [[name, "", "", f"{psnr:.2f}", "", f"{ssim:.4f}", ""] for name, (psnr, ssim) in controls.items()]
    for name in dict.fromkeys(one.variant for one in found):
        own = [one for one in found if one.variant == name]
        means = [fmean(one.psnr) for one in own]
        rows.append(
            [
                name,
                f"{own[0].parameters / 1e6:.2f}",
                str(len(own)),
                f"{fmean(means):.2f}",
                ", ".join(f"{mean:.2f}" for mean in means) if len(own) > 1 else "",
                f"{fmean(fmean(one.ssim) for one in own):.4f}",
                f"{fmean(one.seconds for one in own) / 60:.0f}",
            ]
        )
    yield f"{found[0].steps} steps of 2 scenes each, Eq. 17 from the photo itself; {len(found[0].psnr)} held-out."
    yield f"Data: {about}."
    yield ""
    yield from table(head, rows)
    compared = [
        [
            f"{one.variant} − {one.of}",
            f"{one.gain:+.2f} ± {one.error:.2f}",
            ", ".join(f"{gain:+.2f}" for gain in one.seeds),
        ]
        for one in differences(found)
    ]
    if compared:
        yield ""
        yield "Differences in dB on the same scenes, ± the standard error over scenes, then those of each seed:"
        yield ""
        yield from table(["", "all", "by seed"], compared)


def _write_sheet(folder: Path, found: Sequence[FinishedTraining], held_out: Sequence[LensPair]) -> None:
    """A picture: rows are scenes; photo, truth, then each variant of seed 0 in the table's order."""
    shown = held_out[:SHEET_ROWS]
    columns = [[linear_to_srgb(pair.image) for pair in shown], [linear_to_srgb(pair.bokeh) for pair in shown]]
    for one in found:
        if one.seed == 0:
            network = trained_network(folder / f"{one.variant}-0")
            items = items_of(one.variant, shown, network)
            columns.append([rendered(network, items[i])[0] for i in range(len(shown))])
    sheet = torch.cat([torch.cat(column, 1) for column in columns], 2)
    write_photo(folder / "ablation.png", (sheet.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())

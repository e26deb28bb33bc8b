"""`cocnet evaluate` and `cocnet tables`: how good networks are, beside their controls and the paper's figures.

Enters: pairs in folders, networks by name or file. Leaves: a report in a folder; tables on stdout.
"""

import json as jsonlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from cocnet.errors import InputError
from cocnet.experiments.runs import EvaluateRun, PairFolder


def evaluate(run: OmitArgPrefixes[EvaluateRun]) -> None:
    """Measure a network on pairs of a photo and its true bokeh.

    On EBB!'s Val294 at native size, as published figures are; beside doing nothing, one blur, and physics:
      cocnet evaluate --model cocnet-b3.safetensors --data EBB/train --controls -o runs/b3

    On pairs of your own, in two folders or told apart by their names:
      cocnet evaluate --model net.safetensors --data photos --bokeh bokeh
      cocnet evaluate --model net.safetensors --data pairs --image-ending _input --bokeh-ending _bokeh

    Args:
        run: What to measure, on what.
    """
    from cocnet.experiments.report import means_table
    from cocnet.experiments.runs import run_evaluation

    with _progress() as on_progress:
        found = run_evaluation(run, on_progress)
    first = found[0]
    print("\n".join(means_table(f"{len(first.rows)} pairs of {first.data}", found)))
    for name, reason in first.missing.items():
        print(f"note: no {name}: {reason}", file=sys.stderr)
    for problem in first.skipped:
        print(f"note: left out {problem.name}: {problem.reason}", file=sys.stderr)
    print(run.out / "evaluation.md")


def tables(
    number: Positional[int],
    /,
    data: Path | None = None,
    weights: Path | None = None,
    depths: Path | None = None,
    depth_kind: str | None = None,
    native: bool = False,
    device: str = "cpu",
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
    json: bool = False,
) -> None:
    """Print a table of the paper, its values beside ours.

      cocnet tables 1
      cocnet tables 1 --data EBB/train --weights runs/weights -o table1.md

    Args:
        number: Which: 1.
        data: EBB!'s train folder; its Val294 is measured at 1024 × 1024, as in the paper.
        weights: Folder of NAME.safetensors [weights that ship].
        depths: Folder of depth files N.*, for networks that take depth.
        depth_kind: Of these [what their sidecars say].
        native: Measure at native size, as the paper's peers do.
        device: cpu or cuda.
        out: Also write it to this Markdown file.
        json: Print one JSON array instead.
    """
    from cocnet.experiments.runs import check_device, open_pairs
    from cocnet.experiments.tables import table_1, table_facts, table_lines
    from cocnet.imaging import atomic_path, check_output

    if number != 1:
        raise InputError(f"expected table 1, got {number}, try cocnet tables 1")
    if out is not None:
        check_output(out)
    check_device(device)
    size = None if native else (1024, 1024)
    where = None if data is None else PairFolder(data, depths=depths, depth_kind=depth_kind, resize=size)
    with _progress() as on_progress:
        rows = table_1(None if where is None else open_pairs(where), weights, device, on_progress)
    text = "\n".join(table_lines(rows)) + "\n"
    if out is not None:
        with atomic_path(out) as temporary:
            temporary.write_text(text, encoding="utf-8")
    print(jsonlib.dumps(table_facts(rows), ensure_ascii=False) if json else text, end="\n" if json else "")


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr that names what is measured."""
    from tqdm import tqdm

    with tqdm(unit="picture", delay=2.0, leave=False, file=sys.stderr) as bar:

        def on_progress(what: str, done: int, total: int) -> None:
            if done == 1:
                bar.n, bar.total = 0, total
                bar.set_description(what, refresh=False)
            bar.update(done - bar.n)

        yield on_progress

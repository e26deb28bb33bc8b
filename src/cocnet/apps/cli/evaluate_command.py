"""`cocnet evaluate` and `cocnet tables`: how good networks are, beside their controls and the paper's figures.

Enters: pairs or labelled photos in folders, networks by name or file. Leaves: a report in a folder; tables on stdout.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import OmitArgPrefixes, Positional, arg

from cocnet.apps.cli.progress import what_is_done
from cocnet.apps.cli.say import note, print_json
from cocnet.datasets.pairs.open_pairs import PairFolder
from cocnet.errors import FileError, InputError
from cocnet.evaluation.evaluation_run import EvaluateRun
from cocnet.robustness.run_settings import RobustnessRun

_CONCERNED = {
    "--run": (2, 3),
    "--data": (1, 4),
    "--weights": (1, 4),
    "--depths": (1,),
    "--depth-kind": (1,),
    "--native": (1,),
    "--skip-problems": (1, 4),
}


def evaluate(run: OmitArgPrefixes[EvaluateRun]) -> None:
    """Measure a network on pairs of an all-in-focus photo and its true bokeh.

    On EBB!'s Val294 at native size, as most papers do, beside baselines (the photo itself, a uniform blur):
      cocnet evaluate --model cocnet-b3.safetensors --data EBB/train --controls -o runs/b3

    On pairs of your own, in two folders, or in one with names that tell them apart:
      cocnet evaluate --model net.safetensors --data photos --bokeh bokeh
      cocnet evaluate --model net.safetensors --data pairs --image-ending _input --bokeh-ending _bokeh

    Args:
        run: Network, pairs and metrics.
    """
    from cocnet.evaluation.evaluation_run import run_evaluation
    from cocnet.evaluation.pair_report import means_table

    with what_is_done() as on_progress:
        found = run_evaluation(run, on_progress)
    first = found[0]
    print("\n".join(means_table(f"{len(first.rows)} pairs of {first.data}", found)))
    for name, reason in first.missing.items():
        note(f"no {name}: {reason}")
    for problem in first.skipped:
        note(f"left out {problem.name}: {problem.reason}")
    print(run.out / "evaluation.md")


def evaluate_robustness(run: OmitArgPrefixes[RobustnessRun]) -> None:
    """Measure how natural and adversarial bokeh change what classifiers see.

    The paper's attacks and their baselines on the NeurIPS-2017 set:
      cocnet evaluate robustness --data NIPS2017 --victims mobilenet_v2 efficientnet_lite0 -o runs/robustness

    All at the same ε, through the paper's own renderer (Eq. 8), on 100 photos:
      cocnet evaluate robustness --data NIPS2017 --methods random@6e-4 gda@6e-4 sm-gda@6e-4 bg-gda@6e-4
        --renderer physical-eq8 --photos 100 -o runs/matched

    Curves of accuracy over ε and steps, and which attacks survive JPEG and another renderer:
      cocnet evaluate robustness --data NIPS2017 --methods random gda gda:steps=200 --epsilons 3e-4 8e-3 3e-2
        --transforms jpeg75 on:physical-eq8 -o runs/sweep

    Args:
        run: Photos, classifiers, attacks and renderer.
    """
    from cocnet.robustness.robustness_run import run_robustness

    with what_is_done("batch") as on_progress:
        try:
            found = run_robustness(run, on_progress)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("interrupted, the same command goes on where it stood") from None
    for score in found.scores:
        print(
            f"{score.victim}, {score.method}: right {score.right_saved}, fooled {score.success_saved}"
            if score.success_saved.count
            else f"{score.victim}, {score.method}: right {score.right_saved}"
        )
    for where, flags in found.flags.items():
        note(f"{where}: {' '.join(flags)}")
    for problem in found.left_out:
        note(f"left out {problem.name}: {problem.reason}")
    print(run.out / "robustness.html")


def tables(
    number: Annotated[Positional[int], arg(metavar="NUMBER")],
    /,
    run: Path | None = None,
    data: Path | None = None,
    weights: Path | None = None,
    depths: Path | None = None,
    depth_kind: str | None = None,
    native: bool = False,
    skip_problems: bool = False,
    device: str = "cpu",
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
    json: bool = False,
) -> None:
    """Print a table of the paper: its values beside ours.

    1 and 4 compare networks, on bokeh and on deblurring; 2 and 3 attacks, and how they transfer:
      cocnet tables 1
      cocnet tables 1 --data EBB/train --weights runs/weights -o table1.md
      cocnet tables 2 --run runs/robustness
      cocnet tables 3 --run runs/robustness
      cocnet tables 4 --data DPDD --weights runs/weights

    Args:
        number: Number of the table, 1 to 4.
        run: For Tables 2 and 3: folder of a run of `cocnet evaluate robustness` (default: the paper's values alone).
        data: For Table 1: EBB!'s train folder, of which Val294 is measured at 1024 × 1024 px, as in the paper. For
            Table 4: DPDD, or a folder of NAME_input.png and NAME_sharp.png (default: the paper's values alone).
        weights: Folder of weight files, named NETWORK.safetensors (default: the weights that ship).
        depths: For Table 1: folder of depth files, named as EBB!'s photos, for networks that take depth.
        depth_kind: What the depth files hold: metric, disparity, relative_depth or relative_disparity (default: as
            the JSON file beside each says).
        native: For Table 1: measure at native size instead, as most papers do.
        skip_problems: For Tables 1 and 4: leave out pairs that can't be used, and say how many, instead of stopping.
        device: Where to compute: cpu or cuda.
        out: Also write the table to this Markdown file.
        json: Print one JSON array on standard output instead.
    """
    from cocnet.files.atomic import atomic_path, check_output
    from cocnet.files.offline import is_folder

    if number not in (1, 2, 3, 4):
        raise InputError(f"expected table 1, 2, 3 or 4, got {number}, try cocnet tables 1")
    if out is not None:
        check_output(out)
    given: dict[str, Any] = {
        "--run": run,
        "--data": data,
        "--weights": weights,
        "--depths": depths,
        "--depth-kind": depth_kind,
    }
    given |= {"--native": native, "--skip-problems": skip_problems}
    for flag in ("--run", "--data", "--weights", "--depths"):
        if given[flag] is not None and not is_folder(given[flag]):
            raise FileError(
                f"expected a folder for {flag}, got '{given[flag]}', which is none, try another path"
            )
    useless = [flag for flag, value in given.items() if value and number not in _CONCERNED[flag]]
    if useless:
        note(f"{', '.join(useless)}: no effect on table {number}")
    if number == 1:
        size = None if native else (1024, 1024)
        options: dict[str, Any] = {"resize": size, "skip_problems": skip_problems}
        where = None if data is None else PairFolder(data, depths=depths, depth_kind=depth_kind, **options)
        lines, facts = _table_1(where, weights, device)
    elif number == 4:
        lines, facts = _table_4(data, weights, device, skip_problems)
    else:
        lines, facts = _table_of_run(number, run)
    text = "\n".join(lines) + "\n"
    if out is not None:
        with atomic_path(out) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if json:
        print_json(facts)
    else:
        print(text, end="")


def _table_1(
    where: PairFolder | None, weights: Path | None, device: str
) -> tuple[list[str], list[dict[str, Any]]]:
    """Lines and facts of Table I."""
    from cocnet.compute import check_device
    from cocnet.datasets.pairs.open_pairs import open_pairs
    from cocnet.evaluation.table1 import table_1, table_facts, table_lines

    check_device(device)
    with what_is_done() as on_progress:
        pairs = None if where is None else open_pairs(where)
        rows = table_1(pairs, weights, device, on_progress, where is not None and where.skip_problems)
    return table_lines(rows), table_facts(rows)


def _table_4(
    data: Path | None, weights: Path | None, device: str, skip_problems: bool
) -> tuple[list[str], list[dict[str, Any]]]:
    """Lines and facts of Table IV."""
    from cocnet.compute import check_device
    from cocnet.datasets.pairs.deblur_pairs import open_deblur_pairs
    from cocnet.evaluation.table4 import deblur_table_facts, deblur_table_lines, table_4

    check_device(device)
    pairs = None if data is None else open_deblur_pairs(data, bits=8, skip_problems=skip_problems)
    with what_is_done() as on_progress:
        rows = table_4(pairs, weights, device, on_progress, skip_problems)
    return deblur_table_lines(rows), deblur_table_facts(rows)


def _table_of_run(number: int, run: Path | None) -> tuple[list[str], list[dict[str, Any]]]:
    """Lines and facts of Tables II and III; without a run, how to make one is said on stderr."""
    from cocnet.robustness.attack_report import read_summary
    from cocnet.robustness.published_tables23 import HOW, cell_lines, table_2, table_3

    if run is None:
        note(f"the paper's values alone; for ours beside them: {HOW}, then --run runs/x")
    table = table_2 if number == 2 else table_3
    cells = table() if run is None else read_summary(run, table)
    head = ("Table II: paper / ours", "") if number == 2 else ("Table III: made against", "seen by")
    return cell_lines(cells, head), [asdict(cell) for cell in cells]

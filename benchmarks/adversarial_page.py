"""docs/adversarial.md from stored runs: python benchmarks/adversarial_page.py [--take RUNS]

Enters: with --take, a folder of runs of `cocnet evaluate robustness`, whose robustness.json are stored beside this
file as adversarial_runs/NAME.json, without the machine's paths; a stored run of the same settings keeps the victims
that it attacked on more photos. Leaves: the page, made of adversarial.md.j2 and the
stored runs alone, and its plots.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import adversarial_tables
import depth_gain
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cocnet.files.atomic import atomic_path
from cocnet.metrics import Interval
from cocnet.robustness import claims
from cocnet.robustness.attack_report import read_summary
from cocnet.robustness.plots import plot_epsilon, plot_survival
from cocnet.robustness.run_facts import RunFacts, interval_of
from cocnet.robustness.scores import MethodScore, Survival
from cocnet.robustness.sweeps import EpsilonSweep

HERE = Path(__file__).parent
STORED, TEMPLATE, DOCS = HERE / "adversarial_runs", "adversarial.md.j2", HERE.parent / "docs"
FREE = ("victims", "threads", "report_only", "pictures")  # settings that parts of one run may differ in
GAIN = HERE / "adversarial_gain.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--take", type=Path, help="folder of runs, each of which is stored first")
    parser.add_argument("--stored", type=Path, default=STORED, help="folder of stored runs")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of the page")
    arguments = parser.parse_args()
    if arguments.take is not None:
        take(arguments.take, arguments.stored)
    found = runs(arguments.stored)
    path = arguments.docs / "adversarial.md"
    with atomic_path(path) as temporary:
        temporary.write_text(page(found), encoding="utf-8")
    draw(found, arguments.docs / "pictures")
    gain = stored_gain()
    if gain is None:
        return
    depth_gain.draw(
        arguments.docs / "pictures" / "adversarial-gain.png", gain["curves"], gain["photos"], gain["epsilon"]
    )
    print(path)


def take(folder: Path, stored: Path) -> None:
    """Store every run of a folder, without what only this machine knows."""
    stored.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*/robustness.json")):
        facts: dict[str, Any] = read_summary(path.parent)
        facts["run"] = {
            key: value for key, value in facts["run"].items() if key not in ("data", "out", "depths")
        }
        kept = stored / f"{path.parent.name}.json"
        if kept.is_file():
            facts = merged(json.loads(kept.read_text(encoding="utf-8")), facts)
        with atomic_path(kept) as temporary:
            temporary.write_text(json.dumps(facts, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


def merged(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Of two parts of one run each victim from that which attacked it on more photos; `now`, where the settings
    differ in more than the order of victims."""
    settings = [{k: v for k, v in run["run"].items() if k not in FREE} for run in (before, now)]
    victims = before["run"]["victims"]
    if settings[0] != settings[1] or sorted(victims) != sorted(now["run"]["victims"]):
        return dict(now)
    best = {one: now if attacks(now, one) >= attacks(before, one) else before for one in victims}
    out = dict(now) | {"run": {**now["run"], "victims": victims}}
    for key, rows in now.items():
        if isinstance(rows, list) and any(isinstance(row, dict) and "victim" in row for row in rows):
            out[key] = [row for one in victims for row in best[one][key] if row["victim"] == one]
    shown = {run["method"]: run for run in (*before["matrices"], *now["matrices"])}
    out["matrices"] = [
        {"method": method} | {what: _rows(best, method, what) for what in ("right", "fooled")}
        for method in shown
    ]
    told = [note for note in now["notes"] if not note.startswith("not finished")]
    out["notes"] = told + [
        note for one in victims for note in best[one]["notes"] if f" on {one} has " in note
    ]
    return out


def attacks(run: Mapping[str, Any], victim: str) -> int:
    """How many pictures were made against a victim, by all methods."""
    return sum(row["right"]["count"] for row in run["scores"] if row["victim"] == victim)


def _rows(best: Mapping[str, Mapping[str, Any]], method: str, what: str) -> dict[str, Any]:
    """Of a method's matrix each victim's row, from its run."""
    found = {}
    for victim, run in best.items():
        for matrix in run["matrices"]:
            if matrix["method"] == method and victim in matrix[what]:
                found[victim] = matrix[what][victim]
    return found


def runs(stored: Path) -> dict[str, RunFacts]:
    """The stored runs by name."""
    return {
        path.stem: RunFacts(json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(stored.glob("*.json"))
    }


def page(found: Mapping[str, RunFacts]) -> str:
    """The page: prose of the template, tables and verdicts of the runs."""
    loader = Environment(
        loader=FileSystemLoader(HERE), undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True
    )
    told = claims.judge_claims(found["physical"]) if "physical" in found else []
    if "eot" in found:
        told += claims.survival_claims(found["eot"])
    gain = stored_gain()
    judged = claims.judge_claims(found["cocnet"]) if "cocnet" in found else []
    network = [claim for claim in judged if claim.cases]
    shown = {"runs": found, "claims": told, "network_claims": network, "gain": gain}
    return loader.get_template(TEMPLATE).render(**shown, t=adversarial_tables)


def stored_gain() -> dict[str, Any] | None:
    """What benchmarks/depth_gain.py stored, None where it hasn't."""
    return json.loads(GAIN.read_text(encoding="utf-8")) if GAIN.is_file() else None


def draw(found: Mapping[str, RunFacts], pictures: Path) -> None:
    """The plots of the page, for the first victim of a run."""
    pictures.mkdir(parents=True, exist_ok=True)
    for name, run in found.items():
        victim = run.victims[0]
        title = f"{victim} on {run.facts['renderer']}, {adversarial_tables.attacked(run, victim)}"
        sweeps = [_sweep(one) for one in run.facts["epsilon_sweeps"] if one["victim"] == victim]
        if sweeps and name == "sweep":
            plot_epsilon(pictures / "adversarial-epsilon.png", sweeps, title, sweeps[0].unit)
        survived = [_survival(one) for one in run.facts["survival"] if one["victim"] == victim]
        if survived and name == "eot":
            plot_survival(pictures / "adversarial-survival.png", survived, title)


def _sweep(one: Mapping[str, Any]) -> EpsilonSweep:
    points = tuple(MethodScore(**(point | _intervals(point))) for point in one["points"])
    return EpsilonSweep(one["victim"], one["name"], one["unit"], points)


def _survival(one: Mapping[str, Any]) -> Survival:
    return Survival(**(dict(one) | _intervals(one)))


def _intervals(row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row that are intervals, or numbers that JSON has as text."""
    found: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping) and "low" in value:
            found[key] = interval_of(value) or Interval(float("nan"), 0.0, 1.0, 0)
        elif key in ("median_psnr_db", "queries", "seconds", "zero_gradients"):
            found[key] = float(value)
    return found


if __name__ == "__main__":
    main()

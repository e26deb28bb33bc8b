"""Mutation testing: one operator, comparison or constant changed at a time; do the tests notice?

    python tools/mutants/run.py src/cocnet/optics --tests tests/optics --count 40 [--seed 0]

Each mutant lives in a temporary copy of src/. Printed: every survivor with its line, and the share that died. A
survivor is a missing test, or a change that alters no output: read the line before you write one.
"""

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SWAPS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def places(tree: ast.AST) -> list[tuple[ast.AST, str]]:
    """Nodes that can be changed, and how: "op", "ops", "number" or "not"; annotations and docstrings stay."""
    annotations = {
        id(part)
        for node in ast.walk(tree)
        for holder in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if holder is not None
        for part in ast.walk(holder)
    }
    found: list[tuple[ast.AST, str]] = []
    for node in ast.walk(tree):
        if id(node) in annotations:
            continue
        if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in SWAPS:
            found.append((node, "op"))
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            found.append((node, "ops"))
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            found.append((node, "number"))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            found.append((node, "sign"))
    return found


def mutated(source: str, number: int) -> tuple[str, int]:
    """The source with its number-th place changed, and the line of that place."""
    tree = copy.deepcopy(ast.parse(source))
    node, kind = places(tree)[number]
    if kind == "op":
        node.op = SWAPS[type(node.op)]()
    elif kind == "ops":
        node.ops[0] = SWAPS[type(node.ops[0])]()
    elif kind == "number":
        node.value = node.value + 1 if isinstance(node.value, int) else node.value * 1.5 + 0.1
    else:
        node.op = ast.UAdd()
    return ast.unparse(tree), node.lineno


def dies(target: Path, source: str, tests: list[str], seconds: float) -> bool:
    """Whether a test fails (or hangs) with this source in place of the file."""
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "src"
        shutil.copytree(ROOT / "src", copied, ignore=shutil.ignore_patterns("__pycache__"))
        (copied / target.relative_to(ROOT / "src")).write_text(source, encoding="utf-8")
        environment = os.environ | {
            "PYTHONPATH": f"{copied}:{ROOT / 'tests'}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return True
        return done.returncode != 0


def main() -> None:
    """Draw places among the files, try each, print the survivors and the share that died."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path, help="files or folders of src to change")
    parser.add_argument("--tests", nargs="+", required=True, help="tests that should notice")
    parser.add_argument("--count", type=int, default=40, help="mutants to try [40]")
    parser.add_argument("--seed", type=int, default=0, help="random seed [0]")
    parser.add_argument("--seconds", type=float, default=600, help="longest run of the tests [600]")
    chosen = parser.parse_args()
    files = [
        f.resolve()
        for path in chosen.paths
        for f in (sorted(path.rglob("*.py")) if path.is_dir() else [path])
    ]
    all_places = [(f, n) for f in files for n in range(len(places(ast.parse(f.read_text(encoding="utf-8")))))]
    drawn = random.Random(chosen.seed).sample(all_places, min(chosen.count, len(all_places)))
    died = 0
    for done, (target, number) in enumerate(drawn, 1):
        source = target.read_text(encoding="utf-8")
        changed, line = mutated(source, number)
        if dies(target, changed, chosen.tests, chosen.seconds):
            died += 1
        else:
            text = source.splitlines()[line - 1].strip()
            print(f"survived {target.relative_to(ROOT)}:{line}: {text}", flush=True)
        print(f"{done}/{len(drawn)}, {died} died", file=sys.stderr, flush=True)
    print(
        f"{died} of {len(drawn)} mutants died ({100 * died / len(drawn):.0f} %), of {len(all_places)} places"
    )


if __name__ == "__main__":
    main()

"""Mutation testing: one operator, comparison or constant changed at a time; do the tests notice?

    python tools/mutants/run.py src/cocnet/optics --tests tests/optics --count 40 [--seed 0] [--jobs 2]

Each mutant is a child of a process that has PyTorch loaded already, and sees the changed module in place of the
file; nothing is written. Printed: every survivor with its line, and the share that died. A survivor is a missing
test, or a change that alters no output by more than rounding: those are listed in equivalent.json, with the reason,
and don't count.

Not drawn: annotations; what only fills in the text of an error or a warning (f-strings within `raise`, all within
`warn(…)`); and of a folder, what lies in a room named `compiled`, since Numba compiles it once and keeps the result:
tests compare that room with the reference.
"""

import argparse
import ast
import copy
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.json")
COMPILED = "compiled"
PRELOADED = ("torch", "torchvision", "numpy", "scipy.ndimage", "PIL.Image", "pytest", "hypothesis", "tyro")
PYTEST = ("-q", "-x", "-m", "not slow", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header")
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
    """Nodes that can be changed, and how: "op", "ops", "number" or "sign"; what alters no output stays."""
    left_out = {id(part) for whole in _without_output(tree) for part in ast.walk(whole)}
    found: list[tuple[ast.AST, str]] = []
    for node in ast.walk(tree):
        if id(node) in left_out:
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


def _without_output(tree: ast.AST) -> Iterator[ast.AST]:
    """Annotations, f-strings of errors, calls of warn."""
    for node in ast.walk(tree):
        yield from filter(None, (getattr(node, "annotation", None), getattr(node, "returns", None)))
        if isinstance(node, ast.Raise):
            yield from (part for part in ast.walk(node) if isinstance(part, ast.JoinedStr))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "warn":
            yield node


@dataclass(frozen=True)
class Mutant:
    """A file with one place changed; `change` says which, without its line."""

    path: Path
    source: str
    line: int
    change: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.change}"

    @property
    def key(self) -> str:
        """What equivalent.json calls it: lines move."""
        return f"{self.path.relative_to(ROOT / 'src' / 'cocnet')}: {self.change}"


def mutant(path: Path, number: int) -> Mutant:
    """The file with its number-th place changed."""
    tree = copy.deepcopy(ast.parse(path.read_text(encoding="utf-8")))
    node: Any
    node, kind = places(tree)[number]
    before, line = _statement(tree, node), node.lineno
    if kind == "op":
        node.op = SWAPS[type(node.op)]()
    elif kind == "ops":
        node.ops[0] = SWAPS[type(node.ops[0])]()
    elif kind == "number":
        node.value = node.value + 1 if isinstance(node.value, int) else node.value * 1.5 + 0.1
    else:
        node.op = ast.UAdd()
    after = _statement(tree, node)
    return Mutant(path, ast.unparse(tree), line, f"{before} -> {after}")


def _statement(tree: ast.AST, node: ast.AST) -> str:
    """The first line of the innermost statement around a node, as Python writes it."""
    around = [s for s in ast.walk(tree) if isinstance(s, ast.stmt) and any(n is node for n in ast.walk(s))]
    innermost = min(around, key=lambda s: sum(1 for _ in ast.walk(s)))
    text = ast.unparse(innermost)
    return text if len(text) < 160 else " ".join(ast.unparse(node).split())


def start(tests: list[str], changed: Mutant | None) -> int:
    """Fork a child that runs the tests with the changed module; its exit code is pytest's."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    os.setpgrp()
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    if changed is not None:
        _replace(changed)
    code = 3
    try:
        code = int(import_module("pytest").main([*PYTEST, *tests]))
    finally:
        os._exit(code)


def _replace(changed: Mutant) -> None:
    """From now on the module of that file is the changed one."""
    original = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, name: str) -> Any:
        if Path(self.path) == changed.path:
            return compile(changed.source, str(changed.path), "exec")
        return original(self, name)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def run_all(mutants: list[Mutant], tests: list[str], jobs: int, seconds: float) -> list[Mutant]:
    """Run them, `jobs` at a time, and return those that no test noticed; one that hangs is noticed."""
    waiting, running, survivors = list(reversed(mutants)), dict[int, tuple[Mutant, float]](), []
    while waiting or running:
        while waiting and len(running) < jobs:
            one = waiting.pop()
            running[start(tests, one)] = one, time.monotonic()
        for child, (one, begun) in list(running.items()):
            if time.monotonic() - begun > seconds:
                os.killpg(child, signal.SIGKILL)
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                del running[child]
                if os.waitstatus_to_exitcode(status) == 0:
                    survivors.append(one)
                    print(f"survived {one}", flush=True)
                left = len(waiting) + len(running)
                print(f"{len(mutants) - left}/{len(mutants)}", file=sys.stderr, flush=True)
        time.sleep(0.05)
    return survivors


def _drawn_from(folder: Path) -> list[Path]:
    return sorted(f for f in folder.rglob("*.py") if COMPILED not in f.relative_to(folder).parts[:-1])


def drawn(paths: list[Path], count: int, seed: int) -> tuple[list[Mutant], int]:
    """`count` random mutants of files and folders, and how many there are."""
    files = [file.resolve() for path in paths for file in (_drawn_from(path) if path.is_dir() else [path])]
    every = [(f, n) for f in files for n in range(len(places(ast.parse(f.read_text(encoding="utf-8")))))]
    chosen = random.Random(seed).sample(every, min(count, len(every)))
    return [mutant(path, number) for path, number in chosen], len(every)


def main() -> None:
    """Draw mutants, try each, print the survivors and the share that died."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path, help="files or folders of src to change")
    parser.add_argument(
        "--tests", nargs="+", required=True, help="tests that should notice, quick ones first"
    )
    parser.add_argument("--count", type=int, default=40, help="mutants to try [40]")
    parser.add_argument("--seed", type=int, default=0, help="random seed [0]")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time [2]")
    chosen = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
    os.chdir(ROOT)
    for module in PRELOADED:
        import_module(module)
    begun = time.monotonic()
    _, status = os.waitpid(start(chosen.tests, None), 0)
    if status:
        raise SystemExit("expected tests that pass without a mutant, got failures, try pytest on them")
    equivalent = json.loads(EQUIVALENT.read_text(encoding="utf-8"))
    mutants, count = drawn(chosen.paths, chosen.count, chosen.seed)
    counted = [one for one in mutants if one.key not in equivalent]
    survivors = run_all(counted, chosen.tests, chosen.jobs, 60 + 5 * (time.monotonic() - begun))
    died = len(counted) - len(survivors)
    print(
        f"{died} of {len(counted)} mutants died ({100 * died / len(counted):.0f} %); "
        f"{len(mutants) - len(counted)} more drawn that change no output; {count} places"
    )


if __name__ == "__main__":
    main()

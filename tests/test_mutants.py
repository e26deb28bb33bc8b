"""What the mutation tool draws: all that changes an output, nothing else."""

import ast
import sys

import pytest
from paths import ROOT

SOURCE = """
def half(x: Literal[1]) -> Literal[2]:
    if x > 3:
        raise ValueError(f"got {x + 4}, try {5:.6f}") from error[7]
    warnings.warn(f"{x * 8}", stacklevel=9)
    note = f"{x - 10}"
    return -x / 11
"""


@pytest.fixture(scope="module")
def mutants():
    sys.path.insert(0, str(ROOT / "tools" / "mutants"))
    import run

    yield run
    sys.path.remove(str(ROOT / "tools" / "mutants"))
    del sys.modules["run"]


def test_annotations_and_the_texts_of_errors_and_warnings_are_left_out(mutants):
    drawn = mutants.places(ast.parse(SOURCE))
    numbers = {node.value for node, kind in drawn if kind == "number"}
    assert numbers == {3, 7, 10, 11}
    assert sorted(kind for _, kind in drawn if kind != "number") == ["op", "op", "ops", "sign"]


def test_of_a_folder_what_numba_compiles_is_left_out(mutants, tmp_path):
    for name in ("a.py", "sub/b.py", "compiled/c.py", "sub/compiled/d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    every = mutants.drawn([tmp_path], 9, 0)[0]
    assert sorted(one.path.name for one in every) == ["a.py", "b.py"]
    assert {one.change for one in every} == {"x = 1 -> x = 2"}
    assert len(mutants.drawn([tmp_path / "compiled" / "c.py"], 9, 0)[0]) == 1


def test_a_change_is_known_by_its_statement_not_by_its_line(mutants):
    path = ROOT / "src" / "cocnet" / "optics" / "wiener.py"
    one = mutants.mutant(path, 0)
    assert one.key.startswith("optics/wiener.py: ") and " -> " in one.key
    assert one.source != ast.unparse(ast.parse(path.read_text(encoding="utf-8")))

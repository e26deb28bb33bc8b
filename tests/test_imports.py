"""The rooms of the house: imports go down, siblings don't know each other, nothing private crosses a module."""

import ast

import pytest
from paths import ROOT

SOURCE = ROOT / "src" / "cocnet"
FLOORS = (
    ("errors",),
    ("choices", "compute", "containers", "files"),
    ("imaging", "optics", "metrics"),
    ("rendering", "networks"),
    ("renderers", "depth"),
    ("datasets", "attacks", "augment"),
    ("training", "evaluation", "robustness", "pipeline"),
    ("apps",),
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(SOURCE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
MODULES = {".".join(("cocnet", *path.relative_to(SOURCE).with_suffix("").parts)): path for path in FILES}


def room_of(path):
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return None if parts[0] in ("__init__", "__main__") else parts[0]


def imported(path):
    """Modules that a file imports anywhere in it, TYPE_CHECKING and functions included."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_of(path):
    """Rooms of the package that a file imports from, by themselves or as `from cocnet import room`."""
    names = {name.split(".")[1] for name in imported(path) if name.startswith("cocnet.")}
    return {name for name in names if name in FLOOR or (SOURCE / name).exists()}


def modules_of(path):
    """The package's modules that a file imports when it is loaded itself."""
    for node in TREES[path].body:
        if isinstance(node, ast.ImportFrom) and node.module.startswith("cocnet."):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found = name if name in MODULES else node.module
                yield found if found in MODULES else f"{found}.__init__"


def test_every_room_has_its_floor():
    rooms = {room_of(path) for path in FILES} - {None}
    assert rooms == set(FLOOR), f"give these a floor, or take theirs: {sorted(rooms ^ set(FLOOR))}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path):
    room = room_of(path)
    if room is None:
        return
    for other in rooms_of(path) - {room}:
        assert FLOOR[other] < FLOOR[room], f"{room} must not import {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_imaging_touches_pillow(path):
    roots = {name.split(".")[0] for name in imported(path)}
    assert room_of(path) == "imaging" or not roots & {"PIL", "pillow_heif"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_private_crosses_a_module(path):
    names = (name.rpartition(".")[2] for name in imported(path) if name.startswith("cocnet."))
    assert not [name for name in names if name.startswith("_") and not name.endswith("__")]


def test_no_module_imports_itself_through_others():
    open_: list[str] = []
    done: set[str] = set()

    def visit(name):
        assert name not in open_, " -> ".join([*open_[open_.index(name) :], name])
        if name in done:
            return
        open_.append(name)
        for other in modules_of(MODULES[name]):
            if other != "cocnet.__init__":
                visit(other)
        done.add(open_.pop())

    for name in MODULES:
        visit(name)


def test_no_room_holds_more_than_its_share():
    lines = dict.fromkeys(FLOOR, 0)
    for path in FILES:
        if room_of(path):
            lines[room_of(path)] += len(path.read_text(encoding="utf-8").splitlines())
    largest = max(lines, key=lines.get)
    assert lines[largest] < 0.15 * sum(lines.values()), f"{largest} is {lines[largest]} lines long"

"""The rooms of the house: imports go one way, siblings don't know each other, one room touches Pillow."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "cocnet"
FLOORS = (
    ("errors",),
    ("imaging", "optics", "options"),
    ("rendering", "networks", "metrics"),
    ("depth", "datasets", "attacks", "training"),
    ("choices", "neural", "renderers"),
    ("finding",),
    ("experiments", "pipeline"),
    ("apps",),
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(SOURCE.rglob("*.py"))


def room_of(path):
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return None if parts == ("__init__",) else parts[0]


def imported(path):
    """Modules that a file imports anywhere in it, TYPE_CHECKING and functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_of(path):
    """Rooms of the package that a file imports from, by themselves or as `from cocnet import room`."""
    names = {name.split(".")[1] for name in imported(path) if name.startswith("cocnet.")}
    return {name for name in names if name in FLOOR or (SOURCE / name).exists()}


def test_every_room_has_its_floor():
    rooms = {room_of(path) for path in FILES} - {None}
    assert rooms <= set(FLOOR), f"give these a floor: {sorted(rooms - set(FLOOR))}"


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

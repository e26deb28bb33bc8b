"""The options of a render for a page: what there is to choose, and what came back, checked.

Enters: `RenderOptions`, JSON of a visitor. Leaves: a form as plain data, `RenderOptions`. Nothing of a visitor is
taken for a path: what is free text must be a plain name.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from cocnet.errors import InputError
from cocnet.pipeline.options import RenderOptions

OF_THE_SERVER = ("max_mem_mb", "preview")  # what a visitor doesn't choose
# Names, never paths; other free text would be the name of a file
NAMED = ("estimator", "model", "depth_channel")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CHANNEL = re.compile(r"[\w. -]{1,128}")  # PART.CHANNEL of an EXR, where no file is looked for


def form() -> list[dict[str, Any]]:
    """Each option: its name, its kind (flag, choice, number, whole, pair, name), choices, default, what it does."""
    hints, about = get_type_hints(RenderOptions), _about()
    return [
        {"name": field.name, **_kind(hints[field.name]), "default": field.default, "about": about[field.name]}
        for field in fields(RenderOptions)
        if _is_offered(field.name, hints[field.name])
    ]


def options_of(given: Any) -> RenderOptions:
    """The options of a visitor's JSON; raises InputError."""
    if not isinstance(given, Mapping):
        raise InputError(f"expected options as an object, got {type(given).__name__}, try {{}}")
    hints = get_type_hints(RenderOptions)
    for name, value in given.items():
        if name in hints and not _is_offered(name, hints[name]):
            raise InputError(f"expected an option of the page, got '{name}', try the command line")
        plain = _CHANNEL if name == "depth_channel" else _NAME
        if name in NAMED and isinstance(value, str) and not plain.fullmatch(value):
            raise InputError(f"expected a plain name for {name}, got '{value[:40]}', try the command line")
    return RenderOptions().changed(**given)


def _is_offered(name: str, hint: Any) -> bool:
    return name not in OF_THE_SERVER and (name in NAMED or str not in _parts(hint))


def _parts(hint: Any) -> tuple[Any, ...]:
    return (hint,) if get_origin(hint) in (None, Literal, tuple) else get_args(hint)


def _kind(hint: Any) -> dict[str, Any]:
    parts = [part for part in _parts(hint) if part is not type(None)]
    choices = [choice for part in parts if get_origin(part) is Literal for choice in get_args(part)]
    if choices:
        return {"kind": "choice", "choices": choices}
    if any(get_origin(part) is tuple for part in parts):
        return {"kind": "pair"}
    names = {bool: "flag", int: "whole", float: "number"}
    return {"kind": names.get(parts[0], "name")}


def _about() -> dict[str, str]:
    """The text under each field."""
    body = ast.parse(textwrap.dedent(inspect.getsource(RenderOptions))).body[0]
    found, last = dict[str, str](), ""
    for node in getattr(body, "body", []):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            last = node.target.id
        elif last and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[last] = " ".join(str(node.value.value).split())
            last = ""
    return found

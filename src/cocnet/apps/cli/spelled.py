"""Options as arguments of the command line: `render` with these makes the same picture.

Enters: `RenderOptions`. Leaves: arguments of what differs from the defaults, that the parser reads back to the same.
"""

import shlex
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from cocnet.pipeline.options import RenderOptions


def arguments_of(options: RenderOptions) -> list[str]:
    """`--focus-point 0.4,0.6 --f-number 2`, as a list."""
    hints, found = get_type_hints(RenderOptions, include_extras=True), list[str]()
    for field in fields(options):
        value = getattr(options, field.name)
        if value == field.default:
            continue
        flag = "--" + _name(field.name, hints[field.name]).replace("_", "-")
        found += [flag] if value is True else [flag, _text(value)]
    return found


def command_of(photo: str, depth: str | None, options: RenderOptions, out: str, quality: int = 95) -> str:
    """The whole line, quoted for a shell; a name that starts with a dash is told as a path."""
    named = [f"./{name}" if name and name.startswith("-") else name for name in (photo, depth, out)]
    words = ["cocnet", "render", str(named[0]), *(["--depth", str(named[1])] if depth else [])]
    words += arguments_of(options)
    words += [] if quality == 95 else ["--quality", str(quality)]
    return shlex.join([*words, "-o", str(named[2])])


def _name(name: str, hint: Any) -> str:
    """A field's own name, or what it is called on the command line."""
    told = (getattr(extra, "name", None) for extra in get_args(hint)[1:])
    return next((one for one in told if isinstance(one, str)), name)


def _text(value: Any) -> str:
    return ",".join(map(repr, value)) if isinstance(value, tuple) else str(value)

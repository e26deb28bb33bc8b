"""Options as dataclass fields, held to their own types when they are made: what tyro checks of the command line.

Enters: a frozen dataclass. Leaves: its values as plain Python, or an InputError that names the option. Understood are
bool, int, float, str, Literal, tuples of numbers, and | None.
"""

import math
import os
import types
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from cocnet.errors import InputError

MOST_BLADES = 32  # of an aperture; more are a circle
_SHORT = 60
_FALSE = object()


def check_choices(options: Any) -> None:
    """Make an options' values plain (NumPy's numbers, lists, paths); raises InputError for the first that isn't of
    its option's type, or not finite."""
    for name, kind in _types(type(options)).items():
        given = getattr(options, name)
        plain = _plain(given, kind)
        if plain is _FALSE:
            raise InputError(
                f"expected {name} as {_told(kind)}, got {_shown(given)}, try {_example(kind, given)}"
            )
        object.__setattr__(options, name, plain)


def _types(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _kinds(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _plain(value: Any, kind: Any) -> Any:
    """The value as one of a type's alternatives, `_FALSE` where it is none."""
    found = (_of_one(value, one) for one in _kinds(kind))
    return next((plain for plain in found if plain is not _FALSE), _FALSE)


def _of_one(value: Any, kind: Any) -> Any:
    if kind is type(None):
        return None if value is None else _FALSE
    if get_origin(kind) is Literal:
        named = isinstance(value, str | Integral) and not isinstance(value, bool)
        return next((one for one in get_args(kind) if named and one == value), _FALSE)
    if get_origin(kind) is tuple:
        return _row(value, get_args(kind))
    if kind is str:
        return os.fspath(value) if isinstance(value, str | os.PathLike) else _FALSE
    is_bool = type(value).__name__ in ("bool", "bool_") or isinstance(value, bool)
    if kind is bool:
        return bool(value) if is_bool else _FALSE
    if is_bool or not isinstance(value, Integral if kind is int else Real):
        return _FALSE
    try:
        return kind(value) if math.isfinite(value) else _FALSE
    except OverflowError:  # a whole number beyond all floats
        return _FALSE


def _row(value: Any, kinds: tuple[Any, ...]) -> Any:
    if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
        return _FALSE
    kinds = kinds[:1] * len(value) if kinds[-1] is ... else kinds
    if len(value) != len(kinds):
        return _FALSE
    row = tuple(_of_one(one, kind) for one, kind in zip(value, kinds, strict=True))
    return _FALSE if any(one is _FALSE for one in row) else row


def _told(kind: Any) -> str:
    words: list[str] = []
    for one in _kinds(kind):
        if get_origin(one) is Literal:
            words += map(str, get_args(one))
        elif get_origin(one) is tuple:
            words.append("numbers" if ... in get_args(one) else f"{len(get_args(one))} numbers")
        elif one is not type(None):
            words.append(
                {float: "a finite number", int: "a whole number", bool: "True or False", str: "a text"}[one]
            )
    return ", ".join(words[:-1]) + " or " + words[-1] if len(words) > 1 else words[0]


def _shown(value: Any) -> str:
    """A value with its type where that is the mistake, cut to one line."""
    text = " ".join(repr(value).split())
    text = text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
    return text if isinstance(value, float | int) else f"{text} ({type(value).__name__})"


def _example(kind: Any, given: Any) -> str:
    """The same as a number where it is one in a text, else a value of the type."""
    for one in _kinds(kind):
        if get_origin(one) is Literal:
            return str(get_args(one)[0])
        if get_origin(one) is tuple:
            if ... in get_args(one):
                return "(5, 7)"
            return repr((0.4, 0.6) if len(get_args(one)) == 2 else (0.5,) * len(get_args(one)))
        if one is bool:
            return "True"
        if one in (int, float):
            try:
                number = one(given)
                return str(number) if math.isfinite(number) else "a finite one"
            except (TypeError, ValueError, OverflowError):
                return "a plain number"
    return "a text"

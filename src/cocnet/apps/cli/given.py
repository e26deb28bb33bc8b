"""Which options of a render were written on the command line, though they may equal the default.

Enters: the arguments of a command. Leaves: names of `RenderOptions`' fields; `--no-FLAG` counts as FLAG.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields
from typing import Any, get_type_hints

from cocnet.pipeline.options import RenderOptions

_arguments: ContextVar[tuple[str, ...]] = ContextVar("arguments", default=())


@contextmanager
def remembered(arguments: Sequence[str]) -> Iterator[None]:
    """Hold a command's arguments for `options_written` while it runs."""
    token = _arguments.set(tuple(arguments))
    try:
        yield
    finally:
        _arguments.reset(token)


def options_written() -> frozenset[str]:
    """The fields whose options are among the arguments that are held."""
    flags = {argument.partition("=")[0].replace("_", "-") for argument in _arguments.get()}
    return frozenset(
        name for name, flag in _flags().items() if f"--{flag}" in flags or f"--no-{flag}" in flags
    )


def without_negated(arguments: Sequence[str]) -> list[str]:
    """The arguments without --no-FLAG of a flag that is off unless given: off is what the parser takes anyway."""
    negated = {
        f"--no-{flag}" for name, flag in _flags().items() if isinstance(getattr(RenderOptions(), name), bool)
    }
    return [argument for argument in arguments if argument.replace("_", "-") not in negated]


def _flags() -> dict[str, str]:
    """The option of each field, without its dashes."""
    hints = get_type_hints(RenderOptions, include_extras=True)
    return {
        each.name: _named(hints[each.name]) or each.name.replace("_", "-") for each in fields(RenderOptions)
    }


def _named(hint: Any) -> str | None:
    """The name that a field's option was given in place of its own."""
    return next((one.name for one in getattr(hint, "__metadata__", ()) if getattr(one, "name", None)), None)

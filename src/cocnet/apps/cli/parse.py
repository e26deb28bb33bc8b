"""Arguments to a call: a command is a typed function; its parameters, and the fields of dataclasses, are its options.

Enters: a command and its arguments. Leaves: the call, or SystemExit: 0 after --help, 2 for what it doesn't take.
"""

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import tyro
from tyro.conf import DisallowNone, FlagCreatePairsOff, arg
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)

from cocnet.apps.cli.commands import load
from cocnet.apps.cli.given import without_negated
from cocnet.errors import CocnetError
from cocnet.pipeline.options import Pair

_EXAMPLES = {"--focus-range": "1.5,3", "--mean-coc": "0.005,0.02"}
# a flag that isn't given is off; what is None says its default in words
_SILENT = ("None", "", "''", "False")


def parsed(arguments: Sequence[str]) -> Callable[[], None]:
    """What a command's name and its arguments ask for, ready to be called."""
    name, *given = arguments
    given = without_negated(given) if name == "render" else given
    return tyro.cli(
        _deferred(load(name)),
        prog=f"cocnet {name}",
        args=given,
        config=(FlagCreatePairsOff, DisallowNone),
        registry=_registry(given),
    )


def parse_pair(text: str, words: Sequence[str] = (), option: str = "") -> Pair | str:
    """Two numbers with a comma between them, or one of the words.

    option: for the message. Raises CocnetError, which no other reading can hide.
    """
    if text in words:
        return text
    try:
        first, second = (float(part) for part in text.split(","))
    except ValueError:
        kinds = f"{', '.join(words)} or two numbers with a comma" if words else "two numbers with a comma"
        named = f" for {option}" if option else ""
        example = words[0] if words else _EXAMPLES.get(option, "0.4,0.6")
        raise CocnetError(f"expected {kinds}{named}, got '{text}', try {example}") from None
    return first, second


def _words_beside_pair(hint: Any) -> tuple[str, ...] | None:
    """The words that an option takes in place of a pair of numbers; None where it takes no pair."""
    if str(hint) == str(Pair):
        return ()
    kinds = get_args(hint)
    words = tuple(word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind))
    return words if Pair in kinds and words and type(None) not in kinds else None


def _option_of(text: str, given: Sequence[str]) -> str:
    """The option that a text among the arguments belongs to."""
    for argument, following in zip(given, [*given[1:], None], strict=True):
        if argument.startswith("--") and (following == text or argument.endswith(f"={text}")):
            return argument.partition("=")[0]
    return ""


def _deferred(command: Callable[..., None]) -> Callable[..., Callable[[], None]]:
    """The command with its arguments bound, to be called later: parsing and doing are two steps."""

    def bound(*arguments: Any, **options: Any) -> Callable[[], None]:
        return functools.partial(command, *arguments, **options)

    hints = get_type_hints(command, include_extras=True)
    bound.__doc__, bound.__name__ = _on_lines(inspect.getdoc(command) or ""), command.__name__
    bound.__annotations__ = {name: _with_default(hint) for name, hint in hints.items()}
    bound.__signature__ = inspect.signature(command)  # type: ignore[attr-defined]
    return bound


def _on_lines(doc: str) -> str:
    """A docstring with each parameter's text on one line, to be wrapped to any width."""
    about, args, parameters = doc.partition("\nArgs:\n")
    return about + args + re.sub(r"\n {8,}", " ", parameters)


def _told_by_us(field: StructFieldSpec) -> StructFieldSpec:
    """A field whose text is on one line, too, and says its default as parameters do."""
    text = field.helptext() if callable(field.helptext) else field.helptext
    told: Any = _with_default(field.type)
    return replace(field, helptext=" ".join((text or "").split()), type=told)


def _with_default(hint: Any) -> Any:
    """The type, with its default in the help unless the help's own text says it."""
    return Annotated[hint, arg(help_behavior_hint=_default_of)]


def _default_of(label: str) -> str:
    return (
        ""
        if label in _SILENT
        else "(yes, unless this is given)"
        if label == "True"
        else f"(default: {label})"
    )


def _registry(given: Sequence[str]) -> ConstructorRegistry:
    """Pairs of numbers are written with a comma: `--focus-point 0.4,0.6`; fields are told as `_told_by_us` does.

    given: the arguments, for messages.
    """
    registry = ConstructorRegistry()
    nested: list[bool] = []

    @registry.primitive_rule
    def pair(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
        words = _words_beside_pair(info.type)
        if words is None:
            return None
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar=f"{{{','.join(words)}}}|A,B" if words else "A,B",
            instance_from_str=lambda texts: parse_pair(texts[0], words, _option_of(texts[0], given)),
            is_instance=lambda value: value in words or (isinstance(value, tuple) and len(value) == 2),
            str_from_instance=lambda value: [value if value in words else f"{value[0]:g},{value[1]:g}"],
        )

    @registry.struct_rule
    def told(info: StructTypeInfo) -> StructConstructorSpec | None:
        if nested:
            return None
        nested.append(True)
        try:
            found = ConstructorRegistry.get_struct_spec(info)
        finally:
            nested.pop()
        if not isinstance(found, StructConstructorSpec):
            return None
        return replace(found, fields=tuple(map(_told_by_us, found.fields)))

    return registry

"""`gpudrop upscale FILES…` and its like: one command a kind that works on files, its options made from its schema."""

from __future__ import annotations

import functools
import inspect
import json
import re
import shlex
import sys
import types
import typing
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import BaseModel

from dispatcher.cli import detached
from dispatcher.cli.asked import Asked, Options
from dispatcher.cli.display import Display
from dispatcher.cli.events import JsonDisplay
from dispatcher.cli.records import dressed, parameters_of
from dispatcher.cli.work import do
from dispatcher.config import Settings
from dispatcher.operations.plan import option_of
from protocol.kinds.kind import Kind

_PLAIN = (bool, int, float, str)
_ENDS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def command_of(kind: Kind) -> Callable[..., None]:
    """Return the command of a kind, as typer takes it; what its parameters say of themselves is its help."""
    own = dict(_options(kind))

    def command(**given: Any) -> None:
        params = {name: _value(given.pop(name), takes_many) for name, takes_many in own.items()}
        params = {name: value for name, value in params.items() if value is not None}
        written = shlex.join(["gpudrop", *sys.argv[1:]])
        given["out"] = given["out"] or Settings().default_out
        _run(Asked(kind=kind, params=params, command=written, **given))

    files, *others = parameters_of(Options)
    parameters = [files, *(_parameter(kind, name) for name in own), *others]
    return dressed(command, parameters, name=kind.name, doc=inspect.getdoc(kind.params) or "")


def options_of(kind: Kind) -> Iterator[tuple[str, str, str]]:
    """Yield the options that are the kind's own: (spelling, default, meaning), as `--help` tells them."""
    for name, many in _options(kind):
        field = kind.params.model_fields[name]
        bare = _bare(field.annotation)
        text = _help(kind, name, bare, many).rstrip(".")
        yield _spelling(name, bare), _default(kind, name), text + ("" if many else _listed(bare, text))


def _run(asked: Asked) -> None:
    done = do(asked, JsonDisplay() if asked.as_json else Display(quiet=asked.quiet))
    if asked.detach and not asked.dry_run:
        detached.tell(done.runs, done.told()["failed"], as_json=asked.as_json)
    elif asked.as_json:
        sys.stdout.write(json.dumps(done.told(), ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.writelines(f"{path}\n" for path in done.paths())
    if done.exit_code:
        raise typer.Exit(done.exit_code)


def _options(kind: Kind) -> Iterator[tuple[str, bool]]:
    """Yield each parameter that an option can say, and whether it takes several values."""
    for name, field in kind.params.model_fields.items():
        bare = _bare(field.annotation)
        many = get_origin(bare) is tuple
        item = _bare(get_args(bare)[0]) if many else bare
        if name not in kind.scripted and (item in _PLAIN or get_origin(item) is Literal):
            yield name, many


def _bare(annotation: Any) -> Any:
    """Return a type without what says more about it, and without None."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [each for each in get_args(annotation) if each is not type(None)]
        return _bare(rest[0]) if len(rest) == 1 else annotation
    return annotation


def _parameter(kind: Kind, name: str) -> inspect.Parameter:
    """Return an option for a field; what it says is checked by the field itself, with all the others."""
    bare = _bare(kind.params.model_fields[name].annotation)
    many = get_origin(bare) is tuple
    item = list[str] if many else bare
    default = f" Default: {_default(kind, name)}." if _default(kind, name) else ""
    text = f"{_help(kind, name, bare, many)}{default}"
    shown = typer.Option(_spelling(name, item), help=text, show_default=False, rich_help_panel="What is done")
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[item | None, shown]
    )


def _spelling(name: str, item: Any) -> str:
    return f"{option_of(name)}/--no-{option_of(name)[2:]}" if item is bool else option_of(name)


def _help(kind: Kind, name: str, bare: Any, many: bool) -> str:
    field = kind.params.model_fields[name]
    text = (field.description or "").rstrip(".")
    item = _bare(get_args(bare)[0]) if many else bare
    if text.partition(" ")[0] not in (field.default, *_values(item)):  # a value is written as it is given
        text = text[:1].upper() + text[1:]
    text += _ranged(kind, name, text)
    return f"{text}{_listed(item, text)}; several with commas." if many else f"{text}."


def _values(item: Any) -> tuple[str, ...]:
    return get_args(item) if get_origin(item) is Literal else ()


def _listed(item: Any, text: str) -> str:
    """Return the values that there are, in brackets, unless the text names them all: two may stand in it by chance."""
    values = _values(item)
    named = len(values) > 2 and set(values).issubset(re.findall(r"[\w.-]+", text))
    return "" if named or not values else f" ({', '.join(values)})"


def _ranged(kind: Kind, name: str, text: str) -> str:
    """Return between which numbers a value lies, in brackets, unless the text says so itself."""
    schema = _properties(kind.params)[name]
    numbers = [each for each in schema.get("anyOf", [schema]) if each.get("type") in ("integer", "number")]
    if len(numbers) != 1:
        return ""
    ends = {bound: f"{value:.12g}" for bound, value in numbers[0].items() if bound in _ENDS}
    if {"minimum", "maximum"} <= set(ends):
        told = f"{ends['minimum']} to {ends['maximum']}"
    else:
        told = ", ".join(f"{word} {ends[bound]}" for bound, word in _ENDS.items() if bound in ends)
    return f" ({told})" if told and told not in text else ""


@functools.cache
def _properties(params: type[BaseModel]) -> dict[str, Any]:
    """Return the schema's properties; making one takes a millisecond, and a command has twenty options."""
    properties: dict[str, Any] = params.model_json_schema()["properties"]
    return properties


def _default(kind: Kind, name: str) -> str:
    """Return what holds when an option is not given, as it would be given; nothing where nothing holds."""
    field = kind.params.model_fields[name]
    if kind.fit is not None and name == "format":
        return ""  # it follows from the source
    value = field.get_default(call_default_factory=True)
    if value is None or field.is_required():
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _value(given: Any, many: bool) -> Any:
    """Return what was given: several values may stand in one, with commas, or each behind an option of its own."""
    if not many:
        return given
    return [part.strip() for value in given or () for part in value.split(",") if part.strip()] or None

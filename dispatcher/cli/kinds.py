"""`gpudrop upscale FILES…` and the like: a command for each kind that takes files, with options from its schema."""

from __future__ import annotations

import functools
import inspect
import re
import shlex
import sys
import types
import typing
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import BaseModel

from dispatcher.cli.commands import Sections
from dispatcher.cli.options import KindOptions, parameters_of, with_parameters
from protocol.kinds import KINDS
from protocol.kinds.kind import Kind

__all__ = ["Sections", "command_named", "command_of", "options_of"]

_PLAIN = (bool, int, float, str)
_ENDS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def command_named(name: str) -> Callable[..., None]:
    """Return the command of the kind of this name."""
    return command_of(KINDS[name])


def command_of(kind: Kind) -> Callable[..., None]:
    """Return the command of a kind for typer; the help of its options comes from the schema of its parameters."""
    own = dict(_options(kind))

    def command(**given: Any) -> None:
        params = {name: _value(given.pop(name), takes_many) for name, takes_many in own.items()}
        params = {name: value for name, value in params.items() if value is not None}
        _run(kind, params, given)

    files, *others = parameters_of(KindOptions)
    parameters = [files, *(_parameter(kind, name) for name in own), *others]
    return with_parameters(command, parameters, name=kind.name, doc=inspect.getdoc(kind.params) or "")


def options_of(kind: Kind) -> Iterator[tuple[str, str, str]]:
    """Yield the kind's own options as `--help` shows them: (spelling, default, meaning)."""
    from dispatcher.operations.plan import option_of  # the command itself gets its spelling from typer

    for name, many in _options(kind):
        field = kind.params.model_fields[name]
        bare = _bare(field.annotation)
        flag = option_of(name)
        spelling = f"{flag}/--no-{flag[2:]}" if bare is bool else flag
        text = _help(kind, name, bare, many).rstrip(".")
        yield spelling, _default(kind, name), text + ("" if many else _listed(bare, text))


def _run(kind: Kind, params: dict[str, Any], given: dict[str, Any]) -> None:
    from dispatcher.cli.display import Display, JsonDisplay  # help and completion do without all of these
    from dispatcher.cli.plans import KindRequest
    from dispatcher.cli.work import do
    from dispatcher.config import Settings

    given["out"] = given["out"] or Settings().default_out
    request = KindRequest(kind=kind, params=params, command=shlex.join(["gpudrop", *sys.argv[1:]]), **given)
    outcome = do(request, JsonDisplay() if request.as_json else Display(quiet=request.quiet))
    outcome.print(as_json=request.as_json, detached=request.detach and not request.dry_run)
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


def _options(kind: Kind) -> Iterator[tuple[str, bool]]:
    """Yield the name of each parameter that can be an option, and whether it takes several values."""
    for name, field in kind.params.model_fields.items():
        bare = _bare(field.annotation)
        many = get_origin(bare) is tuple
        item = _bare(get_args(bare)[0]) if many else bare
        if name not in kind.scripted and (item in _PLAIN or get_origin(item) is Literal):
            yield name, many


def _bare(annotation: Any) -> Any:
    """Return a type without Annotated and None."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [each for each in get_args(annotation) if each is not type(None)]
        return _bare(rest[0]) if len(rest) == 1 else annotation
    return annotation


def _parameter(kind: Kind, name: str) -> inspect.Parameter:
    """Return the option for a field; its value is checked with all the others by the kind's own model."""
    bare = _bare(kind.params.model_fields[name].annotation)
    many = get_origin(bare) is tuple
    item = list[str] if many else bare
    default = f" Default: {_default(kind, name)}." if _default(kind, name) else ""
    text = f"{_help(kind, name, bare, many)}{default}"
    shown = typer.Option(help=text, show_default=False, rich_help_panel="Work options")
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[item | None, shown]
    )


def _help(kind: Kind, name: str, bare: Any, many: bool) -> str:
    field = kind.params.model_fields[name]
    text = (field.description or "").rstrip(".")
    item = _bare(get_args(bare)[0]) if many else bare
    if text.partition(" ")[0] not in (field.default, *_values(item)):  # a value is spelled as it is given
        text = text[:1].upper() + text[1:]
    text += _ranged(kind, name, text)
    return f"{text}{_listed(item, text)}; several with commas." if many else f"{text}."


def _values(item: Any) -> tuple[str, ...]:
    return get_args(item) if get_origin(item) is Literal else ()


def _listed(item: Any, text: str) -> str:
    """Return the allowed values in brackets, unless the text names all of them (two may be in it by chance)."""
    values = _values(item)
    named = len(values) > 2 and set(values).issubset(re.findall(r"[\w.-]+", text))
    return "" if named or not values else f" ({', '.join(values)})"


def _ranged(kind: Kind, name: str, text: str) -> str:
    """Return the range of a number in brackets, unless the text contains it."""
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
    """Return the schema's properties; making the schema takes a millisecond, and a command has twenty options."""
    properties: dict[str, Any] = params.model_json_schema()["properties"]
    return properties


def _default(kind: Kind, name: str) -> str:
    """Return the default of an option as a user would write it; empty if there is none."""
    field = kind.params.model_fields[name]
    if kind.fit is not None and name == "format":
        return ""  # it depends on the source
    value = field.get_default(call_default_factory=True)
    if value is None or field.is_required():
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _value(given: Any, many: bool) -> Any:
    """Return the given value; several values may be separated by commas or given by repeating the option."""
    if not many:
        return given
    return [part.strip() for value in given or () for part in value.split(",") if part.strip()] or None

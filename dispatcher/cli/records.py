"""Commands whose options are frozen records: a field is an option, so what was asked for has a type and one place."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Sequence
from typing import Any

import typer


def parameters_of(record: type) -> list[inspect.Parameter]:
    """Return the fields of a record as parameters of a command, in order; `Annotated` says what typer makes of each."""
    hints = typing.get_type_hints(record, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=_default(field), annotation=hints[field.name]
        )
        for field in dataclasses.fields(record)
    ]


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return inspect.Parameter.empty if field.default_factory is dataclasses.MISSING else field.default_factory()


def command(act: Callable[..., None], *records: type) -> Callable[..., None]:
    """Return a command that calls `act` with its context and one of each record, made of the options given."""
    fields = {record: parameters_of(record) for record in records}

    def asked(context: typer.Context, **given: Any) -> None:
        act(context, *(record(**{each.name: given[each.name] for each in mine}) for record, mine in fields.items()))

    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [context, *(each for mine in fields.values() for each in mine)]
    return dressed(asked, parameters, name=act.__name__, doc=inspect.getdoc(act) or "")


def dressed(
    function: Callable[..., None], parameters: Sequence[inspect.Parameter], *, name: str, doc: str
) -> Callable[..., None]:
    """Return a function that takes anything as one that takes these parameters: that is what typer looks at."""
    function.__signature__ = inspect.Signature(list(parameters))  # type: ignore[attr-defined]
    function.__annotations__ = {each.name: each.annotation for each in parameters}
    function.__name__, function.__doc__ = name, doc
    return function

"""Commands whose options are the fields of frozen records, and the record of the options that every kind has."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer


def parameters_of(record: type) -> list[inspect.Parameter]:
    """Return the fields of a record as parameters of a command, in order; `Annotated` describes each to typer."""
    hints = typing.get_type_hints(record, include_extras=True)
    return [
        inspect.Parameter(
            each.name, inspect.Parameter.KEYWORD_ONLY, default=_default(each), annotation=hints[each.name]
        )
        for each in dataclasses.fields(record)
    ]


def _default(of: dataclasses.Field[Any]) -> Any:
    if of.default is not dataclasses.MISSING:
        return of.default
    return inspect.Parameter.empty if of.default_factory is dataclasses.MISSING else of.default_factory()


def command(act: Callable[..., None], *records: type) -> Callable[..., None]:
    """Return a command that calls `act` with its context and one instance of each record, made from its options."""
    fields = {record: parameters_of(record) for record in records}

    def call(context: typer.Context, **given: Any) -> None:
        act(context, *(record(**{each.name: given[each.name] for each in own}) for record, own in fields.items()))

    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [context, *(each for own in fields.values() for each in own)]
    return with_parameters(call, parameters, name=act.__name__, doc=inspect.getdoc(act) or "")


def with_parameters(
    function: Callable[..., None], parameters: Sequence[inspect.Parameter], *, name: str, doc: str
) -> Callable[..., None]:
    """Give a function with **arguments the signature, name and docstring that typer looks at."""
    function.__signature__ = inspect.Signature(list(parameters))  # type: ignore[attr-defined]
    function.__annotations__ = {each.name: each.annotation for each in parameters}
    function.__name__, function.__doc__ = name, doc
    return function


Detach = Annotated[bool, typer.Option("--detach", help="Return at once, and do the work in the background.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON on stdout, and events as JSON lines on stderr.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show only warnings and errors.")]


@dataclass(frozen=True, kw_only=True)
class KindOptions:
    """The options that the command of every kind of work has."""

    files: Annotated[
        list[str],
        typer.Argument(metavar="FILES", help="Files, folders, quoted patterns, or run:ID for the outputs of a run."),
    ]
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder for the results, by default beside each file.")
    ] = None
    backend: Annotated[
        str, typer.Option(help="Where to work: local (this machine) or colab (through the shared folder).")
    ] = "local"
    drop: Annotated[str | None, typer.Option(help="The shared folder or rclone:REMOTE:PATH, for --backend colab.")] = (
        None
    )
    require_engine: Annotated[str | None, typer.Option(help="Fail unless this engine does the work.")] = None
    force: Annotated[
        bool, typer.Option("--force", help="Do the work again even if the result of an earlier run is there.")
    ] = False
    anew: Annotated[bool, typer.Option("--anew", hidden=True)] = False  # what --force was called
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Overwrite existing files.")] = False
    timeout: Annotated[
        float | None, typer.Option(min=1, help="Cancel a job that is not done after N seconds; no limit by default.")
    ] = None
    then: Annotated[
        list[str], typer.Option(help="Process the results further: a kind, or 'KIND name=value …'. May be repeated.")
    ] = field(default_factory=list)
    tag: Annotated[list[str], typer.Option(help="A tag to find the runs by. May be repeated.")] = field(
        default_factory=list
    )
    notify: Annotated[
        str | None, typer.Option(metavar="URL", help="Send a notification to this URL when a run ends.")
    ] = None
    detach: Detach = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the files and show what would be done, without doing it.")
    ] = False
    as_json: AsJson = False
    quiet: Quiet = False

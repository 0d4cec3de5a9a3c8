"""What is asked for on the command line of a kind: the options that every kind's command has, and the kind's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from dispatcher.connection import BACKENDS
from dispatcher.operations.plan import check_params
from dispatcher.runs.tags import check_tags
from protocol.errors import UsageError
from protocol.kinds.kind import Kind
from protocol.problems import not_one_of


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every command of a kind takes."""

    files: Annotated[
        list[str],
        typer.Argument(metavar="FILES", help="Files, folders, quoted patterns, or run:ID, which is what a run made."),
    ]
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder for the results, instead of beside each file.")
    ] = None
    backend: Annotated[
        str, typer.Option(help="Who works: local (this machine) or colab (through the shared folder).")
    ] = "local"
    drop: Annotated[str | None, typer.Option(help="The shared folder or rclone:REMOTE:PATH, for --backend colab.")] = (
        None
    )
    require_engine: Annotated[str | None, typer.Option(help="Fail unless this engine does it.")] = None
    anew: Annotated[bool, typer.Option("--anew", help="Do it again although the result is kept.")] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over files that are in the way.")] = False
    timeout: Annotated[
        float | None,
        typer.Option(min=1, help="Cancel what is not done after so many seconds; without it as long as it takes."),
    ] = None
    then: Annotated[
        list[str], typer.Option(help="Go on with the results: a kind, or 'KIND name=value …'. May be repeated.")
    ] = field(default_factory=list)
    tag: Annotated[list[str], typer.Option(help="A word to find the runs again by. May be repeated.")] = field(
        default_factory=list
    )
    notify: Annotated[str | None, typer.Option(metavar="URL", help="Tell a web address when a run ends.")] = None
    detach: Annotated[
        bool, typer.Option("--detach", help="Return at once with the runs' ids; a monitor finishes them.")
    ] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and look at the files, but do nothing.")
    ] = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results as JSON on stdout, and events as JSON lines on stderr.")
    ] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what must not be missed.")] = False


@dataclass(frozen=True, kw_only=True)
class Asked(Options):
    """One command of a kind. Its parameters are those that were given, and no others."""

    kind: Kind
    params: Mapping[str, Any]
    command: str = ""  # as it was written

    @property
    def is_local(self) -> bool:
        """Say whether the work is done by a worker that this command starts."""
        return self.backend == "local"

    def check(self) -> None:
        """Raise UsageError for what can be seen to be wrong before any file is looked at."""
        if self.backend not in BACKENDS:
            raise UsageError(f"--backend: {not_one_of(self.backend, BACKENDS)}")
        if self.drop is not None and self.is_local:
            raise UsageError("--drop names a shared folder, and the work is done here: give --backend colab too")
        check_params(self.kind, self.params)
        check_tags(self.tag)

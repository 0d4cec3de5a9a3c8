"""`gpudrop tour import` and `gpudrop tour schema`: specs made from other formats, and checked by an editor."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from dispatcher.cli.display import Display
from dispatcher.cli.errors import EPILOG
from dispatcher.cli.events import JsonDisplay
from dispatcher.tour.output.publishing import write_new
from dispatcher.tour.spec import importing, json_schema
from protocol.errors import UsageError


def import_(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="A recording of Chrome's DevTools, or a spec of the old recorder.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The new spec; without it the spec is printed.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was made as JSON on stdout, and events as JSON lines on stderr.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what must not be missed.")] = False,
) -> None:
    """Make a spec from a recording of Chrome's DevTools Recorder (exported as JSON) or a spec of the old recorder.

    What has no equivalent in a tour is told, step by step. The narration is yours to write.
    """
    if as_json and output is None:
        raise UsageError("--json prints what was made: add -o SPEC for the spec itself")
    made = importing.import_spec(source)
    if made.has_relative_paths and output is not None and output.absolute().parent != source.absolute().parent:
        raise UsageError(f"-o {output} must lie beside {source}: its relative paths start there")
    screen = JsonDisplay() if as_json else Display(quiet=quiet)
    for note in made.notes:
        screen.warn(note)
    text = _text(made.spec)
    if output is None:
        sys.stdout.write(text)
        return
    write_new(output, text, force=force)
    steps = len(made.spec.get("segments") or made.spec.get("steps") or ())
    screen.say(f"{steps} step{'s' * (steps != 1)} from {made.format}; write the narration, then: gpudrop tour {output}")
    told = {"spec": str(output), "from": made.format, "steps": steps, "warnings": list(made.notes)}
    sys.stdout.write(f"{json.dumps(told, ensure_ascii=False, indent=1)}\n" if as_json else f"{output}\n")


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this file; without it, it is printed.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Print the JSON Schema of a spec, by which an editor completes and checks it.

    Name the file in the spec's "$schema" key.
    """
    text = _text(json_schema.schema())
    if output is None:
        sys.stdout.write(text)
        return
    write_new(output, text, force=force)
    sys.stdout.write(f"{output}\n")


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
app.command("import", epilog=EPILOG)(import_)
app.command("schema", epilog=EPILOG)(schema)

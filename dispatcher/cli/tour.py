"""`gpudrop tour` and `record_tour.py`: record a narrated tour; import a spec, print the schema of specs."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from dispatcher.cli.commands import EPILOG
from dispatcher.cli.display import Display, JsonDisplay
from dispatcher.cli.errors import run
from dispatcher.cli.options import Quiet, command
from dispatcher.cli.tour_display import TourDisplay, TourEvents, check_can_ask
from dispatcher.cli.tour_options import CommandOptions, Encoding, Film, Rewriting, Speech, options_of
from dispatcher.config import Settings
from dispatcher.jobs.client import new_id
from dispatcher.runs.record import short
from dispatcher.runs.store import RunStore
from dispatcher.tour.control import repeatable, start
from dispatcher.tour.output.publishing import write_new
from dispatcher.tour.record import Recording, load_checked, preview, record, rehearse
from dispatcher.tour.recording.takes import RehearsedStep
from dispatcher.tour.registry import RegisteredTour, log_of, new_group, recording_end
from dispatcher.tour.session import TourSession
from dispatcher.tour.spec import importing, json_schema
from protocol.errors import UsageError
from protocol.transports.host import SYSTEM


def _tour(
    context: typer.Context, film: Film, speech: Speech, rewriting: Rewriting, encoding: Encoding, own: CommandOptions
) -> None:
    """Record a narrated tour: speak, record, cut. Prints the path of the video; after an interruption, run it again.

    `gpudrop tour import` makes a spec from a recording of Chrome's DevTools; `gpudrop tour schema` prints the schema
    of a spec for editors.
    """
    speech.check()
    film.check(detach=own.detach, show_spoken=speech.show_spoken)
    check_can_ask(enhance=rewriting.enhance, yes=rewriting.yes, as_json=own.as_json, others=rewriting.given)
    settings = Settings()
    words = 1 if context.parent is None else 2  # `record_tour.py` is the command itself
    options = options_of(film, speech, rewriting, encoding, own, settings)
    options = replace(options, group=own.group or new_id(SYSTEM), command=repeatable(sys.argv[words:]))
    log = None if own.group else log_of(settings, options.group or "")  # a detached tour writes to its log anyway
    screen = TourEvents() if own.as_json else TourDisplay(quiet=own.quiet, log=log)
    session = TourSession(spec_path=film.spec, options=options, settings=settings, screen=screen)
    if own.detach:
        _detach(session, as_json=own.as_json)
        return
    if speech.show_spoken:
        sys.stdout.write(f"{preview(session)}\n")
        return
    if film.rehearse:
        done = rehearse(session)
        sys.stdout.write(f"{_rehearsed_json(done) if own.as_json else _rehearsed(done)}\n")
        return
    with _announced(settings, own.group):
        made = record(session)
    sys.stdout.write(f"{_json(made)}\n" if own.as_json else _paths(made))


def _detach(session: TourSession, *, as_json: bool) -> None:
    """Record a tour in the background; errors of its spec are reported now."""
    spec, settings = load_checked(session), session.settings
    tour = new_group(spec.meta.title or session.spec_path.name, session)
    with RunStore.open(settings.database, durability=settings.durability) as store:
        store.tours.begin(tour)
    start(settings, tour)
    sys.stderr.write(f"recording in the background; follow it with: gpudrop runs logs -f {short(tour.id)}\n")
    log = str(log_of(settings, tour.id))
    sys.stdout.write(f"{json.dumps({'tour': tour.id, 'log': log}) if as_json else tour.id}\n")


@contextlib.contextmanager
def _announced(settings: Settings, tour: str | None) -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C within a block, and record the end of a tour that another process announced."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with recording_end(settings, RegisteredTour(id=tour)) if tour else contextlib.nullcontext():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _rehearsed(done: Sequence[RehearsedStep]) -> str:
    lines = [f"{step.step_id}: ok ({step.seconds:.1f} s)" for step in done]
    count = "1 step works" if len(done) == 1 else f"all {len(done)} steps work"
    return "\n".join([*lines, count])


def _rehearsed_json(done: Sequence[RehearsedStep]) -> str:
    steps = [{"id": step.step_id, "seconds": round(step.seconds, 3), "warnings": list(step.warnings)} for step in done]
    warnings = [warning for step in done for warning in step.warnings]
    return json.dumps({"rehearsed": steps, "warnings": warnings}, ensure_ascii=False, indent=1)


def _paths(made: Recording) -> str:
    paths = [made.video] if made.video else [clip.wav for clip in made.narration.clips.values()]
    return "".join(f"{path}\n" for path in paths)


def _json(made: Recording) -> str:
    clips = {step: {"wav": str(clip.wav), "seconds": clip.seconds} for step, clip in made.narration.clips.items()}
    fields = {
        "tour": made.tour,
        "video": str(made.video) if made.video else None,
        "report": str(made.report) if made.report else None,
        "engine": made.narration.engine,
        "warnings": list(made.warnings),
        "narration": clips,
    }
    if made.enhancement is not None:
        fields["enhancement"] = made.enhancement.as_dict()
    return json.dumps(fields, ensure_ascii=False, indent=1)


def import_(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="A recording of Chrome's DevTools, or a spec of the old recorder.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the spec to this new file instead of stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON on stdout, and events as JSON lines on stderr.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Make a spec from a recording of Chrome's DevTools Recorder (exported as JSON) or a spec of the old recorder.

    Steps that have no equivalent in a tour are listed as warnings. You write the narration yourself.
    """
    if as_json and output is None:
        raise UsageError("--json prints a summary: add -o SPEC for the spec itself")
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
    fields = {"spec": str(output), "from": made.format, "steps": steps, "warnings": list(made.notes)}
    sys.stdout.write(f"{json.dumps(fields, ensure_ascii=False, indent=1)}\n" if as_json else f"{output}\n")


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the schema to this new file instead of stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Print the JSON Schema of a spec, with which an editor completes and checks it.

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


_specs = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
_specs.command("import", epilog=EPILOG)(import_)
_specs.command("schema", epilog=EPILOG)(schema)


tour = command(_tour, Film, Speech, Rewriting, Encoding, CommandOptions)


class TourCommand(TyperCommand):
    """`gpudrop tour SPEC` records a tour; `gpudrop tour import` and `gpudrop tour schema` are subcommands."""

    @property
    def subcommands(self) -> dict[str, Any]:
        """Return the subcommands by name."""
        specs: Any = typer.main.get_command(_specs)
        found: dict[str, Any] = specs.commands
        return found

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Return the context of the subcommand that the first word names, or else of the recording."""
        if args and (found := self.subcommands.get(args[0])):
            return found.make_context(f"{info_name} {args[0]}", args[1:], parent=parent, **extra)
        return super().make_context(info_name, args, parent=parent, **extra)


def main() -> None:
    """Run `record_tour.py`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(epilog=EPILOG)(tour)
    run(app)

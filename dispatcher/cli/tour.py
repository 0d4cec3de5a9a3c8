"""`gpudrop tour` and `record_tour.py`: record a narrated tour."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import typer
from typer.core import TyperCommand

from dispatcher.cli import tour_specs
from dispatcher.cli.detached import tell_tour
from dispatcher.cli.errors import EPILOG, run
from dispatcher.cli.records import command
from dispatcher.cli.review import check as check_somebody_is_asked
from dispatcher.cli.tour_display import TourDisplay, TourEvents
from dispatcher.cli.tour_options import Encoding, Film, Manner, Rewriting, Speech, options_of
from dispatcher.config import Settings
from dispatcher.jobs.client import new_id
from dispatcher.runs.store import RunStore
from dispatcher.tour.control import repeatable, start
from dispatcher.tour.record import Recording, load_checked, preview, record, rehearse
from dispatcher.tour.recording.takes import RehearsedStep
from dispatcher.tour.registry import RegisteredTour, log_of, new_group, recording_end
from dispatcher.tour.session import TourSession
from protocol.transports.host import SYSTEM


def _tour(
    context: typer.Context, film: Film, speech: Speech, rewriting: Rewriting, encoding: Encoding, manner: Manner
) -> None:
    """Record a narrated tour: speak, film, cut. Prints the path of the film; run it again after any interruption.

    `gpudrop tour import` makes a spec from a recording of Chrome's DevTools; `gpudrop tour schema` prints the schema
    of a spec for editors.
    """
    speech.check()
    film.check(detach=manner.detach, show_spoken=speech.show_spoken)
    check_somebody_is_asked(
        enhance=rewriting.enhance, yes=rewriting.yes, as_json=manner.as_json, others=rewriting.given
    )
    settings = Settings()
    words = 1 if context.parent is None else 2  # `record_tour.py` is the command itself
    options = options_of(film, speech, rewriting, encoding, manner, settings)
    options = replace(options, group=manner.group or new_id(SYSTEM), command=repeatable(sys.argv[words:]))
    log = None if manner.group else log_of(settings, options.group or "")  # a detached one's lines go there already
    screen = TourEvents() if manner.as_json else TourDisplay(quiet=manner.quiet, log=log)
    session = TourSession(spec_path=film.spec, options=options, settings=settings, screen=screen)
    if manner.detach:
        _detach(session, as_json=manner.as_json)
        return
    if speech.show_spoken:
        sys.stdout.write(f"{preview(session)}\n")
        return
    if film.rehearse:
        done = rehearse(session)
        sys.stdout.write(f"{_rehearsed_json(done) if manner.as_json else _rehearsed(done)}\n")
        return
    with _announced(settings, manner.group):
        made = record(session)
    sys.stdout.write(f"{_json(made)}\n" if manner.as_json else _plain(made))


def _detach(session: TourSession, *, as_json: bool) -> None:
    """Have a tour recorded in the background; what is wrong with its spec is told here and now."""
    spec, settings = load_checked(session), session.settings
    tour = new_group(spec.meta.title or session.spec_path.name, session)
    with RunStore.open(settings.database, durability=settings.durability) as store:
        store.tours.begin(tour)
    start(settings, tour)
    tell_tour(tour.id, log_of(settings, tour.id), as_json=as_json)


@contextlib.contextmanager
def _announced(settings: Settings, tour: str | None) -> Iterator[None]:
    """End a block on SIGTERM as on Ctrl-C. A tour that was announced by another process ends with it, in any case."""
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


def _plain(made: Recording) -> str:
    paths = [made.video] if made.video else [clip.wav for clip in made.narration.clips.values()]
    return "".join(f"{path}\n" for path in paths)


def _json(made: Recording) -> str:
    clips = {step: {"wav": str(clip.wav), "seconds": clip.seconds} for step, clip in made.narration.clips.items()}
    told = {
        "tour": made.tour,
        "video": str(made.video) if made.video else None,
        "report": str(made.report) if made.report else None,
        "engine": made.narration.engine,
        "warnings": list(made.warnings),
        "narration": clips,
    }
    if made.enhancement is not None:
        told["enhancement"] = made.enhancement.as_dict()
    return json.dumps(told, ensure_ascii=False, indent=1)


tour = command(_tour, Film, Speech, Rewriting, Encoding, Manner)


class TourCommand(TyperCommand):
    """`gpudrop tour SPEC` records; `gpudrop tour import` and `gpudrop tour schema` are commands of their own."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Return the context of the command that the first word names, else of the recording."""
        others: Any = typer.main.get_command(tour_specs.app)
        if args and args[0] in others.commands:
            command = others.commands[args[0]]
            return command.make_context(f"{info_name} {args[0]}", args[1:], parent=parent, **extra)
        return super().make_context(info_name, args, parent=parent, **extra)


def main() -> None:
    """Be `record_tour.py`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(epilog=EPILOG)(tour)
    run(app)

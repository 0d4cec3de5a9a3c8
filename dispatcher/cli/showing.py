"""Runs and workers as people see them: tables that fit 80 columns, and stay whole lines in a pipe."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TextIO, cast

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from dispatcher.formatting import clock_time, rough_time
from dispatcher.runs.record import Run, short
from protocol.redaction import legible, without_secrets

PIPE_COLUMNS = 10_000
"""In a pipe no line is wrapped or cut at a width: who wants less has tools for that."""

BRIEF = 100
"""So many characters of an error or note stand in a table, wherever it is printed."""

COLOURS = {
    "pending": "dim",
    "queued": "cyan",
    "running": "blue",
    "verifying": "blue",
    "completed": "green",
    "failed": "red",
    "crashed": "red",
    "cancelled": "yellow",
    "expired": "yellow",
}


def console() -> Console:
    """Return the way to stdout; colours only in a terminal that wants them (NO_COLOR)."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=PIPE_COLUMNS, file=cast(TextIO, _Trimmed()), force_terminal=False)


class _Trimmed:
    """Writes to stdout without the blanks that fill a table's lines."""

    def write(self, text: str) -> int:
        """Write whole lines without what is blank at their ends."""
        sys.stdout.write("\n".join(line.rstrip(" ") for line in text.split("\n")))
        return len(text)

    def flush(self) -> None:
        """Send what was written."""
        sys.stdout.flush()


def plain(text: str) -> str:
    """Return a text of somebody else's as text: no terminal obeys it, nor do our own marks, and no secret is in it."""
    return escape(legible(without_secrets(text)))


def one_line(text: str) -> str:
    """Return a text of somebody else's in one line."""
    return plain(" ".join(text.split()))


def table(*columns: str, last: str = "") -> Table:
    """Return an empty table of narrow columns, and a last one that takes the room which is left."""
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold", expand=sys.stdout.isatty())
    for name in columns:
        made.add_column(name, no_wrap=True)
    made.add_column(last, no_wrap=True, overflow="ellipsis", ratio=1)
    return made


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """Return a list of named facts; a long one goes on in its own column."""
    made = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    made.add_column(no_wrap=True, style="bold")
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, value)
    return made


def runs_table(runs: Sequence[Run], now: float) -> Table:
    """Return one line a run."""
    made = table("id", "kind", "status", "age", "took", last="what")
    for run in runs:
        made.add_row(*cells(run, now))
    return made


def cells(run: Run, now: float, indent: str = "") -> list[RenderableType]:
    """Return the cells of a run's line."""
    age = rough_time(max(0.0, now - run.created_at))
    return [indent + short(run.id), one_line(run.kind), status_of(run), age, took(run, now), what_of(run)]


def status_of(run: Run) -> str:
    """Return the status with its colour, and how far an open run is."""
    far = f" {100 * run.progress:.0f} %" if run.is_open and run.progress is not None else ""
    return f"[{COLOURS[run.status]}]{run.status}{far}[/]"


def took(run: Run, now: float) -> str:
    """Return how long a run was worked at, until now where it is."""
    if run.started_at is None:
        return "-"
    return rough_time(max(0.0, (run.ended_at or now) - run.started_at))


def what_of(run: Run) -> str:
    """Return what a run is about: its title, and what an open or a failed one has to say, in a few words."""
    said = run.error_text or "" if not run.is_open and run.status != "completed" else ""
    note = brief(run.progress_note if run.is_open else said)
    return one_line(f"{run.title or '-'}{f' · {note}' if note else ''}")


def brief(text: str) -> str:
    """Return the first line of a text, cut between words where it is long: `runs show` has all of it."""
    return textwrap.shorten(text.strip().partition("\n")[0], BRIEF, placeholder=" …")


def when(at: float | None, now: float) -> str:
    """Return a moment and how long ago it was; a dash for none."""
    return "-" if at is None else f"{clock_time(at, now)} ({rough_time(max(0.0, now - at))} ago)"

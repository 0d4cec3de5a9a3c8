"""Runs and workers as tables: 80 columns in a terminal, whole lines in a pipe."""

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
from usertext.redaction import legible, without_secrets

PIPE_COLUMNS = 10_000
"""In a pipe no line is wrapped or cut."""

BRIEF = 100
"""The length at which an error or note is cut in a table."""

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
    """Return a console on stdout, with colours only in a terminal and without NO_COLOR."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=PIPE_COLUMNS, file=cast(TextIO, _Trimmed()), force_terminal=False)


class _Trimmed:
    """Writes to stdout without trailing blanks, which rich pads a table with."""

    def write(self, text: str) -> int:
        """Write text without the blanks at the end of its lines."""
        sys.stdout.write("\n".join(line.rstrip(" ") for line in text.split("\n")))
        return len(text)

    def flush(self) -> None:
        """Flush stdout."""
        sys.stdout.flush()


def plain(text: str) -> str:
    """Return untrusted text without secrets, terminal control characters and rich markup."""
    return escape(legible(without_secrets(text)))


def one_line(text: str) -> str:
    """Return untrusted text as a single line."""
    return plain(" ".join(text.split()))


def table(*columns: str, last: str = "") -> Table:
    """Return an empty table; the last column takes the remaining width."""
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold", expand=sys.stdout.isatty())
    for name in columns:
        made.add_column(name, no_wrap=True)
    made.add_column(last, no_wrap=True, overflow="ellipsis", ratio=1)
    return made


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """Return a two-column table of names and values; long values wrap in their own column."""
    made = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    made.add_column(no_wrap=True, style="bold")
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, value)
    return made


def runs_table(runs: Sequence[Run], now: float) -> Table:
    """Return a table with one line a run."""
    made = table("id", "kind", "status", "age", "took", last="what")
    for run in runs:
        made.add_row(*cells(run, now))
    return made


def cells(run: Run, now: float, indent: str = "") -> list[RenderableType]:
    """Return the cells of one line of the table of runs."""
    age = rough_time(max(0.0, now - run.created_at))
    return [indent + short(run.id), one_line(run.kind), status_of(run), age, took(run, now), what_of(run)]


def status_of(run: Run) -> str:
    """Return the coloured status, with the progress of an open run."""
    far = f" {100 * run.progress:.0f} %" if run.is_open and run.progress is not None else ""
    return f"[{COLOURS[run.status]}]{run.status}{far}[/]"


def took(run: Run, now: float) -> str:
    """Return how long a run has been worked on."""
    if run.started_at is None:
        return "-"
    return rough_time(max(0.0, (run.ended_at or now) - run.started_at))


def what_of(run: Run) -> str:
    """Return a run's title, with the note of an open run or the error of a failed one."""
    said = run.error_text or "" if not run.is_open and run.status != "completed" else ""
    note = brief(run.progress_note if run.is_open else said)
    return one_line(f"{run.title or '-'}{f' · {note}' if note else ''}")


def brief(text: str) -> str:
    """Return the first line of a text, shortened between words; `runs show` has all of it."""
    return textwrap.shorten(text.strip().partition("\n")[0], BRIEF, placeholder=" …")


def when(at: float | None, now: float) -> str:
    """Return a time and how long ago it was, or a dash."""
    return "-" if at is None else f"{clock_time(at, now)} ({rough_time(max(0.0, now - at))} ago)"

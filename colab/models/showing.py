"""How `gpudrop models` shows a table, and how far a download is: on a terminal by rich, elsewhere in plain lines."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from colab.models.shop import ModelRow
from colab.models.table import ModelFile
from colab.models.telling import Watch
from usertext.redaction import legible

PLAIN_S = 10.0


def as_json(record: Any) -> None:
    """Print one record for a program."""
    sys.stdout.write(json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def line(text: str) -> None:
    """Print a line for a person."""
    sys.stdout.write(f"{legible(text)}\n")


def table(rows: Sequence[ModelRow]) -> None:
    """Print a table of models, folded to a terminal's width; a line each where there is none."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("model", "kind"):
        shown.add_column(name, no_wrap=True)
    shown.add_column("size", justify="right", no_wrap=True)
    shown.add_column("licence", no_wrap=True)
    shown.add_column("where", no_wrap=True)
    shown.add_column("verified", no_wrap=True)
    shown.add_column("what for", overflow="fold")
    for row in rows:
        mark = " (yours)" if row.owned else ""
        verified = "yes" if row.verified else "-" if row.where in ("not here", "in the drop") else "no"
        cells = (row.name + mark, row.kind, in_words(row.size), row.licence, row.where, verified, row.purpose)
        shown.add_row(*(legible(cell) for cell in cells))
    if sys.stdout.isatty():
        Console(highlight=False, markup=False).print(shown)
        return
    console = Console(width=400, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(shown)
    sys.stdout.write("".join(f"{told.rstrip()}\n" for told in captured.get().splitlines()))


def in_words(size: int) -> str:
    """Return a number of bytes as people say it."""
    if size >= 1e9:
        return f"{size / 1e9:.2f} GB"
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


@contextlib.contextmanager
def watching(total: int) -> Iterator[Watch]:
    """Show how far the fetching of `total` bytes is, on stderr, for the length of a block; yield who is to be told."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(total).arrived
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        tasks: dict[str, Any] = {}

        def arrived(file: ModelFile, done: int) -> None:
            if file.name not in tasks:
                tasks[file.name] = progress.add_task(file.name, total=file.size)
            progress.update(tasks[file.name], completed=done)

        yield arrived


class _Lines:
    """A line now and then, with the time that is left."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, {"": 0}
        self._first: tuple[float, int] | None = None
        self._told = time.monotonic()

    def arrived(self, file: ModelFile, done: int) -> None:
        now = time.monotonic()
        self._done[file.name] = done
        arrived = sum(self._done.values())
        self._first = self._first or (now, arrived)
        if now - self._told < PLAIN_S:
            return
        self._told = now
        seconds, came = now - self._first[0], arrived - self._first[1]
        left = f", {(self._total - arrived) * seconds / came:.0f} s left" if seconds > 0 and came > 0 else ""
        sys.stderr.write(f"{file.name}: {in_words(arrived)} of {in_words(self._total)}{left}\n")

"""`gpudrop runs logs`: the history of a run or tour, live with -f, and the logs of its workers."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from dispatcher.cli.runs_select import Json, RunName, mark_dead_tours, members, one_named, opened
from dispatcher.cli.telling import print_json
from dispatcher.config import Settings
from dispatcher.formatting import file_size
from dispatcher.runs.record import AttemptRecord, Change, Group, Run, short
from dispatcher.runs.store import RunStore
from usertext.redaction import legible, without_secrets

REFRESH_S = 0.5
LOGS_WITHIN_S = 20.0
"""How long to wait for the logs of a run that has just ended."""

UNFOLLOWED_S = 10.0
"""How long a run may be without a monitor before -f says so."""

_BLOCK = 64 << 10
_MAX_TAIL = 4 << 20
"""At most this much is read from the end of a log, however long its lines are."""

_PIECE = 1 << 20


def logs(
    run: RunName,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow the run until it has ended.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="Show the last N lines of each log.")] = 200,
    whole: Annotated[bool, typer.Option("--all", help="Show each log in full.")] = False,
    json_: Json = False,
) -> None:
    """Print a run's history and the logs of its attempts, or a tour's log.

    Logs of attempts are downloaded when the run has ended. With -f, history and progress are shown as they happen;
    Ctrl-C stops only this command.
    """
    with opened() as (settings, store):
        found = one_named(store, settings, run)
        if isinstance(found, Group):
            _logs_of_tour(store, settings, found, follow=follow, lines=lines, whole=whole, json_=json_)
            return
        if json_:
            print_json(_as_dict(store, _followed(store, found) if follow else found, lines))
            return
        _print_history(store, found, follow=follow)
        for attempt in store.trace.attempts(found.id):
            _print_log(attempt, lines, whole=whole)


def _print_history(store: RunStore, run: Run, *, follow: bool) -> None:
    printed = 0
    for now in _states(store, run.id) if follow else [store.get(run.id)]:
        changes = store.trace.changes(run.id)
        for change in changes[printed:]:
            sys.stdout.write(_line(change))
        printed = max(printed, len(changes))
        sys.stdout.flush()
        _show_progress(now, follow=follow)
    if follow and sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")


def _followed(store: RunStore, run: Run) -> Run:
    *_, last = _states(store, run.id)
    return last


def _states(store: RunStore, run_id: str) -> Iterator[Run]:
    """Yield the current state of a run until it has ended and its logs are downloaded."""
    ended = warned = False
    waited_from = time.monotonic()
    while True:
        run = store.get(run_id)
        yield run
        if run.is_open and not warned and run.monitor is None and time.monotonic() - waited_from > UNFOLLOWED_S:
            warned = True
            sys.stderr.write("no process follows this run now; start one: gpudrop watch\n")
        if not run.is_open:
            if not ended:
                ended, waited_from = True, time.monotonic()
            logs_known = all(it.log is not None for it in store.trace.attempts(run_id))
            if logs_known or time.monotonic() - waited_from > LOGS_WITHIN_S:
                return
        time.sleep(REFRESH_S)


def _show_progress(run: Run, *, follow: bool) -> None:
    """Show the progress of an open run on a terminal, in a line that is overwritten."""
    if follow and sys.stderr.isatty() and run.is_open:
        share = f"{100 * run.progress:.0f} % " if run.progress is not None else ""
        sys.stderr.write(f"\r\x1b[K{short(run.id)} {run.status} {share}{legible(run.progress_note)[:60]}")
        sys.stderr.flush()


def _line(change: Change) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(change.at))
    return f"{at} {change.status}: {_clean(change.text)}\n"


def _clean(text: str) -> str:
    return legible(without_secrets(text))


def _print_log(attempt: AttemptRecord, lines: int, *, whole: bool) -> None:
    head = f"--- attempt {attempt.n} by {_clean(attempt.worker)}, {attempt.status}"
    path, missing = log_of(attempt)
    if path is None:
        sys.stdout.write(f"{head}: {missing}\n")
        return
    size = path.stat().st_size
    sys.stdout.write(f"{head}: {path} ({file_size(size)})\n")
    if whole:
        for piece in _pieces(path):
            sys.stdout.write(_clean(piece))
        sys.stdout.write("\n")
        return
    shown, cut = tail(path, lines)
    if cut:
        sys.stdout.write(f"… the last {len(shown)} lines; --all shows everything\n")
    sys.stdout.writelines(f"{_clean(line)}\n" for line in shown)


def log_of(attempt: AttemptRecord) -> tuple[Path | None, str]:
    """Return the path of an attempt's log, or None and why there is none."""
    if attempt.log is None:
        return None, "its log is downloaded when the run has ended"
    if not attempt.log:
        return None, "it wrote no log"
    path = Path(attempt.log)
    return (path, "") if path.is_file() else (None, f"its log is no longer at {path}")


def tail(path: Path, lines: int) -> tuple[list[str], bool]:
    """Return the last lines of a file, and whether there are more before them. Reads only the end of the file."""
    with path.open("rb") as file:
        position = end = file.seek(0, os.SEEK_END)
        blocks: list[bytes] = []
        breaks = 0
        while position > 0 and breaks <= lines and end - position < _MAX_TAIL:
            size = min(_BLOCK, position)
            position -= size
            file.seek(position)
            blocks.insert(0, file.read(size))
            breaks += blocks[0].count(b"\n")
    found = b"".join(blocks).decode("utf-8", "replace").splitlines()
    return found[-lines:], position > 0 or len(found) > lines


def _pieces(path: Path) -> Iterator[str]:
    """Yield a text file in pieces that end with a whole line, unless the line is very long."""
    with path.open("r", encoding="utf-8", errors="replace") as file:
        while piece := file.read(_PIECE):
            yield piece + file.readline(_PIECE)


def _as_dict(store: RunStore, run: Run, lines: int) -> dict[str, Any]:
    history = [
        {"at": it.at, "status": it.status, "why": it.why, "text": _clean(it.text)} for it in store.trace.changes(run.id)
    ]
    attempts = [_attempt_as_dict(it, lines) for it in store.trace.attempts(run.id)]
    return {"id": run.id, "status": run.status, "history": history, "attempts": attempts}


def _attempt_as_dict(attempt: AttemptRecord, lines: int) -> dict[str, Any]:
    path, missing = log_of(attempt)
    shown, cut = tail(path, lines) if path else ([], False)
    return {
        "attempt": attempt.n,
        "worker": attempt.worker,
        "status": attempt.status,
        "log": str(path) if path else None,
        "missing": missing or None,
        "is_cut": cut,
        "lines": [_clean(line) for line in shown],
    }


def _logs_of_tour(
    store: RunStore, settings: Settings, tour: Group, *, follow: bool, lines: int, whole: bool, json_: bool
) -> None:
    """Print the log of a tour, while it is recorded or afterwards, and how it ended."""
    from dispatcher.tour.registry import log_of as log_of_tour  # slow to import, and only tours need it

    path, printed = log_of_tour(settings, tour.id), 0
    if follow and not json_:
        printed = _follow(store, settings, tour.id, path)
    tour = store.search.group(tour.id)
    shown, cut = tail(path, 10**9 if whole else lines) if path.is_file() else ([], False)
    shown = [_clean(line) for line in shown]
    if json_:
        runs = [{"id": run.id, "kind": run.kind, "status": run.status} for run in members(store, tour)]
        print_json({"id": tour.id, "status": tour.status, "log": str(path), "lines": shown, "runs": runs})
        return
    if not printed:
        if cut:
            sys.stdout.write(f"… the last {len(shown)} lines; --all shows everything\n")
        sys.stdout.writelines(f"{line}\n" for line in shown)
    ended = f": {_clean(tour.error_text)}" if tour.error_text else ""
    sys.stdout.write(f"{tour.sort} {tour.id} {tour.status}{ended}\n")
    for run in members(store, tour):
        sys.stdout.write(f"run {run.id} {run.kind} {run.status}: gpudrop runs logs {short(run.id)}\n")


def _follow(store: RunStore, settings: Settings, tour: str, path: Path) -> int:
    """Print a log as it grows until its tour has ended; return how many bytes were printed."""
    printed = 0
    while True:
        mark_dead_tours(store, settings)
        is_open = store.search.group(tour).is_open
        if path.is_file():
            with path.open("rb") as log:
                log.seek(printed)
                new = log.read()
            whole = new if not is_open else new[: new.rfind(b"\n") + 1]
            printed += len(whole)
            sys.stdout.write(_clean(whole.decode("utf-8", "replace")))
            sys.stdout.flush()
        if not is_open:
            return printed
        time.sleep(REFRESH_S)

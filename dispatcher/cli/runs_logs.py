"""`gpudrop runs logs`: a run's history, live if wanted, and what its workers wrote down."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from dispatcher.cli.listing import one_named
from dispatcher.cli.opening import Json, RunName, opened
from dispatcher.cli.telling import print_json
from dispatcher.formatting import file_size
from dispatcher.runs.record import AttemptRecord, Change, Group, Run, short
from dispatcher.runs.store import RunStore
from protocol.redaction import legible, without_secrets

LOOK_S = 0.5
HOME_S = 20.0
"""How long the logs of a run that has just ended are waited for."""

UNATTENDED_S = 10.0
_BLOCK = 64 << 10
_MOST = 4 << 20
"""So many bytes at most are read from the end of a log, however long its lines are."""

_PIECE = 1 << 20


def logs(
    run: RunName,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="So many lines of each log, the last ones.")] = 200,
    whole: Annotated[bool, typer.Option("--all", help="Each log as a whole, however long it is.")] = False,
    json_: Json = False,
) -> None:
    """Print a run's history and then the logs of its attempts, which come home when it has ended; or a tour's log.

    With -f, history and progress are told as they happen; Ctrl-C leaves the run as it is.
    """
    with opened() as (settings, store):
        found = one_named(store, settings, run)
        if isinstance(found, Group):
            from dispatcher.cli.runs_tour import logs_of_tour

            logs_of_tour(store, settings, found, follow=follow, lines=lines, whole=whole, json_=json_)
            return
        if json_:
            print_json(_told(store, _followed(store, found) if follow else found, lines))
            return
        _print_history(store, found, follow=follow)
        for attempt in store.trace.attempts(found.id):
            _print_log(attempt, lines, whole=whole)


def _print_history(store: RunStore, run: Run, *, follow: bool) -> None:
    told = 0
    for now in _states(store, run.id) if follow else [store.get(run.id)]:
        changes = store.trace.changes(run.id)
        for change in changes[told:]:
            sys.stdout.write(_line(change))
        told = max(told, len(changes))
        sys.stdout.flush()
        _tell_progress(now, follow=follow)
    if follow and sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")


def _followed(store: RunStore, run: Run) -> Run:
    *_, last = _states(store, run.id)
    return last


def _states(store: RunStore, run_id: str) -> Iterator[Run]:
    """Yield a run again and again until it has ended and its logs are home."""
    ended = told = False
    waited_from = time.monotonic()
    while True:
        run = store.get(run_id)
        yield run
        if run.is_open and not told and run.monitor is None and time.monotonic() - waited_from > UNATTENDED_S:
            told = True
            sys.stderr.write("nobody follows this run now: `gpudrop watch` does\n")
        if not run.is_open:
            if not ended:
                ended, waited_from = True, time.monotonic()
            logs_known = all(it.log is not None for it in store.trace.attempts(run_id))
            if logs_known or time.monotonic() - waited_from > HOME_S:
                return
        time.sleep(LOOK_S)


def _tell_progress(run: Run, *, follow: bool) -> None:
    """Say on a terminal how far an open run is, in one line that is written over."""
    if follow and sys.stderr.isatty() and run.is_open:
        far = f"{100 * run.progress:.0f} % " if run.progress is not None else ""
        sys.stderr.write(f"\r\x1b[K{short(run.id)} {run.status} {far}{legible(run.progress_note)[:60]}")
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
        sys.stdout.write(f"… its last {len(shown)} lines; --all shows it whole\n")
    sys.stdout.writelines(f"{_clean(line)}\n" for line in shown)


def log_of(attempt: AttemptRecord) -> tuple[Path | None, str]:
    """Return where the log of an attempt is, or why there is none; that is no error."""
    if attempt.log is None:
        return None, "its log is not here yet; it is downloaded when the run has ended"
    if not attempt.log:
        return None, "it wrote no log"
    path = Path(attempt.log)
    return (path, "") if path.is_file() else (None, f"its log is not at {path} any more")


def tail(path: Path, lines: int) -> tuple[list[str], bool]:
    """Return the last lines of a file, read from its end, and whether there is more before them."""
    with path.open("rb") as file:
        position = end = file.seek(0, os.SEEK_END)
        blocks: list[bytes] = []
        breaks = 0
        while position > 0 and breaks <= lines and end - position < _MOST:
            size = min(_BLOCK, position)
            position -= size
            file.seek(position)
            blocks.insert(0, file.read(size))
            breaks += blocks[0].count(b"\n")
    found = b"".join(blocks).decode("utf-8", "replace").splitlines()
    return found[-lines:], position > 0 or len(found) > lines


def _pieces(path: Path) -> Iterator[str]:
    """Yield a text file piece by piece, each ending with a line where one ends within it."""
    with path.open("r", encoding="utf-8", errors="replace") as file:
        while piece := file.read(_PIECE):
            yield piece + file.readline(_PIECE)


def _told(store: RunStore, run: Run, lines: int) -> dict[str, Any]:
    history = [
        {"at": it.at, "status": it.status, "why": it.why, "text": _clean(it.text)} for it in store.trace.changes(run.id)
    ]
    attempts = [_attempt_told(it, lines) for it in store.trace.attempts(run.id)]
    return {"id": run.id, "status": run.status, "history": history, "attempts": attempts}


def _attempt_told(attempt: AttemptRecord, lines: int) -> dict[str, Any]:
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

"""A tour, or a batch, where a command of `gpudrop runs` is given one: shown, and its log printed and followed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dispatcher.cli.listing import members
from dispatcher.cli.runs_logs import LOOK_S, tail
from dispatcher.cli.showing import console, facts, one_line, plain, runs_table, status_of, when
from dispatcher.cli.telling import print_json, run_told, runs_told
from dispatcher.config import Settings
from dispatcher.formatting import rough_time
from dispatcher.runs.record import Group, short
from dispatcher.runs.store import RunStore
from dispatcher.runs.tours import as_run
from dispatcher.tour.acts import mark_dead
from dispatcher.tour.remembering import log_of
from protocol.redaction import legible, without_secrets


def show_tour(store: RunStore, settings: Settings, tour: Group, *, json_: bool) -> None:
    """Show a tour: how it stands, where its film is, why it failed, and the runs that were made for it."""
    runs = members(store, tour)
    if json_:
        print_json({**tour_told(settings, tour), "runs": runs_told(store, runs)})
        return
    out, now = console(), time.time()
    shown = as_run(tour)
    out.print(f"[bold]{tour.id}[/]  {tour.sort}  {status_of(shown)}  {one_line(shown.title)}")
    out.print(facts(_facts(settings, tour, now)))
    if runs:
        out.print()
        out.print(runs_table(runs, now))


def tour_told(settings: Settings, tour: Group) -> dict[str, Any]:
    """Return a tour as plain data: what a line of a list tells, and where its files are."""
    config = tour.execution_config
    log = log_of(settings, tour.id)
    return {
        **run_told(as_run(tour)),
        "dry_run": bool(config.get("dry_run")),
        "spec": config.get("spec"),
        "film": config.get("film") or None,
        "report": tour.report,
        "work_dir": config.get("work_dir"),
        "log": str(log) if log.is_file() else None,
        "failed": config.get("failed"),
        "hint": _hint(tour),
    }


def _facts(settings: Settings, tour: Group, now: float) -> Iterator[tuple[str, str]]:
    config, failed = tour.execution_config, tour.execution_config.get("failed") or {}
    if tour.error_text and not tour.is_open:
        yield "error", f"[red]{plain(tour.error_text)}[/]"
        yield "hint", plain(_hint(tour))
    by = f" by {tour.user}" if tour.user else ""
    on = f" on {tour.machine}" if tour.machine else ""
    yield "asked for", when(tour.created_at, now) + plain(by + on)
    took = rough_time(max(0.0, (tour.ended_at or now) - tour.created_at))
    yield "took", took if tour.ended_at is not None else f"{took} so far"
    if failed.get("kept"):
        yield "screenshot", plain(str(Path(failed["kept"]) / "screenshot.png"))
    for name, key in (("spec", "spec"), ("film", "film"), ("work folder", "work_dir")):
        if path := config.get(key):
            yield name, plain(path + ("" if Path(path).exists() else " (not there)"))
    if tour.report:
        yield "report", plain(tour.report)
    log = log_of(settings, tour.id)
    if log.is_file():
        yield "log", plain(str(log))
    if isinstance(again := config.get("again"), dict):
        yield "repeats", plain(str(again.get("of")))
    if command := config.get("command"):
        yield "command", plain(f"gpudrop tour {' '.join(command)}")


def _hint(tour: Group) -> str:
    """Return what helps with a tour that ended badly; empty where nothing is wrong."""
    if tour.sort != "tour" or tour.is_open or tour.status == "completed":
        return ""
    if tour.status == "failed":
        return f"mend what the error names, then `gpudrop runs retry {short(tour.id)}`; what was spoken is kept"
    return f"`gpudrop runs retry {short(tour.id)}` records it again; what was spoken is kept"


def logs_of_tour(
    store: RunStore, settings: Settings, tour: Group, *, follow: bool, lines: int, whole: bool, json_: bool
) -> None:
    """Print what a tour has told of itself, while it is recorded or afterwards; then how it ended."""
    path, told = log_of(settings, tour.id), 0
    if follow and not json_:
        told = _follow(store, settings, tour.id, path)
    tour = store.search.group(tour.id)
    shown, cut = tail(path, 10**9 if whole else lines) if path.is_file() else ([], False)
    shown = [_clean(line) for line in shown]
    if json_:
        runs = [{"id": run.id, "kind": run.kind, "status": run.status} for run in members(store, tour)]
        print_json({"id": tour.id, "status": tour.status, "log": str(path), "lines": shown, "runs": runs})
        return
    if not told:
        if cut:
            sys.stdout.write(f"… its last {len(shown)} lines; --all shows it whole\n")
        sys.stdout.writelines(f"{line}\n" for line in shown)
    ended = f": {_clean(tour.error_text)}" if tour.error_text else ""
    sys.stdout.write(f"{tour.sort} {tour.id} {tour.status}{ended}\n")
    for run in members(store, tour):
        sys.stdout.write(f"run {run.id} {run.kind} {run.status}: gpudrop runs logs {short(run.id)}\n")


def _follow(store: RunStore, settings: Settings, tour: str, path: Path) -> int:
    """Print a log as it grows until its tour has ended; return how many bytes were printed."""
    told = 0
    while True:
        mark_dead(store, settings)
        is_open = store.search.group(tour).is_open
        if path.is_file():
            with path.open("rb") as log:
                log.seek(told)
                new = log.read()
            whole = new if not is_open else new[: new.rfind(b"\n") + 1]
            told += len(whole)
            sys.stdout.write(_clean(whole.decode("utf-8", "replace")))
            sys.stdout.flush()
        if not is_open:
            return told
        time.sleep(LOOK_S)


def _clean(text: str) -> str:
    return legible(without_secrets(text))

"""`gpudrop runs show`: everything that the database holds about a run or tour, for people or as JSON."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from dispatcher.cli.runs_select import Json, RunName, members, one_named, opened
from dispatcher.cli.tables import brief, console, facts, one_line, plain, runs_table, status_of, table, when
from dispatcher.cli.telling import print_json, run_told, runs_told, whole_run
from dispatcher.config import Settings
from dispatcher.formatting import clock_time, file_size, rough_time
from dispatcher.operations.settling import held_up
from dispatcher.runs.record import Artifact, AttemptRecord, Change, Delivery, Group, Run, short
from dispatcher.runs.store import RunStore
from dispatcher.runs.tours import as_run
from dispatcher.tour.registry import log_of

HISTORY_SHOWN = 12
FILES_SHOWN = 20

HINTS = {
    "BAD_REQUEST": "correct the options or the file, and run the command again",
    "UNSUPPORTED": "start a worker that can do it, or omit --require-engine; then runs retry",
    "INPUT_MISSING": "the input did not reach the worker: check the sync of this machine, then runs retry",
    "INPUT_CORRUPT": "the input is unusable or did not arrive completely: check it, then runs retry",
    "OUT_OF_MEMORY": "use a worker with more memory or a smaller input; then runs retry",
    "TIMEOUT": "the worker was lost or is too slow: check that one is running (workers ls), then runs retry",
    "ENGINE": "see runs logs; another worker or engine may succeed: runs retry",
    "STORAGE": "free space in the drop and on the worker's disk, then runs retry",
    "EXPIRED": "no worker took it in time: start one, then runs retry",
    "CANCELLED": "runs retry sends it again",
    "INTERNAL": "try runs retry; if it fails again, runs bundle makes an archive for a bug report",
}
"""What the user can do, by error code."""


def show(run: RunName, json_: Json = False) -> None:
    """Show a run: its state, times, attempts, files, where they were placed, error, hint and history.

    For a tour: its state, video, screenshot of a failure, and runs.
    """
    with opened() as (settings, store):
        found = one_named(store, settings, run)
        if isinstance(found, Group):
            _show_tour(store, settings, found, json_=json_)
            return
        if json_:
            print_json({**whole_run(store, found), "hint": hint_of(found)})
            return
        out, now = console(), time.time()
        out.print(f"[bold]{found.id}[/]  {one_line(found.kind)}  {status_of(found)}  {one_line(found.title)}")
        out.print(facts(_facts(store, found, now)))
        _show_attempts(out, store.trace.attempts(found.id), now)
        _show_files(out, store.trace.files(found.id), store.trace.deliveries(found.id))
        _show_history(out, store.trace.changes(found.id), found, now)


def hint_of(run: Run) -> str:
    """Return what the user can do about a run that failed, with the commands; empty if nothing is wrong."""
    if run.is_open or run.status == "completed":
        return ""
    hint = HINTS.get(run.error_code or "", HINTS["EXPIRED" if run.status == "expired" else "INTERNAL"])
    for word in ("runs retry", "runs logs", "runs bundle"):
        hint = hint.replace(word, f"`gpudrop {word} {short(run.id)}`")
    return hint.replace("workers ls", "`gpudrop workers ls`")


def _facts(store: RunStore, run: Run, now: float) -> Iterator[tuple[str, str]]:
    if not run.is_open and run.status != "completed":
        code = f"{run.error_code}: " if run.error_code else ""
        yield "error", f"[red]{plain(code + (run.error_text or run.status))}[/]"
        yield "hint", plain(hint_of(run))
    by = f" by {run.user}" if run.user else ""
    on = f" on {run.machine}" if run.machine else ""
    yield "created", when(run.created_at, now) + plain(by + on)
    yield "waited", _waited(run, now)
    yield "worked", _worked(run, now)
    if run.is_open:
        yield "waits for", plain(_waits_for(store, run))
        yield "followed by", plain(run.monitor or "no process; start one: gpudrop watch")
    if left := held_up(store, run):
        yield "waits for", plain(left)
    yield "worker", plain(_who(run))
    yield "drop", plain(f"{run.drop} ({run.job})")
    yield from _relations(store, run)
    if config := {k: v for k, v in run.execution_config.items() if k not in ("params", "again")}:
        yield "settings", plain(", ".join(f"{k}={v}" for k, v in sorted(config.items()) if v is not None))
    if params := run.execution_config.get("params"):
        yield "parameters", plain(_short(params))
    if run.results_dir is not None:
        gone = "" if Path(run.results_dir).is_dir() else " (gone)"
        how = " (from an old worker, checked as far as possible)" if run.verified == "legacy" else ""
        yield "results", plain(run.results_dir + gone + how)


def _short(params: object) -> str:
    items = params.items() if isinstance(params, dict) else ()
    text = ", ".join(f"{k}={v}" for k, v in sorted(items))
    return text if len(text) <= 300 else f"{text[:300]}… (--json shows all)"


def _waited(run: Run, now: float) -> str:
    if run.wait_s is not None:
        return f"{rough_time(run.wait_s)} for a worker to start"
    so_far = rough_time(max(0.0, (run.ended_at or now) - run.created_at))
    return f"{so_far}{' so far' if run.is_open else '; no worker started it'}"


def _worked(run: Run, now: float) -> str:
    if run.run_s is not None:
        return rough_time(run.run_s)
    if run.started_at is None:
        return "-"
    return f"{rough_time(max(0.0, now - run.started_at))} so far"


def _waits_for(store: RunStore, run: Run) -> str:
    changes = store.trace.changes(run.id)
    last = next((it.text for it in reversed(changes) if it.why), run.status)
    units = f"{run.progress_done} of {run.progress_total}" if run.progress_total else ""
    return ", ".join(part for part in (last, run.progress_note or units) if part)


def _who(run: Run) -> str:
    engine = run.engine or {}
    parts = [engine.get("name"), engine.get("version"), engine.get("voice"), engine.get("tier"), engine.get("device")]
    engine_text = ", ".join(str(part) for part in parts if part)
    return f"{run.worker or '-'}{f' ({engine_text})' if engine_text else ''}"


def _relations(store: RunStore, run: Run) -> Iterator[tuple[str, str]]:
    if tags := store.trace.tags([run.id])[run.id]:
        yield "tags", plain(", ".join(tags))
    if run.parent_id:
        yield "made from", run.parent_id
    if children := store.search.children([run.id]):
        yield "next steps", ", ".join(f"{it.id} ({it.kind})" for it in children)
    if (first := run.repeats) is not None:
        yield "repeats", plain(first)
    if run.group_id:
        yield "group", plain(run.group_id)


def _show_attempts(out: Console, attempts: list[AttemptRecord], now: float) -> None:
    if not attempts:
        return
    made = table("attempt", "worker", "status", "seen", "took", last="error")
    for it in attempts:
        took = rough_time(max(0.0, it.ended_at - it.seen_at)) if it.ended_at is not None else "-"
        code = f"{it.error_code}: " if it.error_code else ""
        error = one_line(brief(f"{code}{it.error_text or ''}"))
        made.add_row(str(it.n), one_line(it.worker), it.status, clock_time(it.seen_at, now), took, error)
    out.print()
    out.print(made)


def _show_files(out: Console, files: list[Artifact], deliveries: list[Delivery]) -> None:
    shown = [it for it in files if it.role != "log"]
    if not shown:
        return
    out.print()
    made = table("", "file", "size", last="where")
    for it in shown[:FILES_SHOWN]:
        gone = "" if Path(it.path).exists() else "[dim](gone)[/] "
        made.add_row(
            "in" if it.role == "input" else "out", one_line(it.name), file_size(it.size), gone + one_line(it.path)
        )
        for delivery in deliveries:
            if it.role == "output" and delivery.name == it.name:
                made.add_row("", "", "", _placed(delivery))
    out.print(made)
    if len(shown) > FILES_SHOWN:
        out.print(f"[dim]{len(shown) - FILES_SHOWN} more: --json[/]")


def _placed(delivery: Delivery) -> str:
    if delivery.placed_at is not None:
        return f"→ {one_line(delivery.target)}"
    if delivery.error_text:
        return f"[red]not placed:[/] {one_line(delivery.error_text)}"
    return f"[dim]to be placed:[/] {one_line(delivery.target)}"


def _show_history(out: Console, changes: list[Change], run: Run, now: float) -> None:
    if not changes:
        return
    out.print()
    if len(changes) > HISTORY_SHOWN:
        out.print(f"[dim]{len(changes) - HISTORY_SHOWN} earlier lines: gpudrop runs logs {short(run.id)}[/]")
    for it in changes[-HISTORY_SHOWN:]:
        out.print(f"[dim]{clock_time(it.at, now)}[/] {it.status}: {one_line(it.text)}", soft_wrap=True)


def _show_tour(store: RunStore, settings: Settings, tour: Group, *, json_: bool) -> None:
    """Show a tour: its state, its video, why it failed, and its runs."""
    runs = members(store, tour)
    if json_:
        print_json({**_tour_as_dict(settings, tour), "runs": runs_told(store, runs)})
        return
    out, now = console(), time.time()
    shown = as_run(tour)
    out.print(f"[bold]{tour.id}[/]  {tour.sort}  {status_of(shown)}  {one_line(shown.title)}")
    out.print(facts(_tour_facts(settings, tour, now)))
    if runs:
        out.print()
        out.print(runs_table(runs, now))


def _tour_as_dict(settings: Settings, tour: Group) -> dict[str, Any]:
    """Return a tour as plain data: what the list shows of it, and the paths of its files."""
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
        "hint": _tour_hint(tour),
    }


def _tour_facts(settings: Settings, tour: Group, now: float) -> Iterator[tuple[str, str]]:
    config, failed = tour.execution_config, tour.execution_config.get("failed") or {}
    if tour.error_text and not tour.is_open:
        yield "error", f"[red]{plain(tour.error_text)}[/]"
        yield "hint", plain(_tour_hint(tour))
    by = f" by {tour.user}" if tour.user else ""
    on = f" on {tour.machine}" if tour.machine else ""
    yield "created", when(tour.created_at, now) + plain(by + on)
    took = rough_time(max(0.0, (tour.ended_at or now) - tour.created_at))
    yield "took", took if tour.ended_at is not None else f"{took} so far"
    if failed.get("kept"):
        yield "screenshot", plain(str(Path(failed["kept"]) / "screenshot.png"))
    for name, key in (("spec", "spec"), ("video", "film"), ("work folder", "work_dir")):
        if path := config.get(key):
            yield name, plain(path + ("" if Path(path).exists() else " (missing)"))
    if tour.report:
        yield "report", plain(tour.report)
    log = log_of(settings, tour.id)
    if log.is_file():
        yield "log", plain(str(log))
    if isinstance(again := config.get("again"), dict):
        yield "repeats", plain(str(again.get("of")))
    if command := config.get("command"):
        yield "command", plain(f"gpudrop tour {' '.join(command)}")


def _tour_hint(tour: Group) -> str:
    """Return what the user can do about a tour that failed; empty if nothing is wrong."""
    if tour.sort != "tour" or tour.is_open or tour.status == "completed":
        return ""
    if tour.status == "failed":
        return f"fix what the error names, then `gpudrop runs retry {short(tour.id)}`; spoken narration is reused"
    return f"`gpudrop runs retry {short(tour.id)}` records it again; spoken narration is reused"

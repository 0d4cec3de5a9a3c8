"""`gpudrop runs reindex|heal|replay|bundle`: repairing the run database, and finding out why a run failed."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dispatcher.cli.display import Display
from dispatcher.cli.runs_select import DryRun, Json, OnlyRun, opened
from dispatcher.cli.runs_show import hint_of
from dispatcher.cli.tables import console, one_line, plain, table
from dispatcher.cli.telling import print_json, whole_run
from dispatcher.config import Settings
from dispatcher.drops.setup import find as find_drop
from dispatcher.formatting import file_size, rough_time
from dispatcher.monitor.bundle import bundle as write_bundle
from dispatcher.monitor.drop_watcher import DropWatcher, address_of
from dispatcher.monitor.faults import Fault, find_faults
from dispatcher.monitor.heal import Repair
from dispatcher.monitor.heal import heal as heal_all
from dispatcher.monitor.reindex import ReindexedJob
from dispatcher.monitor.reindex import reindex as reindex_all
from dispatcher.monitor.replay import ReplayResult
from dispatcher.monitor.replay import replay as replay_run
from dispatcher.runs.record import Run, short
from protocol.errors import UsageError
from protocol.layout import is_nonce

SHOW_EVERY_S = 10.0


def reindex(
    drop: Annotated[
        str | None, typer.Option("--drop", help="Only this drop, by default all known drops and the usual folders.")
    ] = None,
    adopt: Annotated[
        list[str] | None,
        typer.Option("--adopt", help="Also take over the jobs of this dispatcher id. May be repeated."),
    ] = None,
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Add the jobs that are in the drops but not in the run database to it again.

    Use it after the database was lost: jobs under way continue. Only this machine's own jobs are added.
    """
    for each in adopt or ():
        if not is_nonce(each):
            raise UsageError(f"--adopt {each!r}: a dispatcher id is 16 hexadecimal digits, as reindex lists them")
    with opened() as (settings, store):
        named = find_drop(drop, None, settings.home) if drop else None
        with DropWatcher(settings, store, [address_of(named)] if named is not None else ()) as watcher:
            found = list(reindex_all(watcher, now=time.time(), adopt=adopt or (), dry_run=dry_run))
        mine = store.dispatcher_id
    if json_:
        print_json({"dispatcher": mine, "dry_run": dry_run, "jobs": [dataclasses.asdict(it) for it in found]})
        return
    _show_found(found, dry_run=dry_run)


def _show_found(found: Sequence[ReindexedJob], *, dry_run: bool) -> None:
    rows = table("job", "kind", "now", last="run")
    for it in found:
        if it.outcome in ("open", "completed"):
            rows.add_row(it.job, it.kind, f"{it.outcome}", f"{it.run} ({one_line(it.text)})")
    if rows.row_count:
        console().print(rows)
    counts = Counter(it.outcome for it in found if it.job)
    added = counts["open"] + counts["completed"]
    sys.stdout.write(f"{added} run(s) {'would be ' if dry_run else ''}added, {counts['known']} already known\n")
    if counts["open"] and not dry_run:
        sys.stderr.write("download their results with: gpudrop watch\n")
    for it in found:
        if not it.job:
            sys.stderr.write(f"{it.drop}: {it.text}\n")
    foreign = Counter(it.dispatcher for it in found if it.outcome == "foreign" and it.dispatcher)
    for dispatcher, count in foreign.items():
        sys.stderr.write(
            f"{count} job(s) of the dispatcher {dispatcher} were not added. If it was this machine with a lost "
            f"database: gpudrop runs reindex --adopt {dispatcher}\n"
        )


def heal(
    wait: Annotated[
        float | None,
        typer.Option("--wait", min=0, help="Watch for at most N seconds, by default until everything is certain."),
    ] = None,
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Repair stuck runs, orphaned jobs, stale claims and messages that a drop did not get.

    A worker counts as gone only after it was watched for a whole lease without a heartbeat, so this can take minutes
    on a remote drop; live workers are never disturbed. Exit code 1 if something could not be repaired.
    """
    with opened() as (settings, store), DropWatcher(settings, store) as watcher:
        healed: list[Repair] = []
        if dry_run:
            left = find_faults(settings, store, now=time.time(), watcher=watcher)
        else:
            healed, left = heal_all(watcher, wait_s=wait, on_wait=_Waiting())
    if json_:
        done = [{**_fault(it.fault), "done": it.done, "what": it.text} for it in healed]
        print_json({"healed": done, "left": [_fault(it) for it in left]})
    else:
        _show_healed(healed, left)
    if not dry_run and (any(not it.done for it in healed) or any(it.healable for it in left)):
        raise typer.Exit(1)


class _Waiting:
    """Reports from time to time what is watched and for how long."""

    def __init__(self) -> None:
        self._shown_at = float("-inf")

    def __call__(self, waiting: Sequence[Fault], left_s: float) -> None:
        if time.monotonic() - self._shown_at < SHOW_EVERY_S:
            return
        self._shown_at = time.monotonic()
        what = ", ".join(f"{it.sort} {it.run or it.job}" for it in waiting[:3])
        sys.stderr.write(f"watching for another {rough_time(left_s)} to be certain: {what}\n")


def _fault(fault: Fault) -> dict[str, object]:
    return dataclasses.asdict(fault)


def _show_healed(healed: Sequence[Repair], left: Sequence[Fault]) -> None:
    if not healed and not left:
        sys.stdout.write("no inconsistencies found\n")
        return
    out = console()
    if healed:
        rows = table("fault", "run", "fixed", last="how")
        for it in healed:
            named = short(it.fault.run) if it.fault.run else it.fault.job
            rows.add_row(it.fault.sort, named, "[green]yes[/]" if it.done else "[red]no[/]", one_line(it.text))
        out.print(rows)
    show_faults(left)


def show_faults(faults: Sequence[Fault]) -> None:
    """Print faults with their hints."""
    out = console()
    for it in faults:
        sure = "" if it.certain else f" (certain in {rough_time(it.left_s)})"
        named = short(it.run) if it.run else it.job or it.drop
        out.print(f"[yellow]{it.sort}[/]{sure} [bold]{one_line(named)}[/]: {one_line(it.text)}", soft_wrap=True)
        out.print(f"  → {one_line(it.hint)}", soft_wrap=True)


def replay(
    run: OnlyRun,
    local: Annotated[bool, typer.Option("--local", help="Replay on this machine (required).")] = False,
    any_engine: Annotated[
        bool, typer.Option("--any-engine", help="Use whatever engine is here, even if the run required another.")
    ] = False,
    timeout: Annotated[float | None, typer.Option(min=1, help="Give up after N seconds.")] = None,
    json_: Json = False,
) -> None:
    """Repeat a run on this machine, to see whether it fails here too.

    Uses the recorded request, seed and inputs on a private drop, and does not change the run. Shows which versions
    differ on this machine. Exit code 4 if it fails here.
    """
    if not local:
        raise UsageError(
            f"replay works on this machine only: add --local, or send the run again: gpudrop runs rerun {run}"
        )
    with opened() as (settings, store):
        found = store.search.resolve(run)
        with Display(quiet=json_).stage(f"{short(found.id)} {found.kind} {found.title}".strip()) as stage:
            done = replay_run(
                settings,
                store,
                found,
                now=time.time(),
                any_engine=any_engine,
                timeout_s=timeout,
                on_progress=stage.job,
            )
    print_json(_replay_dict(found, done)) if json_ else _show_replay(found, done)
    if done.error is not None:
        raise typer.Exit(done.error.exit_code)


def _replay_dict(run: Run, done: ReplayResult) -> dict[str, Any]:
    error = {"code": getattr(done.error, "code", None), "text": str(done.error)} if done.error else None
    return {
        "run": run.id,
        "status_there": run.status,
        "completed_here": done.result is not None,
        "error_here": error,
        "same_error": done.same_error,
        "differences": list(done.differences),
        "outputs": [{"name": name, "same": same} for name, same in done.outputs.items()],
        "files": {name: str(path) for name, path in done.result.files.items()} if done.result else {},
        "seconds": round(done.seconds, 3),
        "folder": str(done.folder),
        "log": str(done.log),
    }


def _show_replay(run: Run, done: ReplayResult) -> None:
    out = console()
    if done.result is not None:
        there = "it completed there too" if run.status == "completed" else f"it {run.status} there"
        out.print(f"[green]completed here[/] in {rough_time(done.seconds)}; {there}")
    else:
        same = {
            True: "with the same error as there",
            False: "with another error than there",
            None: f"it {run.status} there",
        }
        out.print(f"[red]failed here[/], {same[done.same_error]}: {plain(str(done.error))}")
    for line in done.differences:
        out.print(f"  {one_line(line)}")
    for name, same_file in done.outputs.items():
        out.print(f"  {one_line(name)}: {'identical' if same_file else 'differs'}")
    for path in done.result.files.values() if done.result else ():
        out.print(plain(str(path)), soft_wrap=True)
    out.print(f"log: {plain(str(done.log))}", soft_wrap=True)


def bundle(
    run: OnlyRun,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The archive, by default gpudrop-RUN.zip in this folder.")
    ] = None,
    with_files: Annotated[
        bool, typer.Option("--with-files", help="Include the run's inputs and outputs unchanged.")
    ] = False,
    json_: Json = False,
) -> None:
    """Write an archive of a run for a bug report: its history, logs, versions and the output of doctor.

    Secrets, e-mail addresses, home folders and the names of user and machine are removed. The run's own files are
    included only with --with-files.
    """
    with opened() as (settings, store):
        found = store.search.resolve(run)
        target = out or Path(f"gpudrop-{found.id}.zip")
        whole = {**whole_run(store, found), "hint": hint_of(found)}
        names = write_bundle(settings, store, found, target, whole, files=with_files, facts=_doctor(settings))
    size = target.stat().st_size
    if json_:
        print_json({"path": str(target), "bytes": size, "names": names})
        return
    sys.stdout.write(f"{target}\n")
    sys.stderr.write(f"{len(names)} files, {file_size(size)}; check its contents before you share it\n")


def _doctor(settings: Settings) -> list[dict[str, str]]:
    """Return what doctor reports about this machine."""
    from dispatcher.doctor.machine import examine_machine

    return [
        {"check": it.check, "state": it.state, "said": it.said, "hint": it.hint} for it in examine_machine(settings)
    ]

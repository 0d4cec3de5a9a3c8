"""`gpudrop runs replay|bundle`: finding out why a run failed."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from dispatcher.cli.display import Display
from dispatcher.cli.opening import Json, OnlyRun, opened
from dispatcher.cli.runs_show import hint_of
from dispatcher.cli.showing import console, one_line, plain
from dispatcher.cli.telling import print_json, whole_run
from dispatcher.config import Settings
from dispatcher.formatting import file_size, rough_time
from dispatcher.monitor.bundle import bundle as write_bundle
from dispatcher.monitor.replay import ReplayResult
from dispatcher.monitor.replay import replay as do_over
from dispatcher.runs.record import Run, short
from protocol.errors import UsageError


def replay(
    run: OnlyRun,
    local: Annotated[bool, typer.Option("--local", help="On this machine: there is no other way yet.")] = False,
    any_engine: Annotated[
        bool, typer.Option("--any-engine", help="By whatever engine is here, also where the run insisted on another.")
    ] = False,
    timeout: Annotated[float | None, typer.Option(min=1, help="Seconds to wait for it.")] = None,
    json_: Json = False,
) -> None:
    """Do over on this machine what was asked of another one, to see whether it fails here too.

    The recorded request, seed and inputs, on a drop of its own; the run stays as it is. Tells in which versions this
    machine differs. Exit code 4 where it fails here.
    """
    if not local:
        raise UsageError(f"replay works on this machine: give --local, or send it again: gpudrop runs rerun {run}")
    with opened() as (settings, store):
        found = store.search.resolve(run)
        with Display(quiet=json_).stage(f"{short(found.id)} {found.kind} {found.title}".strip()) as stage:
            done = do_over(
                settings,
                store,
                found,
                now=time.time(),
                any_engine=any_engine,
                timeout_s=timeout,
                on_progress=stage.job,
            )
    print_json(_told(found, done)) if json_ else _show(found, done)
    if done.error is not None:
        raise typer.Exit(done.error.exit_code)


def _told(run: Run, done: ReplayResult) -> dict[str, Any]:
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


def _show(run: Run, done: ReplayResult) -> None:
    out = console()
    if done.result is not None:
        there = "it completed there too" if run.status == "completed" else f"it {run.status} there"
        out.print(f"[green]completed here[/] in {rough_time(done.seconds)}; {there}")
    else:
        same = {True: "as it did there", False: "in another way than there", None: f"it {run.status} there"}
        out.print(f"[red]failed here[/], {same[done.same_error]}: {plain(str(done.error))}")
    for line in done.differences:
        out.print(f"  {one_line(line)}")
    for name, same_file in done.outputs.items():
        out.print(f"  {one_line(name)}: {'the very same file' if same_file else 'another file than there'}")
    for path in done.result.files.values() if done.result else ():
        out.print(plain(str(path)), soft_wrap=True)
    out.print(f"log: {plain(str(done.log))}", soft_wrap=True)


def bundle(
    run: OnlyRun,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The archive; without it gpudrop-RUN.zip in this folder.")
    ] = None,
    with_files: Annotated[
        bool, typer.Option("--with-files", help="Add the run's inputs and outputs, as they are.")
    ] = False,
    json_: Json = False,
) -> None:
    """Write an archive of a run for a bug report: what happened, its logs, versions and what doctor says.

    Secrets, e-mail addresses, home folders and names of user and machine are taken out. The run's own files are added
    only if asked for.
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
    sys.stderr.write(f"{len(names)} files, {file_size(size)}; look through it before you give it to somebody\n")


def _doctor(settings: Settings) -> list[dict[str, str]]:
    """Return what doctor says of this machine."""
    from dispatcher.doctor.machine import examine_machine

    return [
        {"check": it.check, "state": it.state, "said": it.said, "hint": it.hint} for it in examine_machine(settings)
    ]

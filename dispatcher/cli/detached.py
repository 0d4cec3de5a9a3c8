"""`--detach`: hand the work over and return; a monitor finishes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dispatcher.cli.display import Display
from dispatcher.config import Settings
from dispatcher.connection import Connection
from dispatcher.monitor.background import leave_behind
from dispatcher.operations.batch import OF_ONE_FILE
from dispatcher.operations.plan import Plan
from dispatcher.runs.record import Run, short
from protocol.errors import GpudropError


def submit(connection: Connection, plans: Sequence[Plan]) -> tuple[list[Run], dict[Path, GpudropError]]:
    """Submit the jobs of plans without waiting for any; return their runs, and what went wrong with other sources."""
    runs: list[Run] = []
    failed: dict[Path, GpudropError] = {}
    for each in plans:
        try:
            handle = connection.client.submit(each.job)
        except OF_ONE_FILE as error:
            failed[each.source.path] = error
        else:
            handle.leave()
            runs.append(connection.client.store.get(handle.run))
    return runs, failed


def leave_monitor(display: Display) -> None:
    """Leave a monitor behind that finishes what was submitted.

    Work for this machine is done by a worker of the monitor; for a shared drop one is left behind as well, so that
    results come home while nobody looks.
    """
    pid = leave_behind(Settings())
    display.say(f"process {pid} brings the results home; gpudrop status shows how they stand")


def tell(runs: Sequence[Run], failed: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print the ids of runs, and for programs what could not be submitted: all that a detached command has to give."""
    if as_json:
        told = [{"id": run.id, "kind": run.kind, "title": run.title, "status": run.status} for run in runs]
        sys.stdout.write(json.dumps({"runs": told, "failed": failed}, ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.writelines(f"{run.id}\n" for run in runs)


def tell_tour(tour: str, log: Path, *, as_json: bool) -> None:
    """Print a tour's id, and say how to follow it."""
    sys.stderr.write(f"recording in the background: `gpudrop runs logs -f {short(tour)}` follows it\n")
    sys.stdout.write(f"{json.dumps({'tour': tour, 'log': str(log)}) if as_json else tour}\n")

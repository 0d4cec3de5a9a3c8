"""`gpudrop doctor`: checks this machine, the drop and its workers, with a hint for everything that is wrong."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatcher.config import Settings
from dispatcher.doctor import DoctorReport, Finding
from dispatcher.doctor.channel import examine_workers, measure, soak
from dispatcher.doctor.findings import checked
from dispatcher.doctor.machine import examine_machine
from dispatcher.doctor.mounts import examine_other_mounts
from dispatcher.doctor.place import examine_place
from dispatcher.drops.default import choose
from dispatcher.drops.session import DropSession
from dispatcher.jobs.client import Client
from dispatcher.runs.store import RunStore
from protocol.transports import open_drop, read_address
from usertext.redaction import legible

_MARKS = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[red bold]fail[/]"}


def doctor(
    drop: Annotated[
        str | None,
        typer.Option("--drop", help="The drop to check: a folder or rclone:REMOTE:PATH, by default your default drop."),
    ] = None,
    soak_: Annotated[
        int, typer.Option("--soak", min=0, metavar="N", help="Also send N small jobs through the drop.")
    ] = 0,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this machine, the drop and its workers, and measure the channel. Exit code 6 if a check fails."""
    settings = Settings()
    report = DoctorReport(findings=examine_machine(settings))
    report.findings += checked("config", lambda: _choose(drop, settings, report))
    address = read_address(report.drop["address"]) if report.drop["address"] else None
    report.findings += checked("mount", lambda: examine_other_mounts(address), worst="warn")
    if address is not None:
        report.findings += checked("drop", lambda: _examine_drop(address, settings, soak_, report))
    _show(report, json_)
    if not report.ready:
        raise typer.Exit(6)


def _choose(named: str | None, settings: Settings, report: DoctorReport) -> Iterator[Finding]:
    """Choose the drop and report how; config.toml may be wrong."""
    choice = choose(named, settings)
    if choice is None:
        hint = "Name it with --drop, or make one: gpudrop init --drop PATH"
        yield Finding(check="drop", state="warn", said="no drop was found", hint=hint)
    else:
        report.drop = {"address": str(choice.address), "origin": choice.origin}
        yield Finding(check="chosen", state="ok", said=f"{choice.address}: {choice.origin}")


def _examine_drop(address: str | Path, settings: Settings, jobs: int, report: DoctorReport) -> Iterator[Finding]:
    with contextlib.closing(open_drop(address)) as opened:
        found = examine_place(address, settings, opened)
    yield from found
    if any(finding.check == "drop" and finding.state == "fail" for finding in found):
        return
    with (
        tempfile.TemporaryDirectory(prefix="gpudrop-doctor-") as scratch,
        RunStore.open(settings.database) as known,
        RunStore.open(Path(scratch) / "runs") as store,
    ):
        session = DropSession.open_known(address, settings, known)
        client = Client(session, store=store, results=Path(scratch) / "results")
        with contextlib.closing(client):
            report.latency, latency = measure(client)
            report.workers, workers = examine_workers(client)
            lives = any(it["lives"] for it in report.workers)
            yield from (*workers, *latency)
            if jobs and lives:
                report.soak, soaked = soak(client, jobs, _Counter(jobs))
                yield from soaked


class _Counter:
    """Counts jobs in a line of a terminal; shows nothing elsewhere."""

    def __init__(self, of: int) -> None:
        self._of, self._shown_at = of, 0.0

    def __call__(self, done: int) -> None:
        if sys.stderr.isatty() and (done == self._of or time.monotonic() - self._shown_at > 0.2):
            self._shown_at = time.monotonic()
            sys.stderr.write(f"\rsoak: {done} of {self._of}" + ("\n" if done == self._of else ""))
            sys.stderr.flush()


def _plain(text: str) -> str:
    """Return untrusted text (a worker's card) without terminal control characters and rich markup."""
    return escape(legible(text))


def _show(report: DoctorReport, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(report.told(), ensure_ascii=False, indent=1) + "\n")
        return
    table = Table(box=None, show_header=False, padding=(0, 1))
    for finding in report.findings:
        table.add_row(_MARKS[finding.state], finding.check, _plain(finding.said))
        if finding.hint:
            table.add_row("", "", f"[dim]→ {_plain(finding.hint)}[/]")
    console = Console()
    console.print(table)
    last = "ready" if report.ready else "not ready"
    console.print(", ".join([last, *_counts(report)]), style="bold")


def _counts(report: DoctorReport) -> Iterator[str]:
    """Yield the numbers of errors and warnings, such as "2 errors" and "1 warning"."""
    for state, name in (("fail", "error"), ("warn", "warning")):
        if number := sum(finding.state == state for finding in report.findings):
            yield f"{number} {name}{'' if number == 1 else 's'}"

"""`gpudrop watch`: the monitor by itself, in a terminal or as a service."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.cli.display import Display, Pace
from dispatcher.cli.events import JsonDisplay
from dispatcher.config import Settings
from dispatcher.monitor.background import alone
from dispatcher.monitor.monitor import Monitor, RunUpdate
from dispatcher.runs.store import RunStore

PROGRESS_EVERY_S = 10.0

_UNIT = """\
# Save as ~/.config/systemd/user/gpudrop.service, then: systemctl --user enable --now gpudrop
[Unit]
Description=gpudrop: brings the results of GPU jobs home
After=network-online.target

[Service]
ExecStart={command} watch
Environment=GPUDROP_DATA_DIR={data}
Restart=on-failure
RestartSec=10
KillSignal=SIGINT
TimeoutStopSec=60

[Install]
WantedBy=default.target
"""


def watch(
    until_done: Annotated[bool, typer.Option("--until-done", help="End when nothing is left to do.")] = False,
    print_unit: Annotated[
        bool, typer.Option("--print-unit", help="Print a systemd user unit that does this, and end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tell what happens as JSON lines on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what must not be missed.")] = False,
) -> None:
    """Bring home what was asked for: attend to every run of this machine that no other process attends to.

    Safe to run more than once, and to end at any moment: nothing is lost, and the next one goes on.
    """
    settings = Settings()
    if print_unit:
        sys.stdout.write(_UNIT.format(command=_command(), data=settings.data_dir))
        return
    display = JsonDisplay() if as_json else Display(quiet=quiet)
    with RunStore.open(settings.database, durability=settings.durability) as store:
        if not until_done:
            _watch(settings, store, display, until_done=False)
            return
        with alone(settings, store) as is_alone:
            if is_alone:
                _watch(settings, store, display, until_done=True)
            else:
                display.say("another process attends to every run of this machine: nothing is left to do here")


def _watch(settings: Settings, store: RunStore, display: Display, *, until_done: bool) -> None:
    told: dict[str, Pace] = {}
    with Monitor(settings, store) as monitor:
        if not until_done and not store.search.unsettled(settings.machine):
            display.say("no open runs; waiting for new ones (Ctrl-C to stop)")
        while True:
            for news in monitor.step():
                _tell(news, told.setdefault(news.run.id, Pace(PROGRESS_EVERY_S)), display, monitor.now())
            if until_done and not store.search.unsettled(settings.machine):
                return
            monitor.wait(min(monitor.pace_s, 1.0))


def _tell(news: RunUpdate, pace: Pace, display: Display, now: float) -> None:
    run, progress = news.run, news.progress
    name = f"{run.id} {run.kind} {run.title}".rstrip()
    if news.trouble:
        if pace.due(news.trouble, 0, now):
            display.warn(f"{name}: {news.trouble}")
    elif progress is not None:
        if pace.due(progress.why, progress.done, now):
            share = f" {100 * run.progress:.0f} %" if run.progress else ""
            display.say(f"{name}: {run.status}{share}, {progress.text}")
    elif run.status == "completed":
        display.say(f"{name}: completed")
    else:
        display.fail(f"{name}: {run.status}: {run.error_text}")


def _command() -> str:
    return shutil.which("gpudrop") or f"{Path(sys.executable)} -m dispatcher.cli"

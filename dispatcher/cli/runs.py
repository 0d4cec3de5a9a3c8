"""`gpudrop runs`: the table of its commands, which list, follow, change and repair runs."""

from __future__ import annotations

import typer

from dispatcher.cli.commands import EPILOG, Entry, LazyGroup

COMMANDS: dict[str, Entry] = {
    "ls": Entry(summary="List runs and tours, newest first.", source="runs_list:ls"),
    "tree": Entry(
        summary="Show runs as trees: below each run those made from its outputs, below a tour its runs.",
        source="runs_list:tree",
    ),
    "show": Entry(
        summary="Show a run: its state, times, attempts, files, where they were placed, error, hint and history.",
        source="runs_show:show",
    ),
    "logs": Entry(
        summary="Print a run's history and the logs of its attempts, or a tour's log.", source="runs_logs:logs"
    ),
    "watch": Entry(
        summary="Follow runs live until they have ended, with the runs made from their outputs, and fetch results.",
        source="watch:watch_runs",
    ),
    "cancel": Entry(
        summary="Cancel open runs, here and on the worker; the next steps of their chains are not started.",
        source="runs_act:cancel",
    ),
    "retry": Entry(summary="Try again a run or tour that failed, was cancelled or expired.", source="runs_act:retry"),
    "rerun": Entry(
        summary="Start a new run with the inputs and parameters of another, or record a tour again, however it ended.",
        source="runs_act:rerun",
    ),
    "tag": Entry(summary="Add tags to a run or remove them; without any, print its tags.", source="runs_act:tag"),
    "rm": Entry(
        summary="Remove runs and tours that have ended from the database, with their results and logs; asks first.",
        source="runs_remove:rm",
    ),
    "prune": Entry(
        summary="Remove ended runs by age, status and number, with their results and logs; asks first.",
        source="runs_remove:prune",
    ),
    "export": Entry(
        summary="Write every run as a line of CSV or JSON, newest first; times are Unix seconds.",
        source="runs_list:export",
    ),
    "replay": Entry(
        summary="Repeat a run on this machine, to see whether it fails here too.", source="runs_repair:replay"
    ),
    "bundle": Entry(
        summary="Write an archive of a run for a bug report: its history, logs, versions and the output of doctor.",
        source="runs_repair:bundle",
    ),
    "reindex": Entry(
        summary="Add the jobs that are in the drops but not in the run database to it again.",
        source="runs_repair:reindex",
    ),
    "heal": Entry(
        summary="Repair stuck runs, orphaned jobs, stale claims and messages that a drop did not get.",
        source="runs_repair:heal",
    ),
}
"""Every command of `gpudrop runs`, in the order of its help."""


class _Runs(LazyGroup):
    entries = COMMANDS


app = typer.Typer(cls=_Runs, name="runs", no_args_is_help=True, epilog=EPILOG)


@app.callback()
def _runs() -> None:
    """List, follow and repair runs."""

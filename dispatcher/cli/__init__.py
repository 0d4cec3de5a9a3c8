"""The `gpudrop` command: arguments → the same calls a script would make. One file a noun, imported when it is used."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dispatcher.cli.commands import EPILOG, Entry, LazyGroup
from dispatcher.cli.errors import run
from protocol.kinds import summaries

COMMANDS: dict[str, Entry] = {
    "init": Entry(
        summary="Find or make the drop, put the worker's notebook and wheel into it, and print the steps for Colab.",
        source="init:init",
    ),
    "doctor": Entry(
        summary="Check this machine, the drop and its workers, and measure the channel. Exit code 6 if a check fails.",
        source="doctor:doctor",
    ),
    "tour": Entry(
        summary="Record a narrated tour: speak, record, cut. Prints the path of the video; after an interruption, run "
        "it again.",
        source="tour:tour",
        cls="TourCommand",
    ),
    **{
        name: Entry(summary=summary, source="kinds:command_named", argument=name, cls="Sections")
        for name, summary in summaries().items()
    },
    "runs": Entry(summary="List, follow and repair runs.", source="runs:app"),
    "status": Entry(
        summary="Show what is running now, where, since when, when its worker was last heard from, and what looks "
        "wrong.",
        source="status:status",
    ),
    "workers": Entry(summary="List workers and what they are doing, or ask one to stop.", source="workers:app"),
    "dashboard": Entry(
        summary="Show runs, workers and tours live on a web page of this machine, until Ctrl-C.",
        source="dashboard:dashboard",
    ),
    "models": Entry(
        summary="List, fetch, verify and add the model files of this machine's worker (`gpudrop models --help`).",
        source="worker:models",
        cls="PassedOn",
    ),
    "watch": Entry(
        summary="Follow every run of this machine that no other process follows: fetch its results and finish it.",
        source="watch:watch",
    ),
    "worker": Entry(
        summary="Serve a drop on this machine, by default your default drop (`gpudrop worker --help`).",
        source="worker:worker",
        cls="PassedOn",
    ),
    "config": Entry(
        summary="Show and set your defaults: the drop, the voice, the folder for results.", source="config:app"
    ),
    "key": Entry(summary="Make and show the keys that sign messages.", source="key:app"),
    "simulate": Entry(
        summary="Run the production code of dispatchers and workers on virtual time, and check every promise from "
        "outside.",
        source="simulate:simulate",
    ),
}
"""Every command, in the order of the help."""


class _Root(LazyGroup):
    entries = COMMANDS
    sections = {"Kinds of work": ["tour", *summaries()]}  # noqa: RUF012 - as LazyGroup declares it


app = typer.Typer(
    cls=_Root,
    name="gpudrop",
    help="A folder is the API: GPU jobs through a shared folder, verified to the byte.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    epilog=EPILOG,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # slow to import, and mostly not needed

        sys.stdout.write(f"gpudrop {version('gpudrop')}\n")
        raise typer.Exit


@app.callback()
def _root(
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A folder is the API: GPU jobs through a shared folder, verified to the byte."""


def main() -> None:
    """Run the command line and exit with a documented code."""
    run(app)

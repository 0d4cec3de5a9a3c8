"""The `gpudrop` command: arguments → the same calls a script would make. One file a noun."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from dispatcher.cli import doctor, init, key, kinds, models, simulate, tour, worker
from dispatcher.cli.errors import EPILOG, run
from protocol.kinds import KINDS

app = typer.Typer(
    name="gpudrop",
    help="A folder is the API: GPU jobs through a shared folder, verified to the byte.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    epilog=EPILOG,
)
app.command("init")(init.init)
app.command("doctor", epilog=EPILOG)(doctor.doctor)
app.add_typer(key.app)
app.command("simulate", epilog=EPILOG)(simulate.simulate)
app.command("tour", epilog=EPILOG)(tour.tour)
for each in KINDS.values():
    if each.takes:
        app.command(each.name, epilog=EPILOG, rich_help_panel="Kinds of work")(kinds.command_of(each))
app.command(
    "models",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)(models.models)
app.command(
    "worker",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)(worker.worker)


def _version(wanted: bool) -> None:
    if wanted:
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

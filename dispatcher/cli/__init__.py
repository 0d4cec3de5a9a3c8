"""The `gpudrop` command: arguments → the same calls a script would make. One file a noun, loaded on demand."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from dispatcher.cli.errors import EPILOG, run
from dispatcher.cli.helping import Sections, plainly
from protocol.kinds import KINDS

_PASSED_ON = {
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    "add_help_option": False,
}
"""Of commands that another program reads."""


def _init(app: typer.Typer) -> None:
    from dispatcher.cli.init import init

    app.command("init")(init)


def _config(app: typer.Typer) -> None:
    from dispatcher.cli import config

    app.add_typer(config.app)


def _dashboard(app: typer.Typer) -> None:
    from dispatcher.cli.dashboard import dashboard

    app.command("dashboard", epilog=EPILOG)(dashboard)


def _doctor(app: typer.Typer) -> None:
    from dispatcher.cli.doctor import doctor

    app.command("doctor", epilog=EPILOG)(doctor)


def _key(app: typer.Typer) -> None:
    from dispatcher.cli import key

    app.add_typer(key.app)


def _models(app: typer.Typer) -> None:
    from dispatcher.cli.models import models

    app.command("models", **_PASSED_ON)(models)  # type: ignore[arg-type]


def _runs(app: typer.Typer) -> None:
    from dispatcher.cli import runs

    app.add_typer(runs.app)


def _workers(app: typer.Typer) -> None:
    from dispatcher.cli import workers

    app.add_typer(workers.app)


def _status(app: typer.Typer) -> None:
    from dispatcher.cli.status import status

    app.command("status", epilog=EPILOG)(status)


def _simulate(app: typer.Typer) -> None:
    from dispatcher.cli.simulate import simulate

    app.command("simulate", epilog=EPILOG)(simulate)


def _tour(app: typer.Typer) -> None:
    from dispatcher.cli.tour import TourCommand, tour

    app.command("tour", cls=TourCommand, epilog=EPILOG)(tour)


def _watch(app: typer.Typer) -> None:
    from dispatcher.cli.watch import watch

    app.command("watch", epilog=EPILOG)(watch)


def _worker(app: typer.Typer) -> None:
    from dispatcher.cli.worker import worker

    app.command("worker", **_PASSED_ON)(worker)  # type: ignore[arg-type]


def _kind(name: str) -> Callable[[typer.Typer], None]:
    def add(app: typer.Typer) -> None:
        from dispatcher.cli.kinds import command_of

        app.command(name, epilog=EPILOG, cls=Sections)(command_of(KINDS[name]))

    return add


COMMANDS: dict[str, Callable[[typer.Typer], None]] = {
    "init": _init,
    "doctor": _doctor,
    "tour": _tour,
    **{kind.name: _kind(kind.name) for kind in KINDS.values() if kind.takes},
    "runs": _runs,
    "status": _status,
    "workers": _workers,
    "dashboard": _dashboard,
    "models": _models,
    "watch": _watch,
    "worker": _worker,
    "config": _config,
    "key": _key,
    "simulate": _simulate,
}
"""`{name: how to add it to an app}`: a browser's driver need not be loaded to upscale a picture."""


class _OnDemand(TyperGroup):
    """Loads a command when somebody asks for it; the list of all asks for each."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands and cmd_name in COMMANDS:
            alone = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
            alone.callback()(_nothing)
            COMMANDS[cmd_name](alone)
            group: Any = typer.main.get_command(alone)
            self.commands[cmd_name] = plainly(group.commands[cmd_name])
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the kinds of work first, and each command with its first sentence, however long."""
        rows = {name: self.get_command(ctx, name).help or "" for name in COMMANDS}
        told = {name: " ".join(text.split("\n\n")[0].split()) for name, text in rows.items()}
        kinds = [(name, text) for name, text in told.items() if name in KINDS]
        with formatter.section("Kinds of work"):
            formatter.write_dl([("tour", told["tour"]), *kinds])
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, text in told.items() if name not in KINDS and name != "tour"])


def _nothing() -> None:
    """Make a group even of one command."""


app = typer.Typer(
    cls=_OnDemand,
    name="gpudrop",
    help="A folder is the API: GPU jobs through a shared folder, verified to the byte.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    epilog=EPILOG,
)


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

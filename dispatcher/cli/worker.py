"""`gpudrop worker` and `gpudrop models`: programs of the worker's side, which this side may not import."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand

from gpudrop_start import MODULE
from protocol.errors import EnvironmentNotReady


class PassedOn(TyperCommand):
    """A command whose arguments, `--help` included, another program reads."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        settings["context_settings"] = {"allow_extra_args": True, "ignore_unknown_options": True}
        super().__init__(*args, **{**settings, "add_help_option": False})


def worker(context: typer.Context) -> None:
    """Serve a drop on this machine, by default your default drop (`gpudrop worker --help`)."""
    _become("colab", [*context.args, *([] if _needs_no_drop(context.args) else ["--drop", _default_drop()])])


def _needs_no_drop(arguments: Sequence[str]) -> bool:
    return any(argument == "--help" or argument.partition("=")[0] == "--drop" for argument in arguments)


def _default_drop() -> str:
    from dispatcher.config import Settings
    from dispatcher.drops.default import choose

    choice = choose(None, Settings())
    if choice is None:
        raise EnvironmentNotReady("there is no default drop. Name one: gpudrop worker --drop PATH")
    sys.stderr.write(f"using the drop {choice.address} ({choice.origin})\n")
    return str(choice.address)


def models(context: typer.Context) -> None:
    """List, fetch, verify and add the model files of this machine's worker (`gpudrop models --help`)."""
    _become("colab.models", context.args)


def _become(module: str, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by `python -m module`, so that signals and the exit code are that program's own.

    On Windows, where a process cannot be replaced, it is a child process that gets Ctrl-C from the console too.
    """
    command = [sys.executable, *MODULE, module, *arguments]
    if os.name == "posix":
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    child = subprocess.Popen(command)
    while True:
        try:
            raise typer.Exit(child.wait())
        except KeyboardInterrupt:
            continue  # the child got it too, and ends when it has released its job

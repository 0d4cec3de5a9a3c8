"""`gpudrop worker`: the same program as `python -m colab`, on the default drop where none is named."""

from __future__ import annotations

import sys

import typer

from dispatcher.cli.becoming import become
from dispatcher.config import Settings
from dispatcher.drops.default import choose
from protocol.errors import EnvironmentNotReady


def worker(context: typer.Context) -> None:
    """Serve a drop on this machine, the default one if none is named; `gpudrop worker --help` shows the options."""
    become("colab", [*context.args, *([] if _needs_no_drop(context.args) else ["--drop", _default_drop()])])


def _needs_no_drop(arguments: list[str]) -> bool:
    return any(argument == "--help" or argument.partition("=")[0] == "--drop" for argument in arguments)


def _default_drop() -> str:
    choice = choose(None, Settings())
    if choice is None:
        raise EnvironmentNotReady("no drop is named and there is no default one. Run: gpudrop worker --drop PATH")
    sys.stderr.write(f"serving {choice.address} ({choice.origin})\n")
    return str(choice.address)

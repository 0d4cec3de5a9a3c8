"""Handing this process over to a program of the other side, which this side may not import."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from gpudrop_start import MODULE


def become(module: str, arguments: Sequence[str]) -> NoReturn:
    """Run `python -m module` in place of this process: signals, its end and its exit code are all its own.

    No child is left behind, however this process is ended, for there is none. Windows cannot replace a process; there
    it is a child that gets Ctrl-C from the console as this process does, and is waited for.
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
            continue  # the child got it too, and ends when it has released what it holds

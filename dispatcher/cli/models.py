"""`gpudrop models`: the same program as `python -m colab.models`, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import typer

from dispatcher.cli.errors import INTERRUPTED
from gpudrop_start import MODULE


def models(context: typer.Context) -> None:
    """List, fetch, verify and add the model files of this machine's worker (`gpudrop models --help`)."""
    child = subprocess.Popen([sys.executable, *MODULE, "colab.models", *context.args])
    try:
        code = child.wait()
    except KeyboardInterrupt:  # the child got it too, keeps what has arrived, and ends
        child.wait()
        code = INTERRUPTED
    raise typer.Exit(code)

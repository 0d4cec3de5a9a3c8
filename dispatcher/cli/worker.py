"""`gpudrop worker`: the same program as `python -m colab`, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import typer

from gpudrop_start import MODULE


def worker(context: typer.Context) -> None:
    """Serve a drop on this machine (the same as `python -m colab`; `gpudrop worker --help` shows its options)."""
    command = [sys.executable, *MODULE, "colab", *context.args]
    child = subprocess.Popen(command)
    while True:
        try:
            raise typer.Exit(child.wait())
        except KeyboardInterrupt:
            continue  # the worker got the same signal and releases its job; wait for it

"""`gpudrop worker`: the same program as `python -m colab`."""

from __future__ import annotations

import typer

from dispatcher.cli.becoming import become


def worker(context: typer.Context) -> None:
    """Serve a drop on this machine (the same as `python -m colab`; `gpudrop worker --help` shows its options)."""
    become("colab", context.args)

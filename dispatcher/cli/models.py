"""`gpudrop models`: the same program as `python -m colab.models`."""

from __future__ import annotations

import typer

from dispatcher.cli.becoming import become


def models(context: typer.Context) -> None:
    """List, fetch, verify and add the model files of this machine's worker (`gpudrop models --help`)."""
    become("colab.models", context.args)

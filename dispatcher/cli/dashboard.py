"""`gpudrop dashboard`: a web page about the runs, for this machine only."""

from __future__ import annotations

import sys
import webbrowser
from typing import Annotated

import typer

from dispatcher.config import Settings
from dispatcher.runs.store import RunStore


def dashboard(
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="The port, by default the usual one, or any free one if that is in use."),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
) -> None:
    """Show runs, workers and tours live on a web page of this machine, until Ctrl-C."""
    from dispatcher.web import building  # no other command needs FastAPI

    settings = Settings()
    with (
        RunStore.open(settings.database, durability=settings.durability) as store,
        building.build(settings, store, port, background=building.following(settings, store)) as built,
    ):
        if port is None and built.port != building.PORT:
            sys.stderr.write(f"port {building.PORT} is in use, so the dashboard uses port {built.port}\n")
        sys.stderr.write("only you can open the dashboard; stop it with Ctrl-C. Open:\n")
        sys.stdout.write(f"{built.access.link}\n")
        sys.stdout.flush()
        if browser:
            webbrowser.open(built.access.ticket())
        built.serve()

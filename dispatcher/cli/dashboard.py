"""`gpudrop dashboard`: the page over the runs, on this machine only."""

from __future__ import annotations

import sys
import webbrowser
from typing import Annotated

import typer

from dispatcher.config import Settings
from dispatcher.runs.store import RunStore


def dashboard(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port; without it the usual one, or any that is free.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
) -> None:
    """Show runs, workers and tours on a page of this machine, live, until Ctrl-C."""
    from dispatcher.web import building  # FastAPI is loaded by no other command

    settings = Settings()
    with (
        RunStore.open(settings.database, durability=settings.durability) as store,
        building.build(settings, store, port, background=building.following(settings, store)) as built,
    ):
        if port is None and built.port != building.PORT:
            sys.stderr.write(f"port {building.PORT} is taken, so this is port {built.port}\n")
        sys.stderr.write("the dashboard is for you only; Ctrl-C ends it. Open:\n")
        sys.stdout.write(f"{built.access.link}\n")
        sys.stdout.flush()
        if browser:
            webbrowser.open(built.access.ticket())
        built.serve()

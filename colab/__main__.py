"""`python -m colab --drop DIR`: the same worker anywhere."""

from __future__ import annotations

import logging
import sys
from typing import Annotated, Any

import typer

from colab.config import checked_settings
from colab.serving import make_worker, serve_until_signalled
from protocol.errors import GpudropError
from usertext.redaction import guard_logs, legible, without_secrets


def run(
    drop: Annotated[str, typer.Option(help="The drop: a folder or an address. gpudrop worker has a default.")],
    once: Annotated[bool, typer.Option("--once", help="Do what is there to do, then stop.")] = False,
    kinds: Annotated[str, typer.Option(help="Only these kinds of work, comma-separated.")] = "",
    idle_exit: Annotated[float | None, typer.Option(help="Stop after this many seconds without a job.")] = None,
    name: Annotated[str | None, typer.Option(help="This worker's id, at most 16 characters.")] = None,
    session: Annotated[
        float | None,
        typer.Option(help="How many seconds this machine is still lent: take no job too late to hand it back."),
    ] = None,
    exit_with_parent: Annotated[int | None, typer.Option(help="Stop when this process id is gone.")] = None,
    beat: Annotated[float | None, typer.Option(help="Seconds between beats, instead of the drop's pace.")] = None,
    poll: Annotated[float | None, typer.Option(help="Seconds between looks, instead of the drop's pace.")] = None,
    auth: Annotated[str, typer.Option(help="What to do about requests that are not signed: off, warn, require.")] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
) -> None:
    """Serve a drop: take jobs, do the work, publish results. Ctrl-C or SIGTERM releases the current job and ends.

    `python -m colab` is the same program.
    """
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    guard_logs()
    logging.getLogger("watchdog").setLevel(logging.WARNING)
    given: dict[str, Any] = {
        "once": once,
        "idle_exit_s": idle_exit,
        "name": name,
        "beat_s": beat,
        "poll_s": poll,
        "kinds": tuple(kind.strip() for kind in kinds.split(",") if kind.strip()),
        "session_s": session,
        "exit_with_parent": exit_with_parent,
        "auth": auth,
    }
    flags = {name: value for name, value in given.items() if _is_given(value)}
    serve_until_signalled(make_worker(checked_settings(drop=drop, **flags)))


def _is_given(value: Any) -> bool:
    """Say whether a flag was used; for the others the environment counts."""
    return value is not None and value is not False and value not in ("", ())


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.command()(run)


def main() -> None:
    """Run the worker's command line; an error is a line and an exit code."""
    try:
        app(prog_name="gpudrop worker")
    except GpudropError as error:
        sys.stderr.write(f"error: {legible(without_secrets(str(error)))}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()

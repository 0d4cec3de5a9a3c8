"""`python -m colab --drop DIR`: the same worker anywhere."""

from __future__ import annotations

import logging
import sys
from typing import Annotated, Any

import typer

from colab.config import checked_settings
from colab.serving import make_worker, serve_until_signalled
from protocol.errors import GpudropError
from usertext.command_line import USAGE, Misuse, call
from usertext.redaction import guard_logs, legible, without_secrets


def run(
    drop: Annotated[str, typer.Option(help="The drop: a folder or an address. gpudrop worker has a default.")],
    once: Annotated[bool, typer.Option("--once", help="Do all waiting jobs, then stop.")] = False,
    kinds: Annotated[str, typer.Option(help="Only these kinds of work, comma-separated.")] = "",
    idle_exit: Annotated[float | None, typer.Option(help="Stop after this many seconds without a job.")] = None,
    name: Annotated[str | None, typer.Option(help="This worker's id, at most 16 characters.")] = None,
    session: Annotated[
        float | None,
        typer.Option(help="Seconds until this machine is taken away: hand the job back and end before that."),
    ] = None,
    exit_with_parent: Annotated[int | None, typer.Option(help="Stop when the process with this id ends.")] = None,
    beat: Annotated[float | None, typer.Option(help="Seconds between heartbeats. Default: set by the drop.")] = None,
    poll: Annotated[
        float | None, typer.Option(help="Seconds between checks for jobs. Default: set by the drop.")
    ] = None,
    auth: Annotated[str, typer.Option(help="How to treat unsigned requests: off, warn or require.")] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
) -> None:
    """Serve a drop: take jobs, do them, publish the results. Ctrl-C or SIGTERM releases the current job and stops.

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
    """Say whether a flag was used; settings without a flag come from the environment."""
    return value is not None and value is not False and value not in ("", ())


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.command()(run)


def main() -> None:
    """Run the worker's command line; an error is a line and an exit code."""
    try:
        sys.exit(call(app, program="gpudrop worker"))
    except (GpudropError, Misuse) as error:
        sys.stderr.write(f"error: {legible(without_secrets(str(error)))}\n")
        sys.exit(error.exit_code if isinstance(error, GpudropError) else USAGE)


if __name__ == "__main__":
    main()

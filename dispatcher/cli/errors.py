"""Errors at the edge: one or two lines on stderr and an exit code, never a traceback unless `--debug` asks for it."""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TextIO

import typer

from dispatcher.cli.commands import plainly
from gpudrop_start import INTERRUPTED, INTERRUPTED_TEXT, missing
from protocol.errors import EnvironmentNotReady, GpudropError, NotFoundError, StorageFull, UsageError, is_full
from protocol.transports.failures import DENIED, MISSING
from usertext.command_line import Misuse, call
from usertext.redaction import guard_logs, legible, without_secrets, without_secrets_in

_EVERYWHERE = ("--debug", "--log-json")


def run(command: Callable[..., Any]) -> NoReturn:
    """Run a typer app to its end.

    Anywhere on the command line, `--debug` shows tracebacks and `--log-json` writes the log from level INFO on as JSON
    lines.
    """
    debug, log_json = "--debug" in sys.argv, "--log-json" in sys.argv
    level = logging.DEBUG if debug else logging.INFO if log_json else logging.WARNING
    _log_to_stderr(level, as_events=log_json or "--json" in sys.argv)
    if not debug:
        # After an interrupt it would log the unfinished calls of the browser's driver.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        _call(command, [argument for argument in sys.argv[1:] if argument not in _EVERYWHERE])
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer has caught the interrupt itself
            _interrupted()
        raise
    except Exception as error:
        if debug:
            raise
        explained = _explained(error)
        sys.stderr.write(_rendered(explained, as_event="--json" in sys.argv))
        sys.exit(explained.exit_code)
    sys.exit(0)


def _call(command: Callable[..., Any], arguments: list[str]) -> None:
    """Run a typer app to its end; output that cannot be written is an error like any other."""
    called = plainly(typer.main.get_command(command)) if isinstance(command, typer.Typer) else command
    try:
        code = call(called, arguments)
    except SystemExit:
        _put_out()
        raise
    except typer.Abort:
        sys.stderr.write("aborted\n")
        sys.exit(1)
    except Misuse as error:
        raise UsageError(str(error)) from error
    _put_out()
    sys.exit(code)


def _put_out() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        # The text stays in the buffer, and the interpreter would fail on it again when it exits.
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        if error.errno == errno.EPIPE:  # the reader has gone, as `head` does
            sys.exit(1)
        raise


def _explained(error: Exception) -> GpudropError:
    """Return an error as one of ours; errors of the system about a file or a disk are not faults of the code."""
    if isinstance(error, GpudropError):
        return error
    if isinstance(error, ModuleNotFoundError):
        return EnvironmentNotReady(missing(error))
    if not isinstance(error, OSError):
        what = f"{type(error).__name__}: {error}"
        return GpudropError(f"{what}. This is a bug in gpudrop: please report it with the output of --debug")
    why, where = error.strerror or str(error), f"{error.filename}: " if error.filename is not None else ""
    if error.errno in MISSING:
        return NotFoundError(f"{where}{why}. Correct the path, or make its folder")
    if is_full(error):
        return StorageFull(f"{where}{why}. Free some space, then run the same command again")
    if error.errno in DENIED:
        return EnvironmentNotReady(f"{where}{why}. Change its permissions, or use another place")
    if where:
        return EnvironmentNotReady(f"{where}{why}. Use another file or folder")
    return EnvironmentNotReady(f"the system reported: {why}. --debug shows where")


def event_line(event: str, **fields: Any) -> str:
    """Return one event as a line of JSON, without secrets; fields that are None are left out (docs/events.md)."""
    body = {"event": event, "at": round(time.time(), 3), **{k: v for k, v in fields.items() if v is not None}}
    return json.dumps(without_secrets_in(body), ensure_ascii=False) + "\n"


class _EventFormatter(logging.Formatter):
    """Formats log records as events, so that every line on stderr is one."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return event_line("log", level=record.levelname.lower(), source=record.name, text=text).rstrip("\n")


class _PlainFormatter(logging.Formatter):
    """Formats log records for people: `warning: …`."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {super().format(record)}"


class _CurrentStderr(logging.StreamHandler[TextIO]):
    """Writes to the current sys.stderr: while a progress bar is shown, that is an object that prints above the bar."""

    @property
    def stream(self) -> TextIO:
        """Return the current sys.stderr, whatever it was when logging began."""
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        """Ignore any other stream."""


def _log_to_stderr(level: int, *, as_events: bool) -> None:
    handler = _CurrentStderr()
    if as_events:
        handler.setFormatter(_EventFormatter("%(message)s"))
    elif level == logging.DEBUG:
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    else:
        handler.setFormatter(_PlainFormatter("%(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    guard_logs()


def _rendered(error: GpudropError, *, as_event: bool) -> str:
    """Return an error as text for people, or as the last event of a command with --json."""
    text = without_secrets(str(error))
    if not as_event:
        return f"error: {legible(text)}\n"
    more = {name: getattr(error, name, None) or None for name in ("code", "step", "why", "hint", "run")}
    return event_line("error", type=type(error).__name__, text=text, exit_code=error.exit_code, **more)


def _interrupted() -> NoReturn:
    sys.stderr.write(INTERRUPTED_TEXT)
    sys.exit(INTERRUPTED)

"""Errors at the edge: one or two lines on stderr and an exit code, never a traceback unless `--debug` asks for it."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

import typer

from dispatcher.cli.commands import corrected, plainly
from gpudrop_start import INTERRUPTED, INTERRUPTED_TEXT, missing
from protocol.errors import EnvironmentNotReady, GpudropError, NotFoundError, StorageFull, UsageError, is_full
from protocol.transports.failures import DENIED, MISSING
from usertext.redaction import guard_logs, legible, without_secrets, without_secrets_in

_MISUSE = cast("type[Exception]", typer.BadParameter.__mro__[1])  # typer keeps the class itself to itself
_OF_OPTION = re.compile(r"Invalid value for (?P<option>.+?): (?P<why>.*)", re.DOTALL)
_OF_PYDANTIC = (
    (re.compile(r"\binput should be a valid integer", re.IGNORECASE), "must be a whole number"),
    (re.compile(r"\binput should be(?: a valid)?", re.IGNORECASE), "must be"),
    (re.compile(r"\bgreater than or equal to\b"), "at least"),
    (re.compile(r"\bless than or equal to\b"), "at most"),
    (re.compile(r", unable to .*"), ""),
)
"""What typer's checks say, and what people say."""

_EVERYWHERE = ("--debug", "--log-json")


def run(command: Callable[..., Any]) -> NoReturn:
    """Run a typer app to its end.

    Anywhere on the command line, `--debug` shows tracebacks and `--log-json` writes the log, with what is merely worth
    knowing, as JSON lines.
    """
    debug, log_json = "--debug" in sys.argv, "--log-json" in sys.argv
    level = logging.DEBUG if debug else logging.INFO if log_json else logging.WARNING
    _log_to_stderr(level, as_events=log_json or "--json" in sys.argv)
    if not debug:
        # After an interrupt it tells of what the browser's driver did not get to say; the interrupt is the news.
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
        sys.stderr.write(_told(explained, as_event="--json" in sys.argv))
        sys.exit(explained.exit_code)
    sys.exit(0)


def _call(command: Callable[..., Any], arguments: list[str]) -> None:
    """Run a typer app to its end; what it printed and could not be written is an error like any other.

    So is what typer finds wrong with the command line, which it would draw a box around.
    """
    called = plainly(typer.main.get_command(command)) if isinstance(command, typer.Typer) else command
    try:
        code = called(args=arguments, standalone_mode=False)
    except SystemExit:
        _put_out()
        raise
    except typer.Abort:
        sys.stderr.write("aborted: nothing more is done\n")
        sys.exit(1)
    except _MISUSE as error:
        raise _misused(error) from error
    _put_out()
    sys.exit(code if isinstance(code, int) else 0)


def _misused(error: Exception) -> UsageError:
    """Return a usage error of typer's as one line: the option, what is wrong with it, and where the help is."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        sys.stderr.write(f"{context.get_help()}\n")
        sys.exit(UsageError.exit_code)
    told = getattr(error, "format_message", error.__str__)()
    command = context.command_path if context is not None else "gpudrop"
    text = told.replace("Value error, ", "").strip().rstrip(".")
    for pattern, put in _OF_PYDANTIC:
        text = pattern.sub(put, text)
    if named := _OF_OPTION.fullmatch(text):
        text = f"{named['option'].replace(chr(39), '')}: {_small(named['why'])}"
    group = getattr(context, "command", None)
    known = group.list_commands(context) if group is not None and hasattr(group, "list_commands") else ()
    return UsageError(f"{_small(corrected(text, known))} (see {command} --help)")


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _put_out() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        # It stays in the buffer, and the interpreter would stumble over it once more.
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        if error.errno == errno.EPIPE:  # who read it has gone, as `head` does
            sys.exit(1)
        raise


def _explained(error: Exception) -> GpudropError:
    """Return what went wrong as an error of ours: what the system says of a file or a disk is no fault of the code."""
    if isinstance(error, GpudropError):
        return error
    if isinstance(error, ModuleNotFoundError):
        return EnvironmentNotReady(missing(error))
    if not isinstance(error, OSError):
        what = f"{type(error).__name__}: {error}"
        return GpudropError(f"{what}. This is a fault of gpudrop: --debug shows where; please report it with that")
    why, where = error.strerror or str(error), f"{error.filename}: " if error.filename is not None else ""
    if error.errno in MISSING:
        return NotFoundError(f"{where}{why}. Correct the path, or make the folder it lies in")
    if is_full(error):
        return StorageFull(f"{where}{why}. Free some space, then run the same command again")
    if error.errno in DENIED:
        return EnvironmentNotReady(f"{where}{why}. Give yourself the right to it, or name another place")
    if where:
        return EnvironmentNotReady(f"{where}{why}. Name a file or folder that this machine can use")
    return EnvironmentNotReady(f"this machine could not do it: {why}. --debug shows where")


def event_line(event: str, **fields: Any) -> str:
    """Return one event as a line of JSON, without secrets; fields that are None are left out (docs/events.md)."""
    body = {"event": event, "at": round(time.time(), 3), **{k: v for k, v in fields.items() if v is not None}}
    return json.dumps(without_secrets_in(body), ensure_ascii=False) + "\n"


class _EventFormatter(logging.Formatter):
    """Makes an event of what is logged, so that every line on stderr is one."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return event_line("log", level=record.levelname.lower(), source=record.name, text=text).rstrip("\n")


class _PlainFormatter(logging.Formatter):
    """Writes what a user reads: `warning: …`."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {super().format(record)}"


class _StderrOfTheMoment(logging.StreamHandler[TextIO]):
    """Writes to what stderr is now: while a bar is drawn there, that is who puts lines above the bar."""

    @property
    def stream(self) -> TextIO:
        """Return it; what it was when logging began does not matter."""
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        """Take nothing else for it."""


def _log_to_stderr(level: int, *, as_events: bool) -> None:
    handler = _StderrOfTheMoment()
    if as_events:
        handler.setFormatter(_EventFormatter("%(message)s"))
    elif level == logging.DEBUG:
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    else:
        handler.setFormatter(_PlainFormatter("%(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    guard_logs()


def _told(error: GpudropError, *, as_event: bool) -> str:
    """Return an error as people read it, or as the last event of a command that tells events."""
    text = without_secrets(str(error))
    if not as_event:
        return f"error: {legible(text)}\n"
    more = {name: getattr(error, name, None) or None for name in ("code", "step", "why", "hint", "run")}
    return event_line("error", type=type(error).__name__, text=text, exit_code=error.exit_code, **more)


def _interrupted() -> NoReturn:
    sys.stderr.write(INTERRUPTED_TEXT)
    sys.exit(INTERRUPTED)

"""What is wrong with a command line, in one line, for the programs of both sides. Typer would print usage and a box."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, cast

import typer

USAGE, INTERRUPTED = 2, 130
USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__mro__[1])  # typer does not export the class

_OF_OPTION = re.compile(r"Invalid value for (?P<option>.+?): (?P<reason>.*)", re.DOTALL)
_PLAINER = (
    (re.compile(r"\binput should be a valid integer", re.IGNORECASE), "must be a whole number"),
    (re.compile(r"\binput should be a valid\b", re.IGNORECASE), "must be a"),
    (re.compile(r"\binput should be\b", re.IGNORECASE), "must be"),
    (re.compile(r"\bgreater than or equal to\b"), "at least"),
    (re.compile(r"\bless than or equal to\b"), "at most"),
    (re.compile(r", unable to .*"), ""),
    (re.compile(r"^got unexpected extra argument(?:s|\(s\))? \((.*)\)", re.IGNORECASE), r"unexpected argument: \1"),
)
"""What typer's checks say, and what people say."""

_POSSIBLE = re.compile(r"\s*\(Possible options: (?P<names>[^)]*)\)|[.\s]*Did you mean (?P<one>[^?]*)\?")
_WRONG = re.compile(r"(?:no such (?:option|command):? )'?(?P<name>[^\s'(]+)", re.IGNORECASE)
_CHOICE = re.compile(r"'(?P<value>[^']*)' is not one of (?P<allowed>'.*)", re.DOTALL)


class Misuse(Exception):
    """A mistake on the command line. The message is one line: the option, what is wrong, and where the help is."""


def call(command: Any, arguments: Sequence[str] | None = None, program: str | None = None) -> int:
    """Run a typer command and return its exit code, 130 after Ctrl-C. Raises Misuse; other errors pass.

    A group without arguments prints its help on stderr and returns 2.
    """
    try:
        code = command(args=arguments, prog_name=program, standalone_mode=False)
    except USAGE_ERROR as error:
        context = getattr(error, "ctx", None)
        if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
            sys.stderr.write(f"{context.get_help()}\n")
            return USAGE
        raise Misuse(usage_text(error)) from error
    return code if isinstance(code, int) else 0


def usage_text(error: Exception) -> str:
    """Return a usage error of typer as one line."""
    context = getattr(error, "ctx", None)
    message = getattr(error, "format_message", error.__str__)()
    text = " ".join(message.replace("Value error, ", "").split()).rstrip(".")
    for pattern, plainer in _PLAINER:
        text = pattern.sub(plainer, text)
    if named := _OF_OPTION.fullmatch(text):
        text = f"{named['option'].replace(chr(39), '')}: {_small(named['reason'])}"
    group = getattr(context, "command", None)
    known = group.list_commands(context) if group is not None and hasattr(group, "list_commands") else ()
    program = context.command_path if context is not None else "gpudrop"
    return f"{_small(corrected(text, known))} (see {program} --help)"


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def corrected(text: str, known: Iterable[str] = ()) -> str:
    """Return typer's message with a suggestion for the name or value that was probably meant.

    `known` are the existing names, for messages that do not list them.
    """
    if choice := _CHOICE.search(text):
        from usertext.problems import not_one_of  # it imports pydantic: only where something is wrong

        return text[: choice.start()] + not_one_of(choice["value"], re.findall(r"'([^']*)'", choice["allowed"]))
    wrong, found = _WRONG.search(text), _POSSIBLE.search(text)
    if wrong is None:
        return text
    listed = (found["names"] or found["one"]) if found else ""
    names = [name.strip(" '") for name in listed.split(",") if name.strip()] or list(known)
    close = difflib.get_close_matches(wrong["name"], names, n=1, cutoff=0.5)
    bare = _POSSIBLE.sub("", text).rstrip(".")
    return f"{bare}; did you mean {close[0]}?" if close else bare

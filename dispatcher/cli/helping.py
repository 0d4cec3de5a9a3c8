"""How commands explain themselves: help with whole option names at 80 columns, and a hint for a mistyped name."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

import typer
from typer.core import TyperCommand

from usertext.problems import not_one_of

VALUES = {"str": "TEXT", "path": "PATH", "int": "N", "float": "NUMBER"}
"""What a value of a type is called in help."""

LONGEST = 48
"""Choices that are longer together are named in the text of the option, and not before it."""

_TYPE = re.compile(r"<(?:list\[)?(?P<type>[^>\]]+?)(?: range)?\]?>")
_POSSIBLE = re.compile(r"\s*\(Possible options: (?P<names>[^)]*)\)|[.\s]*Did you mean (?P<one>[^?]*)\?")
_WRONG = re.compile(r"(?:no such (?:option|command):? )'?(?P<name>[^\s'(]+)", re.IGNORECASE)

_CHOICE = re.compile(r"'(?P<value>[^']*)' is not one of (?P<allowed>'.*)", re.DOTALL)


class Sections(TyperCommand):
    """A command whose options stand in the sections that they name."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, each named section, and the options of none last."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        rest: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            if (record := param.get_help_record(ctx)) is None:
                continue
            named = "Arguments" if param.param_type_name == "argument" else getattr(param, "rich_help_panel", None)
            (sections.setdefault(named, []) if named else rest).append(record)
        for title, records in {**sections, "Options": rest}.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def plainly(command: Any) -> Any:
    """Return a command whose help, and that of all below it, is plain text in two columns that wraps at 80."""
    command.rich_markup_mode = None
    context = typer.Context(command)
    for param in command.params:
        shown = (param.get_help_record(context) or ("", ""))[0]
        if param.param_type_name == "argument":
            param.metavar = param.metavar or str(param.name).upper()
            param.get_help_record = functools.partial(_of_argument, param.get_help_record)
        elif param.metavar is None and (found := _TYPE.search(shown)):
            param.metavar = VALUES.get(found["type"], "NAME" if len(found["type"]) > LONGEST else None)
    for below in getattr(command, "commands", {}).values():
        plainly(below)
    return command


def _of_argument(record: Callable[[Any], tuple[str, str] | None], context: Any) -> tuple[str, str] | None:
    """Return an argument's line of help without its type, which its name says."""
    told = record(context)
    return told and (_TYPE.sub("", told[0]).strip(), told[1])


def corrected(text: str, known: Iterable[str] = ()) -> str:
    """Return what is wrong with a command line, with the one name or value that was probably meant.

    `known` are the names there are, where the text itself brings none.
    """
    if choice := _CHOICE.search(text):
        return text[: choice.start()] + not_one_of(choice["value"], re.findall(r"'([^']*)'", choice["allowed"]))
    wrong = _WRONG.search(text)
    found = _POSSIBLE.search(text)
    if wrong is None:
        return text
    told = (found["names"] or found["one"]) if found else ""
    names = [name.strip(" '") for name in told.split(",") if name.strip()] or list(known)
    close = difflib.get_close_matches(wrong["name"], names, n=1, cutoff=0.5)
    bare = _POSSIBLE.sub("", text).rstrip(".")
    return f"{bare}; did you mean {close[0]}?" if close else bare

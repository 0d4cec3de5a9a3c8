"""How commands are loaded when they are used, and described in plain text at 80 columns."""

from __future__ import annotations

import functools
import gc
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

EPILOG = (
    "--debug shows the traceback of an error, --log-json writes the log as JSON lines. Exit codes: 0 ok · 1 failure · "
    "2 usage · 3 not found · 4 the remote job failed · 5 bad spec · 6 environment not ready · 124 timed out · "
    "130 interrupted"
)
"""The end of every command's help."""

VALUES = {"str": "TEXT", "path": "PATH", "int": "N", "float": "NUMBER"}
"""What help calls a value of a type."""

LONGEST = 48
"""Choices longer than this are not shown as the placeholder of an option: its text names them."""

_TYPE = re.compile(r"<(?:list\[)?(?P<type>[^>\]]+?)(?: range)?\]?>")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A command in the table of its group: enough to list and complete it without importing it."""

    summary: str
    """The first paragraph of the command's help."""

    source: str
    """`module:name` below dispatcher.cli: the command's function, or the Typer app of a group."""

    cls: str | None = None  # the class of the command, in the same module
    argument: str | None = None  # where `source` is a function that makes the command of a kind of work

    def load(self, name: str) -> Any:
        """Import the command and return it under this name."""
        path, _, attribute = self.source.partition(":")
        module = _import_quickly(f"dispatcher.cli.{path}")
        found = getattr(module, attribute)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        function = found if self.argument is None else found(self.argument)
        alone.command(name, epilog=EPILOG, cls=getattr(module, self.cls) if self.cls else None)(function)
        return typer.main.get_command(alone)


def _import_quickly(name: str) -> ModuleType:
    """Import a module without garbage collection: a tenth of the time, for objects that stay anyway."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        if was_enabled:
            gc.enable()


class LazyGroup(TyperGroup):
    """A group that imports a command only when it is used: its help and its completion come from a table."""

    entries: ClassVar[Mapping[str, Entry]] = {}
    sections: ClassVar[Mapping[str, Sequence[str]]] = {}
    """The sections of the help, by title; every other command stands in the last one, `Commands`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return list(self.entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, imported now if it was not yet."""
        if cmd_name not in self.commands and cmd_name in self.entries:
            self.commands[cmd_name] = plainly(self.entries[cmd_name].load(cmd_name))
        return self.commands.get(cmd_name)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete a name from the table: Tab does not wait for imports."""
        loaded = self.commands
        self.commands = {name: TyperCommand(name, help=entry.summary) for name, entry in self.entries.items()}
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self.commands = loaded

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List each command with its whole summary."""
        named = {name for names in self.sections.values() for name in names}
        rest = [name for name in self.entries if name not in named]
        for title, names in {**self.sections, "Commands": rest}.items():
            with formatter.section(title):
                formatter.write_dl([(name, self.entries[name].summary) for name in names])


class Sections(TyperCommand):
    """A command whose options are listed in the sections that they name."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, each named section, and then the other options."""
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
    """Make the help of a command and its subcommands plain text in two columns, wrapped at 80; return the command."""
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
    """Return the help of an argument without its type, which the name makes clear."""
    row = record(context)
    return row and (_TYPE.sub("", row[0]).strip(), row[1])

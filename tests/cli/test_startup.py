"""Commands start fast because they import only what they need; the tables that make this possible are true."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

import dispatcher
from dispatcher.cli import COMMANDS, app, runs
from dispatcher.cli.commands import Entry, LazyGroup
from protocol.kinds import KINDS
from tests.support.drops import ROOT

ENTRIES = [("", name) for name in COMMANDS] + [("runs", name) for name in runs.COMMANDS]

HEAVY = {"alembic", "httpx", "numpy", "av", "pydantic", "rich", "sqlalchemy", "dispatcher.jobs.client"}
"""What takes long to import, and what `runs ls` needs of it."""


def loaded(*arguments: str, home: Path, **environment: str) -> set[str]:
    """Run a command in a process of its own; return the modules that it imported."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('\\nMODULES', *sys.modules, flush=True))\n"
        "from gpudrop_start import command; sys.argv[0] = 'gpudrop'; command()"
    )
    variables = {**os.environ, "GPUDROP_DATA_DIR": str(home), "GPUDROP_CONFIG_DIR": str(home / "config"), **environment}
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=variables, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(ran.stdout.rpartition("\nMODULES ")[2].split())


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        ("--version", ""),
        ("--help", ""),
        ("config path", "pydantic"),
        ("upscale --help", "pydantic"),
        ("runs ls", "pydantic rich sqlalchemy"),
    ],
)
def test_a_command_imports_only_what_it_needs(arguments: str, needed: str, tmp_path: Path) -> None:
    """`--version` and `--help` need no heavy package; listing runs needs the database and neither client nor media."""
    if arguments == "runs ls":
        loaded("runs", "ls", home=tmp_path)  # makes the database, for which alembic is needed
    assert loaded(*arguments.split(), home=tmp_path) & HEAVY == set(needed.split())


def test_completing_a_command_imports_none(tmp_path: Path) -> None:
    """Tab after `gpudrop runs re` reads the tables: it waits for no database package."""
    words = {"_GPUDROP_COMPLETE": "complete_bash", "COMP_WORDS": "gpudrop runs re", "COMP_CWORD": "2"}
    assert loaded(home=tmp_path, **words) & HEAVY <= {"pydantic"}  # which typer itself imports


@pytest.mark.parametrize(("group", "name"), ENTRIES, ids=lambda text: text or "gpudrop")
def test_the_table_says_what_the_command_says(group: str, name: str) -> None:
    """The summary in the table is the first paragraph of the command's own help."""
    table = runs.COMMANDS if group else COMMANDS
    command = table[name].load(name)
    assert " ".join((command.help or "").split("\n\n")[0].split()) == table[name].summary


def test_every_kind_that_takes_files_has_its_command() -> None:
    """The table names exactly these kinds, and a kind that is added is missed here."""
    assert {name for name, entry in COMMANDS.items() if entry.argument} == {
        kind.name for kind in KINDS.values() if kind.takes
    }


def test_a_command_is_loaded_once_and_an_unknown_one_is_none() -> None:
    """The group returns the same object, so that options are not read twice."""
    root: Any = typer.main.get_command(app)
    assert isinstance(root, LazyGroup)
    assert root.get_command(None, "doctor") is root.get_command(None, "doctor")
    assert root.get_command(None, "docto") is None


def test_importing_leaves_garbage_collection_as_it_was() -> None:
    """It is switched off for the import only; a program that has switched it off finds it so."""
    entry = Entry(summary="", source="key:app")
    entry.load("key")
    assert gc.isenabled()
    gc.disable()
    try:
        entry.load("key")
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("name", dispatcher.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    """The lazy table holds every name of `__all__`, and each is the object of its own module."""
    value = getattr(dispatcher, name)
    module, attribute = dispatcher._SOURCES[name]
    assert getattr(sys.modules[module], attribute) is value
    assert getattr(dispatcher, name) is value
    assert name in dir(dispatcher)


def test_nothing_else_is_exported() -> None:
    """The table and `__all__` name the same, and an unknown name is an AttributeError that names it."""
    assert set(dispatcher._SOURCES) == set(dispatcher.__all__)
    with pytest.raises(AttributeError, match="no attribute 'upscal'"):
        dispatcher.__getattr__("upscal")

"""Starts gpudrop, and first makes sure that it can run: its packages are its own, and what they need is installed.

Standard library only, and imported before anything else of ours. Its name is unique; those of our packages are plain
words that a script, a folder or another distribution may use too (docs/why/import-names.md).
"""

from __future__ import annotations

import importlib
import shlex
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

NAME = "gpudrop"
PACKAGES = ("colab", "dispatcher", "media", "protocol", "simulator", "speech", "usertext")
ROOT = Path(__file__).resolve().parent
MODULE = ("-P", "-m")
"""How our programs run a module in a process of its own: without -P, a media.py in the user's folder would be ours."""

NOT_READY, INTERRUPTED = 6, 130
INTERRUPTED_TEXT = "interrupted; run the same command again to resume\n"
"""What Ctrl-C is answered with, however early it comes."""

_MARK = f'__distribution__ = "{NAME}"'
_RENAME = "Rename or move it: gpudrop uses the import names " + ", ".join(PACKAGES)
_APART = f"Install gpudrop in an environment of its own: uv tool install {NAME} (or pipx install {NAME})"


class WrongPackage(ImportError):
    """Python would import another package under one of our names. The message names the file and the fix."""


def command() -> None:
    """Run the `gpudrop` command."""
    start("dispatcher.cli")


def start(module: str) -> None:
    """Call `main` of one of our modules. If gpudrop cannot be imported, print why and the fix, and exit with code 6."""
    try:
        _main(module)()
    except KeyboardInterrupt:  # the imports take a second: before them nothing else can answer it
        sys.stderr.write(INTERRUPTED_TEXT)
        sys.exit(INTERRUPTED)


def _main(module: str) -> Callable[[], None]:
    try:
        check_packages()
        main: Callable[[], None] = importlib.import_module(module).main
    except WrongPackage as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(NOT_READY)
    except ModuleNotFoundError as error:
        sys.stderr.write(f"error: {missing(error)}\n")
        sys.exit(NOT_READY)
    return main


def check_packages(root: Path = ROOT) -> None:
    """Raise WrongPackage if Python would import, under one of our names, a file that is not ours. Imports nothing.

    Only names with a package below `root` are checked: a worker's installation lacks some.
    """
    for name in PACKAGES:
        ours = root / name / "__init__.py"
        if not ours.is_file():
            continue
        found = _found(name)
        if found is None or found.resolve() != ours.resolve():
            raise WrongPackage(f"Python imports {name!r} from {found}, not from gpudrop's {ours.parent}. {_fix(name)}")
        if _MARK not in ours.read_text(encoding="utf-8", errors="replace"):
            raise WrongPackage(f"another package has overwritten {ours}. {_fix(name)}, and install gpudrop again")


def missing(error: ModuleNotFoundError) -> str:
    """Return what to tell a user about a Python package that is not installed, with the command that installs it."""
    from importlib.metadata import PackageNotFoundError, requires  # slow to import, and mostly not needed

    python = shlex.quote(sys.executable)
    told = f"the Python package {(error.name or str(error)).partition('.')[0]!r} is not installed for {sys.executable}"
    try:
        is_worker = not any("extra" not in it and it.startswith("sqlalchemy") for it in requires(NAME) or ())
    except PackageNotFoundError:
        return (
            f"{told}, and neither is gpudrop. In a checkout run: make setup, then use .venv/bin/python and "
            f".venv/bin/gpudrop. Otherwise: {python} -m pip install {shlex.quote(str(ROOT))}"
        )
    if is_worker:
        told += ". This is a worker's installation, which can only serve a drop (python -m colab --drop FOLDER)"
    return f"{told}. To send jobs from here, install what is missing: {python} -m pip install 'gpudrop[dispatch]'"


def _found(name: str) -> Path | None:
    """Return the file that Python would import `name` from (a folder if it has no __init__.py)."""
    try:
        spec = find_spec(name)
    except ValueError:  # already imported, by something that says nothing of where it came from
        return None
    return _file_of(spec) if spec is not None else None


def _file_of(spec: ModuleSpec) -> Path | None:
    if spec.origin is not None:
        return Path(spec.origin)
    return next((Path(place) for place in spec.submodule_search_locations or ()), None)


def _fix(name: str) -> str:
    """Return the fix: which distribution is in the way, or, where none has it, that a file has to be renamed."""
    from importlib.metadata import packages_distributions

    others = sorted({owner for owner in packages_distributions().get(name, ()) if owner != NAME})
    if not others:
        return _RENAME
    return f"The package {' and '.join(others)} has a {name!r} too. {_APART}; or uninstall {', '.join(others)}"

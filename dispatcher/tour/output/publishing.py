"""The film, its captions and its report appear at the output path together, and only when all of them are whole."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from protocol.errors import EnvironmentNotReady, UsageError


def check_writable(film: Path) -> None:
    """Raise EnvironmentNotReady where a film cannot be put, as far as that shows before there is one."""
    if film.is_dir():
        raise EnvironmentNotReady(f"the film cannot be written: {film} is a folder; name a file in output.path")
    above = next(folder for folder in film.absolute().parents if os.path.lexists(folder))
    if not above.is_dir():
        raise EnvironmentNotReady(f"the film {film} cannot be written: {above} is not a folder; change output.path")
    if not os.access(above, os.W_OK | os.X_OK):
        raise EnvironmentNotReady(
            f"the film {film} cannot be written: you have no permission to write in {above}; change output.path, or "
            "name another place with --output"
        )


@contextlib.contextmanager
def unfinished(film: Path) -> Iterator[Path]:
    """Yield where to write the film meanwhile, in a hidden folder beside it; at the end of the block it is published.

    So is what was written beside it. The film comes last: where it is, all is. After an error nothing is published
    and what was there before stays.
    """
    folder = film.with_name(f".{film.name}.unfinished")
    shutil.rmtree(folder, ignore_errors=True)  # left by a process that was killed
    folder.mkdir(parents=True)
    try:
        yield folder / film.name
        for made in sorted(folder.iterdir(), key=lambda path: path.name == film.name):
            made.replace(film.with_name(made.name))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_new(path: Path, text: str, *, force: bool) -> None:
    """Write a text file, whole or not at all. Raises UsageError for one that is there, unless `force` is given."""
    if path.exists() and not force:
        raise UsageError(f"{path} exists and is not written over: choose another name, or add --force")
    beside = path.with_name(f".{path.name}.unfinished")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise EnvironmentNotReady(f"{path} cannot be written: {error.strerror}; name another file") from error
    finally:
        beside.unlink(missing_ok=True)

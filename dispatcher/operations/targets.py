"""Where results are put for the user: named after the source, written whole or not at all, and over nothing of his."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from protocol.errors import EnvironmentNotReady, GpudropError, NotFoundError, StorageFull, UsageError, is_full
from protocol.integrity import sha256_of
from protocol.kinds.kind import SOURCE
from protocol.transports.failures import numbers

_NO_NAME = numbers("ENAMETOOLONG", "EINVAL", "EILSEQ")


def name_after(source: Path, output: str) -> str:
    """Return what the output of a result is called: `source.srt` of `talk.mp4` is `talk.srt`."""
    return output.replace(SOURCE, source.stem, 1) if output.startswith(f"{SOURCE}.") else output


def check_folder(folder: Path) -> None:
    """Make a folder, and raise EnvironmentNotReady, before any work, when nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise EnvironmentNotReady(
            f"{folder} cannot be written to: {os.strerror(error.errno or 0)}. Name another folder with --out, or give "
            "yourself the right to write there"
        ) from error


def check_free(targets: Iterable[Path]) -> None:
    """Raise UsageError for a file that is in the way."""
    if there := [target for target in targets if target.exists()]:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(
            f"{there[0]}{more} is there already, and is not what would be written. Move it away, name another folder "
            "(--out), or allow writing over it (--overwrite)"
        )


def are_there(files: Mapping[Path, Path]) -> bool:
    """Say whether every target (a key) has the content of its file."""
    return all(target.is_file() and sha256_of(target) == sha256_of(file) for target, file in files.items())


def place(file: Path, target: Path, *, overwrite: bool = True) -> None:
    """Copy a verified file to its target: whole, or an error and nothing. One with that content stays as it is.

    A place that cannot be had as it is raises UsageError (something else is there and must not be written over, or no
    file can be called so) or NotFoundError (the result is gone); EnvironmentNotReady and StorageFull may pass.
    """
    try:
        if not file.is_file():
            raise NotFoundError(f"the result {file} is gone from this disk: have it made again for {target}")
        if are_there({target: file}):
            return
        if not overwrite:
            check_free([target])
        _copy(file, target)
    except OSError as error:
        raise _refused(file, target, error) from error


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part-{os.getpid()}")
    try:
        shutil.copyfile(file, part)
        part.replace(target)
    finally:
        with contextlib.suppress(OSError):  # it has its name, or there was no room for it
            part.unlink(missing_ok=True)


def _refused(file: Path, target: Path, error: OSError) -> GpudropError:
    """Return what it means that a target could not be written."""
    if is_full(error):
        return StorageFull(
            f"no room for {target}: free {file.stat().st_size} bytes there and run the same command again; the "
            f"work is done and kept in {file.parent}"
        )
    if error.errno in _NO_NAME:
        return UsageError(
            f"no file can be called {target}: {error.strerror}. Choose another name; the result is {file}"
        )
    return EnvironmentNotReady(
        f"{target} cannot be written: {error.strerror}. Is its disk there, and may you write to it? "
        f"The result is {file}"
    )

"""A model of several files as the folder that its library wants to load.

The cache keeps each file under its own digest, so that two models share what they have in common. Libraries want one
folder; so links to the files are put into one, whose name tells the digests: another version is another folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from colab.models.table import ModelFile


def folder_of(cache: Path, name: str, files: Mapping[str, ModelFile]) -> Path:
    """Return where the folder of a model with these files lies, or would."""
    told = "\n".join(f"{path} {file.sha256}" for path, file in sorted(files.items()))
    return cache / "_folders" / f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def put_together(folder: Path, paths: Mapping[str, Path]) -> None:
    """Have each file in `folder` under its path there. What is there already and the same stays."""
    for name, source in paths.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not _same(target, source):
            _link(source, target)


def _same(target: Path, source: Path) -> bool:
    try:
        return target.samefile(source)
    except OSError:
        return False


def _link(source: Path, target: Path) -> None:
    """Link, or copy where nothing can be linked; another process that does the same is not disturbed."""
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    for make in (os.symlink, os.link, shutil.copyfile):
        with contextlib.suppress(OSError, NotImplementedError):
            make(source.resolve(), beside)
            break
    beside.replace(target)

"""The files of each Whisper model, and a folder of them as CTranslate2 wants to find them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from colab.models import Models
from protocol.errors import JobFailed

NAMES = ("large-v3-turbo", "large-v3", "medium", "small", "base", "tiny")
"""Best first on a GPU."""

ON_A_CPU = ("small", "base", "tiny", "medium", "large-v3-turbo", "large-v3")
"""Without one: the best that keeps up with speech on a few cores first, then what is more than is needed."""

NEEDED = ("model.bin", "config.json", "tokenizer.json")
"""Without its tokenizer.json the library would ask a hub for another one."""

VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
OPTIONAL = ("preprocessor_config.json",)

ALIASES = {"turbo": "large-v3-turbo"}


def model_files(models: Models, model: str) -> tuple[str, ...]:
    """Return the names in the table of models of every file that it has of a Whisper, nothing if it lacks one."""
    known = [name for name in (*NEEDED, *VOCABULARIES, *OPTIONAL) if _is_known(models, entry(model, name))]
    if not set(NEEDED) <= set(known) or not set(VOCABULARIES) & set(known):
        return ()
    return tuple(entry(model, name) for name in known)


def entry(model: str, file: str) -> str:
    """Return how a file of a model is called in the table of models."""
    return f"whisper-{ALIASES.get(model, model)}/{file}"


def is_present(models: Models, model: str) -> bool:
    """Say whether all files of a model are at hand."""
    names = model_files(models, model)
    return bool(names) and all(models.present(name) for name in names)


def gather(models: Models, model: str, folder: Path) -> None:
    """Have the verified files of a model lie in `folder` under the names that the library knows; nothing else is."""
    for name in model_files(models, model):
        _lay(models.path(name), folder / name.rpartition("/")[2])


def _is_known(models: Models, name: str) -> bool:
    try:
        models.sha256(name)
    except JobFailed:
        return False
    return True


def _lay(file: Path, place: Path) -> None:
    """Give a file another name, without a copy where the disk can do that."""
    for way in (os.symlink, os.link):
        try:
            way(file.absolute(), place)
            return
        except OSError:  # Windows wants a right for the first, other disks lack the second
            continue
    shutil.copyfile(file, place)

"""The Whisper models: what they are called, which files each needs, and which are at hand."""

from __future__ import annotations

from collections.abc import Iterable

from colab.models import Models
from colab.models.known_whisper import NEEDED, VOCABULARIES, lacking
from protocol.errors import JobFailed

NAMES = ("large-v3-turbo", "large-v3", "medium", "small", "base", "tiny")
"""Best first on a GPU."""

ON_A_CPU = ("small", "base", "tiny", "medium", "large-v3-turbo", "large-v3")
"""Without one: the best that keeps up with speech on a few cores first, then what is more than is needed."""

OPTIONAL = ("preprocessor_config.json",)

ALIASES = {"turbo": "large-v3-turbo"}


def model_files(models: Models, model: str) -> tuple[str, ...]:
    """Return the names in the table of models of every file that it has of a Whisper, nothing if it lacks one."""
    known = [name for name in (*NEEDED, *VOCABULARIES, *OPTIONAL) if _is_known(models, entry(model, name))]
    if lacking(known):
        return ()
    return tuple(entry(model, name) for name in known)


def entry(model: str, file: str) -> str:
    """Return how a file of a model is called in the table of models."""
    return f"{full_name(model)}/{file}"


def full_name(model: str) -> str:
    """Return how a model is called in the table of models. One that the owner added has the same name everywhere."""
    known = ALIASES.get(model, model)
    return f"whisper-{known}" if known in NAMES else model


def names(models: Models) -> tuple[str, ...]:
    """Return every Whisper that may be asked for, those that the owner added last."""
    return (*NAMES, *ALIASES, *owned(models))


def owned(models: Models) -> tuple[str, ...]:
    """Return the Whispers that the worker's owner added and that have all their files."""
    return tuple(name for name in models.owned("transcribe") if model_files(models, name))


def at_hand(models: Models, names: Iterable[str]) -> list[str]:
    """Return those of the models whose files are all here or in the drop, which is looked at once."""
    files = {name: model_files(models, name) for name in names}
    lacking = {file for held in files.values() for file in held if models.cached(file) is None}
    shelved = models.shelved(lacking) if lacking else frozenset()
    return [name for name, held in files.items() if held and not (lacking & set(held)) - shelved]


def _is_known(models: Models, name: str) -> bool:
    try:
        models.sha256(name)
    except JobFailed:
        return False
    return True

"""What `gpudrop models` does, as calls: list, fetch, verify, add, remove. Nothing here prints."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from colab.models import ModelPlaces, Models, check_weights
from colab.models.known import FILES, MODELS
from colab.models.lock import held
from colab.models.owner import check_new, model_of, read, write
from colab.models.table import Model
from protocol.errors import NotFoundError, UsageError
from protocol.integrity import sha256_of

Where = Literal["here", "partly here", "in the drop", "not here"]


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """One model, as a table shows it."""

    name: str
    kind: str
    size: int
    files: int
    licence: str
    where: Where
    verified: bool  # all its files are here, and were found right once
    owned: bool  # the worker's owner added it
    purpose: str
    notes: str

    def record(self) -> dict[str, Any]:
        """Return it for a program."""
        return asdict(self)


def catalogue(places: ModelPlaces) -> dict[str, Model]:
    """Return all models: those that gpudrop knows, and those of the worker's owner."""
    return {**MODELS, **{model.name: model for model in places.owned}}


def chosen(names: Sequence[str], known: Mapping[str, Model]) -> dict[str, tuple[str, ...]]:
    """Return the files of each named model; a file's own name stands for itself. NotFoundError for an unknown name."""
    found: dict[str, tuple[str, ...]] = {}
    files = {**FILES, **{file.name: file for model in known.values() for file in model.files}}
    for name in names:
        if name in known:
            found[name] = tuple(file.name for file in known[name].files)
        elif name in files:
            found[name] = (name,)
        else:
            raise NotFoundError(_unknown(name, files if "/" in name else known))
    return found


def rows(models: Models, listed: Iterable[Model]) -> list[ModelRow]:
    """Return a row for each model. Nothing is read through: that is `verify`."""
    listed = list(listed)
    names = [file.name for model in listed for file in model.files]
    here = {name for name in names if models.cached(name) is not None}
    shelved = models.shelved(name for name in names if name not in here)
    return [_row(models, model, here, shelved) for model in listed]


def add(places: ModelPlaces, table: Path, name: str, files: Sequence[Path], told: Mapping[str, str]) -> Model:
    """Put files into the cache as the owner's model `name`, and into the owner's table.

    Each is looked into before (`check_weights`). Raises UsageError for a name that may not be, and for a kind whose
    engines load no such model; UnsafeWeights, or `JobFailed` STORAGE.
    """
    check_new(name, told["kind"])
    for file in files:
        if not file.is_file():
            raise NotFoundError(f"{file} is not a file")
        check_weights(file)
    listed = [(file.name, *sha256_of(file)) for file in files]
    model = model_of(name, told["kind"], told["licence"], told["purpose"], listed)
    models = Models(ModelPlaces(folder=places.folder), files={entry.name: entry for entry in model.files})
    with _changing(table) as owned:
        if name in owned:
            raise UsageError(f"{name!r} is there already: `gpudrop models rm {name}` first, or choose another name")
        for entry, source in zip(model.files, files, strict=True):
            models.keep(entry.name, source)
        write(table, owned | {name: model})
    return model


def remove(places: ModelPlaces, table: Path, name: str) -> tuple[int, bool]:
    """Delete a model's files from the cache, and an owner's model from the table too.

    Return how many bytes that made free, and whether it was the owner's. Files that other models have in common with it
    stay. The drop keeps its own.
    """
    known = catalogue(places)
    if name not in known:
        raise NotFoundError(_unknown(name, known))
    shared = {file.sha256 for model in known.values() if model.name != name for file in model.files}
    models = Models(places)
    alone = [file for file in known[name].files if file.sha256 not in shared]
    freed = sum(file.size for file in alone if models.forget(file.name))
    models.forget_folder(name)
    if known[name].owned:
        with _changing(table) as owned:
            write(table, {other: model for other, model in owned.items() if other != name})
    return freed, known[name].owned


@contextmanager
def _changing(table: Path) -> Iterator[dict[str, Model]]:
    """Give the owner's models to one process at a time, so that none of two that add is forgotten."""
    table.parent.mkdir(parents=True, exist_ok=True)
    with held(table.with_name(f"{table.name}.lock"), lambda: None):
        yield read(table)


def _row(models: Models, model: Model, here: set[str], shelved: frozenset[str]) -> ModelRow:
    names = [file.name for file in model.files]
    return ModelRow(
        name=model.name,
        kind=model.kind,
        size=model.size,
        files=len(names),
        licence=model.licence,
        where=_where(names, here, shelved),
        verified=all(name in here and models.was_verified(name) for name in names),
        owned=model.owned,
        purpose=model.purpose,
        notes=model.notes,
    )


def _where(names: Sequence[str], here: set[str], shelved: frozenset[str]) -> Where:
    if all(name in here for name in names):
        return "here"
    if all(name in here or name in shelved for name in names):
        return "in the drop"
    return "partly here" if any(name in here for name in names) else "not here"


def _unknown(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=4, cutoff=0.5)
    meant = f"did you mean {' or '.join(near)}?" if near else "`gpudrop models ls` shows all there are."
    return (
        f"no model {name!r} is known; {meant} A model of your own: `gpudrop models add NAME --kind KIND --file FILE`, "
        "with the file that you downloaded yourself"
    )

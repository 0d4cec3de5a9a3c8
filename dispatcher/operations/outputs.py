"""The outputs of earlier runs as sources: `run:ID`, `run:ID/name`, and what a chain goes on with; by digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dispatcher.operations.sources import CALLED, Source
from dispatcher.operations.targets import name_after
from dispatcher.runs.record import Artifact, Role, Run
from dispatcher.runs.store import RunStore
from protocol.errors import NotFoundError, UsageError
from protocol.integrity import sha256_of
from protocol.kinds import KINDS
from protocol.kinds.kind import SOURCE, Kind, Medium

PREFIX = "run:"

_SORTS: dict[str, Medium] = {"video": "film", "image": "picture", "audio": "sound", "text": "text"}


def is_reference(name: str) -> bool:
    """Say whether a name of the command line means a run's output."""
    return name.startswith(PREFIX)


def referred(store: RunStore, name: str, kind: Kind) -> list[Source]:
    """Return what `run:ID` or `run:ID/name` stands for: of several outputs, those that the kind takes.

    Raises NotFoundError for an unknown run or name, or for a file that is no longer what it was, and UsageError for a
    run without results, one that only looked at its source, or an ambiguous id.
    """
    run_id, _, wanted = name.removeprefix(PREFIX).partition("/")
    run = store.search.resolve(run_id)
    if run.status != "completed":
        raise UsageError(f"run {run.id} has no results: it is {run.status}")
    files = _outputs(store, run)
    found = [file for file in files if wanted in (file.name, _called(store, run, file).name)] if wanted else files
    if wanted and not found:
        raise NotFoundError(f"run {run.id} has no output {wanted!r}; it has: {_names(files)}")
    if not wanted and KINDS[run.kind].only_looks:
        raise UsageError(
            f"run {run.id} ({run.kind}) made nothing that could stand for its source: name the source itself, or one "
            f"of {', '.join(f'{PREFIX}{run.id}/{file.name}' for file in files)}"
        )
    return [_source(store, run, file) for file in (found if wanted else _fitting(found, run, kind))]


@dataclass(frozen=True, kw_only=True)
class Called:
    """What a command calls the files of a run: its source, and the place of each output by name."""

    source: Path
    outputs: Mapping[str, Path]


def next_sources(store: RunStore, run: Run, kind: Kind, called: Called | None = None) -> list[Source]:
    """Return what the next step of a chain works on: the outputs of a run that its kind takes, named as `called`.

    After one that only looks it is what was looked at: a contact sheet is no film to make larger. Without `called` a
    file is named after what is remembered of the run, which may be of an earlier command.
    """
    if KINDS[run.kind].only_looks:
        found = [_looked_at(store, run, file) for file in _files(store, run, "input") if file.name == SOURCE]
        return [replace(each, called=called.source) for each in found] if called else found
    made = [(file, _source(store, run, file)) for file in _fitting(_outputs(store, run), run, kind)]
    if called is None:
        return [source for _, source in made]
    return [replace(source, called=called.outputs.get(file.name, source.called)) for file, source in made]


def _looked_at(store: RunStore, run: Run, file: Artifact) -> Source:
    """Return an input again, as people call it: where an earlier run made it, by the name that it was given there."""
    _check(file, f"the input of run {run.id}", "give the command again with the file as it is now")
    path, of = Path(file.path), run
    while of.parent_id is not None:
        try:
            of = store.get(of.parent_id)
        except NotFoundError:
            break  # it was removed
        if made := [each for each in _outputs(store, of) if Path(each.path) == path]:
            return Source(path=path, called=_called(store, of, made[0]), run=run.id)
    return Source(path=path, run=run.id)


def _outputs(store: RunStore, run: Run) -> list[Artifact]:
    return _files(store, run, "output")


def _files(store: RunStore, run: Run, role: Role) -> list[Artifact]:
    return [file for file in store.trace.files(run.id) if file.role == role]


def _fitting(files: Sequence[Artifact], run: Run, kind: Kind) -> list[Artifact]:
    """Return the outputs that stand for the source in a form that a kind takes, in the order of what it prefers."""
    sorts = {file.name: _sort(file) for file in files if file.name.startswith(SOURCE)}
    for sort in kind.takes:
        if fitting := [file for file in files if sorts.get(file.name) == sort]:
            return fitting[:1] if sort == "text" else fitting
    raise UsageError(
        f"{kind.name} takes {' or '.join(CALLED[what] for what in kind.takes)}; "
        f"run {run.id} ({run.kind}) made {_names(files) or 'no files'}"
    )


def _sort(file: Artifact) -> Medium | None:
    told = str((file.media or {}).get("type", ""))
    return "text" if told == "text/plain" else None if told.startswith("text/") else _SORTS.get(told.partition("/")[0])


def _source(store: RunStore, run: Run, file: Artifact) -> Source:
    _check(file, f"the output {file.name} of run {run.id}", f"do it again: gpudrop runs rerun {run.id}")
    return Source(path=Path(file.path), called=_called(store, run, file), run=run.id)


def _check(file: Artifact, what: str, hint: str) -> None:
    """Raise NotFoundError for a file that is not there any more, or is another one than it was."""
    path = Path(file.path)
    if not path.is_file():
        raise NotFoundError(f"{what} is gone from {path}; {hint}")
    if sha256_of(path) != (file.size, file.sha256):
        raise NotFoundError(f"{path} is no longer {what}; {hint}")


def _called(store: RunStore, run: Run, file: Artifact) -> Path:
    """Return what people call an output: the place where it was put last, else a name here, after the run's source."""
    placed = [
        (each.placed_at, Path(each.target))
        for each in store.trace.deliveries(run.id)
        if each.name == file.name and each.placed_at is not None and Path(each.target).is_file()
    ]
    if placed:
        return max(placed)[1]  # where it was put last
    return Path.cwd() / name_after(Path(run.title or run.id), file.name)


def _names(files: Sequence[Artifact]) -> str:
    return ", ".join(file.name for file in files)

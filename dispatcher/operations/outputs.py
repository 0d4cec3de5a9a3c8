"""Outputs of earlier runs as sources, checked by digest: `run:ID`, `run:ID/name`, and those that a chain works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dispatcher.operations.sources import MEDIUM_NAMES, Source
from dispatcher.operations.targets import name_after
from dispatcher.runs.record import Artifact, Role, Run
from dispatcher.runs.store import RunStore
from protocol.errors import NotFoundError, UsageError
from protocol.integrity import sha256_of
from protocol.kinds import KINDS
from protocol.kinds.kind import SOURCE, Kind, Medium

PREFIX = "run:"

_MEDIA: dict[str, Medium] = {"video": "film", "image": "picture", "audio": "sound", "text": "text"}


def is_reference(name: str) -> bool:
    """Return whether an argument of the command line names outputs of a run."""
    return name.startswith(PREFIX)


def referred(store: RunStore, name: str, kind: Kind) -> list[Source]:
    """Return the outputs that `run:ID` or `run:ID/name` names: without a name, those that the kind takes.

    Raises NotFoundError for an unknown run or name and for a file that was changed or removed, and UsageError for a run
    without results, a run that only analyzed its source, and an ambiguous id.
    """
    run_id, _, output = name.removeprefix(PREFIX).partition("/")
    run = store.search.resolve(run_id)
    if run.status != "completed":
        raise UsageError(f"run {run.id} has no results: it is {run.status}")
    files = _outputs(store, run)
    found = [file for file in files if output in (file.name, _display_path(store, run, file).name)] if output else files
    if output and not found:
        raise NotFoundError(f"run {run.id} has no output {output!r}; it has: {_names(files)}")
    if not output and KINDS[run.kind].only_looks:
        raise UsageError(
            f"run {run.id} ({run.kind}) has no output that could replace its source: name the source itself, or one "
            f"of {', '.join(f'{PREFIX}{run.id}/{file.name}' for file in files)}"
        )
    return [_source(store, run, file) for file in (found if output else _fitting(found, run, kind))]


@dataclass(frozen=True, kw_only=True)
class FileNames:
    """What a command calls the files of a run: its source, and the target of each output by name."""

    source: Path
    outputs: Mapping[str, Path]


def next_sources(store: RunStore, run: Run, kind: Kind, called: FileNames | None = None) -> list[Source]:
    """Return the sources of the next step of a chain: the outputs of a run that its kind takes, named as in `called`.

    After a run that only analyzed its source it is that source. Without `called` the names are those stored with the
    run, which may be of an earlier command.
    """
    if KINDS[run.kind].only_looks:
        found = [_analyzed(store, run, file) for file in _files(store, run, "input") if file.name == SOURCE]
        return [replace(each, called=called.source) for each in found] if called else found
    made = [(file, _source(store, run, file)) for file in _fitting(_outputs(store, run), run, kind)]
    if called is None:
        return [source for _, source in made]
    return [replace(source, called=called.outputs.get(file.name, source.called)) for file, source in made]


def _analyzed(store: RunStore, run: Run, file: Artifact) -> Source:
    """Return an input as a source, with the name that the run that made it has for it, if any."""
    _check(file, f"the input of run {run.id}", "run the command again with the file as it is now")
    path, of = Path(file.path), run
    while of.parent_id is not None:
        try:
            of = store.get(of.parent_id)
        except NotFoundError:
            break  # it was removed
        if outputs := [each for each in _outputs(store, of) if Path(each.path) == path]:
            return Source(path=path, called=_display_path(store, of, outputs[0]), run=run.id)
    return Source(path=path, run=run.id)


def _outputs(store: RunStore, run: Run) -> list[Artifact]:
    return _files(store, run, "output")


def _files(store: RunStore, run: Run, role: Role) -> list[Artifact]:
    return [file for file in store.trace.files(run.id) if file.role == role]


def _fitting(files: Sequence[Artifact], run: Run, kind: Kind) -> list[Artifact]:
    """Return the versions of the source among the outputs, in the first medium of those that a kind takes."""
    media = {file.name: _medium(file) for file in files if file.name.startswith(SOURCE)}
    for medium in kind.takes:
        if fitting := [file for file in files if media.get(file.name) == medium]:
            return fitting[:1] if medium == "text" else fitting
    raise UsageError(
        f"{kind.name} takes {' or '.join(MEDIUM_NAMES[what] for what in kind.takes)}; "
        f"run {run.id} ({run.kind}) made {_names(files) or 'no files'}"
    )


def _medium(file: Artifact) -> Medium | None:
    mime = str((file.media or {}).get("type", ""))
    return "text" if mime == "text/plain" else None if mime.startswith("text/") else _MEDIA.get(mime.partition("/")[0])


def _source(store: RunStore, run: Run, file: Artifact) -> Source:
    _check(file, f"the output {file.name} of run {run.id}", f"make it again: gpudrop runs rerun {run.id}")
    return Source(path=Path(file.path), called=_display_path(store, run, file), run=run.id)


def _check(file: Artifact, what: str, hint: str) -> None:
    """Raise NotFoundError for a file that was removed or changed."""
    path = Path(file.path)
    if not path.is_file():
        raise NotFoundError(f"{what} was removed from {path}; {hint}")
    if sha256_of(path) != (file.size, file.sha256):
        raise NotFoundError(f"{path} is no longer {what}; {hint}")


def _display_path(store: RunStore, run: Run, file: Artifact) -> Path:
    """Return the path that the user knows an output by: its last copy, or else a name after the run's source."""
    placed = [
        (each.placed_at, Path(each.target))
        for each in store.trace.deliveries(run.id)
        if each.name == file.name and each.placed_at is not None and Path(each.target).is_file()
    ]
    if placed:
        return max(placed)[1]
    return Path.cwd() / name_after(Path(run.title or run.id), file.name)


def _names(files: Sequence[Artifact]) -> str:
    return ", ".join(file.name for file in files)

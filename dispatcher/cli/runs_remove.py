"""`gpudrop runs rm|prune`: the commands that remove runs, their results and their logs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from dispatcher.cli.runs_select import (
    DryRun,
    Json,
    RunNames,
    Yes,
    checked_kinds,
    checked_names,
    confirmed,
    every_run,
    in_pages,
    mark_dead_tours,
    members,
    named,
    only_groups,
    only_runs,
    opened,
    seconds,
)
from dispatcher.cli.telling import print_json
from dispatcher.config import Settings
from dispatcher.formatting import file_size
from dispatcher.monitor.tidy import RunUsage, remove, remove_folder, size_of, unknown, weigh
from dispatcher.runs.record import TERMINAL, Group, Run, short
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from dispatcher.runs.tours import TOUR
from dispatcher.tour import control as tour_acts
from protocol.errors import UsageError
from usertext.redaction import legible


def rm(runs: RunNames, yes: Yes = False, dry_run: DryRun = False, json_: Json = False) -> None:
    """Remove runs and tours that have ended from the database, with their results and logs; asks first.

    Outputs that were placed elsewhere and videos of tours are kept. Open runs, and runs that others still need, are
    refused. A tour is removed with its runs.
    """
    with opened() as (settings, store):
        found = named(store, settings, runs)
        tours = only_groups(found)
        for tour in tours:
            if tour.is_open:
                raise UsageError(f"{tour.sort} {tour.id} is {tour.status}: end it first: gpudrop runs cancel {tour.id}")
        chosen = {it.id: it for it in (*only_runs(found), *(run for tour in tours for run in members(store, tour)))}
        loads = weigh(settings, store, list(chosen.values()))
        if refused := [load for load in loads if load.stays]:
            raise UsageError(f"run {refused[0].run.id} cannot be removed: {refused[0].stays}")
        _remove(settings, store, _Removal.of(loads, tours), yes=yes, dry_run=dry_run, json_=json_)


def prune(
    older_than: Annotated[
        str | None, typer.Option("--older-than", help="Remove runs that ended longer ago than this: 12h, 30d, 8w.")
    ] = None,
    status: Annotated[list[str] | None, typer.Option("--status", "-s", help="Only runs with this status.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", "-k", help="Only runs of this kind.")] = None,
    keep: Annotated[int, typer.Option("--keep", min=0, help="Keep the newest N runs whatever the other options.")] = 0,
    clips: Annotated[
        bool,
        typer.Option("--clips/--no-clips", help="With --older-than: also remove narration clips unused that long."),
    ] = True,
    unknown_: Annotated[
        bool, typer.Option("--unknown", help="Also remove results of runs that are not in the database (see reindex).")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Remove ended runs by age, status and number, with their results and logs; asks first.

    With --older-than and neither --status nor --kind, folders of old replays and narration clips that were not used
    for that long are removed too. Shows how much space is freed before it asks. Open runs, runs that others need, and
    outputs placed elsewhere are kept.
    """
    if older_than is None and not status and not keep and not unknown_:
        raise UsageError("say what to remove: --older-than 30d, --status failed, --keep 100 or --unknown")
    checked_names(status or [], sorted(TERMINAL), "--status")
    checked_kinds(kind or [])
    choice = _Pruned(
        older_than_s=seconds(older_than, "--older-than") if older_than else None,
        statuses=tuple(status or ()),
        kinds=tuple(kind or ()),
        keep=keep,
        now=time.time(),
    )
    with opened() as (settings, store):
        loads = [load for page in in_pages(choice.runs(store)) for load in weigh(settings, store, page)]
        folders = unknown(settings, store, choice.now) if unknown_ else []
        folders += choice.folders(settings, clips=clips)
        removal = _Removal.of(loads, choice.tours(store, settings), folders)
        _remove(settings, store, removal, yes=yes, dry_run=dry_run, json_=json_)


@dataclass(frozen=True, kw_only=True)
class _Pruned:
    """What the options of `prune` select."""

    older_than_s: float | None
    statuses: tuple[str, ...]
    kinds: tuple[str, ...]
    keep: int
    now: float

    def runs(self, store: RunStore) -> Iterator[Run]:
        """Yield the ended runs to remove."""
        if self.older_than_s is None and not self.statuses and not self.keep:
            return
        query = Query(statuses=self.statuses or sorted(TERMINAL), kinds=self.kinds)
        newest = {run.id for run in store.search.find(Query(), limit=self.keep)} if self.keep else set()
        for run in every_run(store, query):
            if run.id not in newest and self._is_old(run.ended_at or run.updated_at):
                yield run

    def tours(self, store: RunStore, settings: Settings) -> list[Group]:
        """Return the ended tours to remove; none if neither an age nor a status was given."""
        if (self.kinds and TOUR not in self.kinds) or (self.older_than_s is None and not self.statuses):
            return []
        mark_dead_tours(store, settings)
        found = store.tours.find(Query(statuses=self.statuses or sorted(TERMINAL)), limit=100_000)
        return [tour for tour in found if self._is_old(tour.ended_at or self.now)]

    def folders(self, settings: Settings, *, clips: bool) -> list[Path]:
        """Return the folders of old replays and unused narration clips, if runs are selected by age alone."""
        if self.older_than_s is None or self.statuses or self.kinds:
            return []
        replays = [folder for folder in (settings.data_dir / "replays").glob("*") if folder.is_dir()]
        found = [folder for folder in replays if self._is_old(folder.stat().st_mtime)]
        if clips:
            from dispatcher.tour.narration.clip_cache import ClipCache

            found += ClipCache(settings.narration).unused(self.older_than_s, self.now)
        return found

    def _is_old(self, at: float) -> bool:
        return self.older_than_s is None or at < self.now - self.older_than_s


@dataclass(frozen=True, kw_only=True)
class _Removal:
    """What is removed, and the runs that are kept and why."""

    loads: Sequence[RunUsage]
    kept: Sequence[RunUsage]
    tours: Sequence[Group]
    folders: dict[Path, int]  # path → bytes

    @classmethod
    def of(cls, loads: Sequence[RunUsage], tours: Sequence[Group], folders: Sequence[Path] = ()) -> _Removal:
        """Sort the runs into those that can be removed and those that are kept."""
        return cls(
            loads=[it for it in loads if not it.stays],
            kept=[it for it in loads if it.stays],
            tours=tours,
            folders={folder: size_of(folder) for folder in folders},
        )

    @property
    def bytes(self) -> int:
        """Return how many bytes removing it frees."""
        return sum(load.bytes for load in self.loads) + sum(self.folders.values())

    def __bool__(self) -> bool:
        return bool(self.loads or self.tours or self.folders)

    def __str__(self) -> str:
        numbers = {"run": len(self.loads), "tour": len(self.tours), "other folder": len(self.folders)}
        counts = [f"{number} {name}{'' if number == 1 else 's'}" for name, number in numbers.items() if number]
        return f"{' and '.join(counts)}, {file_size(self.bytes)}"

    def apply(self, settings: Settings, store: RunStore) -> int:
        """Remove it; return how many bytes were freed."""
        freed = remove(settings, store, self.loads)
        tour_acts.forget(store, settings, self.tours)
        for folder, size in self.folders.items():
            remove_folder(folder)
            freed += size
        return freed

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        runs = [{"id": it.run.id, "status": it.run.status, "bytes": it.bytes} for it in self.loads]
        return {
            "runs": runs + [{"id": it.id, "status": it.status, "bytes": 0} for it in self.tours],
            "others": [{"path": str(path), "bytes": size} for path, size in self.folders.items()],
            "kept": [{"id": it.run.id, "why": it.stays} for it in self.kept],
        }

    def lines(self) -> Iterator[str]:
        """Yield a line for each run and tour."""
        for load in self.loads:
            yield legible(f"{short(load.run.id)} {load.run.status} {file_size(load.bytes)} {load.run.title}\n")
        for tour in self.tours:
            yield legible(f"{short(tour.id)} {tour.status} {tour.sort} {tour.title}\n")


def _remove(settings: Settings, store: RunStore, removal: _Removal, *, yes: bool, dry_run: bool, json_: bool) -> None:
    for load in removal.kept:
        sys.stderr.write(f"{load.run.id} is kept: {load.stays}\n")
    is_done = bool(removal) and not dry_run and confirmed(f"Remove {removal}?", yes=yes)
    freed = removal.apply(settings, store) if is_done else removal.bytes
    if json_:
        print_json({"removed": is_done, "bytes": freed, **removal.as_dict()})
    elif not removal:
        sys.stdout.write("nothing to remove\n")
    elif dry_run:
        sys.stdout.writelines(removal.lines())
        sys.stdout.write(f"would remove {removal}\n")
    elif is_done:
        sys.stdout.write(f"removed {removal}\n")

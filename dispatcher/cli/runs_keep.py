"""`gpudrop runs rm|prune|export`: what is kept of runs, and what is not."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

import typer

from dispatcher.cli.choosing import Kinds, Since, Statuses, Tags, known, query_of
from dispatcher.cli.listing import members, named, only_groups, only_runs
from dispatcher.cli.moments import seconds
from dispatcher.cli.opening import Json, RunNames, Yes, opened, sure
from dispatcher.cli.telling import print_json, runs_told
from dispatcher.config import Settings
from dispatcher.formatting import file_size
from dispatcher.monitor.tidy import RunUsage, remove, remove_folder, size_of, unknown, weigh
from dispatcher.runs.record import TERMINAL, Group, Run, short
from dispatcher.runs.search import PageCursor, Query
from dispatcher.runs.store import RunStore
from dispatcher.runs.tours import TOUR
from dispatcher.tour.acts import forget, mark_dead
from protocol.errors import EnvironmentNotReady, NotFoundError, UsageError
from protocol.kinds import KINDS
from protocol.redaction import legible

PAGE = 500

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would go, and do nothing.")]

COLUMNS = (
    *("id", "kind", "status", "title", "created_at", "queued_at", "started_at", "ended_at", "wait_s", "run_s"),
    *("worker", "engine", "tier", "device", "parent", "group", "repeats", "tags", "drop", "job", "user", "machine"),
    *("error_code", "error_text"),
)
"""The columns of a CSV export."""


def rm(runs: RunNames, yes: Yes = False, dry_run: DryRun = False, json_: Json = False) -> None:
    """Forget runs and tours that have ended, and free what they take on this disk; asks first.

    Copies of their outputs that were put elsewhere stay, and so do films. An open run or tour is refused, as is a run
    that others still need. A tour goes with its runs.
    """
    with opened() as (settings, store):
        found = named(store, settings, runs)
        tours = only_groups(found)
        for tour in tours:
            if tour.is_open:
                raise UsageError(f"{tour.sort} {tour.id} is {tour.status}: end it first: gpudrop runs cancel {tour.id}")
        wanted = {it.id: it for it in (*only_runs(found), *(run for tour in tours for run in members(store, tour)))}
        loads = weigh(settings, store, list(wanted.values()))
        if refused := [load for load in loads if load.stays]:
            raise UsageError(f"run {refused[0].run.id} cannot be removed: {refused[0].stays}")
        _remove(settings, store, loads, [], tours=tours, yes=yes, dry_run=dry_run, json_=json_)


def prune(
    older_than: Annotated[
        str | None, typer.Option("--older-than", help="Those that ended longer ago: 12h, 30d, 8w.")
    ] = None,
    status: Annotated[list[str] | None, typer.Option("--status", "-s", help="Only with this status.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", "-k", help="Only of this kind.")] = None,
    keep: Annotated[int, typer.Option("--keep", min=0, help="The newest so many stay, whatever else is said.")] = 0,
    clips: Annotated[
        bool, typer.Option("--clips/--no-clips", help="Narration clips too that were not used for as long.")
    ] = True,
    unknown_: Annotated[
        bool, typer.Option("--unknown", help="Also results that no run is known of any more (see runs reindex).")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Forget runs that have ended, by age, status and number, with their results and logs.

    By age alone, what replays left goes too, and narration clips that were not used for as long. Tells how many bytes
    that frees and asks first. Open runs, runs that others need, and files placed elsewhere stay.
    """
    if older_than is None and not status and not keep and not unknown_:
        raise UsageError("say what may go: --older-than 30d, --status failed, --keep 100 or --unknown")
    known(status or [], sorted(TERMINAL), "--status")
    known(kind or [], sorted([*KINDS, TOUR]), "--kind")
    now, age = time.time(), seconds(older_than, "--older-than") if older_than else None
    with opened() as (settings, store):
        runs: list[Run] = []
        if age is not None or status or keep:
            query = Query(statuses=status or sorted(TERMINAL), kinds=kind or ())
            spared = {run.id for run in store.search.find(Query(), limit=keep)} if keep else set()
            runs = [it for it in _all(store, query) if it.id not in spared and _is_old(it, age, now)]
        loads = [load for page in _pages(runs) for load in weigh(settings, store, page)]
        more = unknown(settings, store, now) if unknown_ else []
        if age is not None and not status and not kind:
            more += [*_old_replays(settings, age, now), *(_old_clips(settings, age, now) if clips else ())]
        tours = _old_tours(store, settings, status or (), age, now) if not kind or TOUR in kind else []
        _remove(settings, store, loads, more, tours=tours, yes=yes, dry_run=dry_run, json_=json_)


def _old_tours(
    store: RunStore, settings: Settings, statuses: Sequence[str], age: float | None, now: float
) -> list[Group]:
    """Return the tours that ended so long ago, with one of these statuses; none where neither was asked for."""
    if age is None and not statuses:
        return []
    mark_dead(store, settings)
    found = store.tours.find(Query(statuses=statuses or sorted(TERMINAL)), limit=100_000)
    return [tour for tour in found if age is None or (tour.ended_at or now) < now - age]


def _is_old(run: Run, age: float | None, now: float) -> bool:
    return age is None or (run.ended_at or run.updated_at) < now - age


def _old_replays(settings: Settings, age: float, now: float) -> Iterator[Path]:
    """Yield what `runs replay` left so long ago."""
    for folder in (settings.data_dir / "replays").glob("*"):
        if folder.is_dir() and now - folder.stat().st_mtime > age:
            yield folder


def _old_clips(settings: Settings, age: float, now: float) -> Iterator[Path]:
    """Yield the folders of narration clips that were not used for so long."""
    from dispatcher.tour.clip_cache import ClipCache

    return ClipCache(settings.narration).unused(age, now)


def _remove(
    settings: Settings,
    store: RunStore,
    loads: Sequence[RunUsage],
    more: Sequence[Path],
    *,
    tours: Sequence[Group] = (),
    yes: bool,
    dry_run: bool,
    json_: bool,
) -> None:
    going, staying = [it for it in loads if not it.stays], [it for it in loads if it.stays]
    rest = {folder: size_of(folder) for folder in more}
    freed = sum(load.bytes for load in going) + sum(rest.values())
    what = _counted({"run": len(going), "tour": len(tours), "other folder": len(rest)}) + f", {file_size(freed)}"
    for load in staying:
        sys.stderr.write(f"{load.run.id} stays: {load.stays}\n")
    is_any = bool(going or rest or tours)
    done = is_any and not dry_run and sure(f"Remove {what}?", yes=yes)
    if done:
        freed = remove(settings, store, going)
        forget(store, settings, tours)
        for folder, size in rest.items():
            remove_folder(folder)
            freed += size
    if json_:
        told = [{"id": it.run.id, "status": it.run.status, "bytes": it.bytes} for it in going]
        kept = [{"id": it.run.id, "why": it.stays} for it in staying]
        told += [{"id": it.id, "status": it.status, "bytes": 0} for it in tours]
        others = [{"path": str(path), "bytes": size} for path, size in rest.items()]
        print_json({"removed": done, "bytes": freed, "runs": told, "others": others, "kept": kept})
    elif not is_any:
        sys.stdout.write("nothing to remove\n")
    elif done or dry_run:
        for load in going if dry_run else ():
            sys.stdout.write(
                legible(f"{short(load.run.id)} {load.run.status} {file_size(load.bytes)} {load.run.title}\n")
            )
        for tour in tours if dry_run else ():
            sys.stdout.write(legible(f"{short(tour.id)} {tour.status} {tour.sort} {tour.title}\n"))
        sys.stdout.write(f"{'would remove' if dry_run else 'removed'} {what}\n")


def _counted(numbers: dict[str, int]) -> str:
    """Return "2 runs and 1 tour"."""
    told = [f"{number} {name}{'' if number == 1 else 's'}" for name, number in numbers.items() if number]
    return " and ".join(told)


def export(
    format_: Annotated[Literal["csv", "jsonl"], typer.Option("--format", "-f", help="CSV, or JSON lines.")] = "jsonl",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A file that is not there yet, instead of stdout.")
    ] = None,
    kind: Kinds = None,
    status: Statuses = None,
    tag: Tags = None,
    since: Since = None,
) -> None:
    """Write every run as a line of CSV or JSON, the newest first; times are Unix seconds."""
    with opened() as (_, store):
        query = query_of(store, kind=kind, status=status, tag=tag, since=since)
        if out is None:
            _export(store, query, format_, sys.stdout)
            return
        with _created(out) as file:
            count = _export(store, query, format_, file)
    sys.stderr.write(f"{count} run(s) written to {out}\n")


@contextlib.contextmanager
def _created(out: Path) -> Iterator[TextIO]:
    """Create a file for a block: as a whole, or not at all."""
    try:
        file = out.open("x", encoding="utf-8", newline="")
    except FileExistsError as error:
        raise UsageError(f"{out} is there already: name another file, or remove it") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"there is no folder {out.parent}: make it, or name another file with --out") from error
    except OSError as error:
        raise EnvironmentNotReady(f"{out} cannot be made: {error.strerror}; name another file with --out") from error
    try:
        with file:
            yield file
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def _export(store: RunStore, query: Query, format_: str, to: TextIO) -> int:
    writer = csv.DictWriter(to, COLUMNS, extrasaction="ignore") if format_ == "csv" else None
    if writer:
        writer.writeheader()
    count = 0
    for page in _pages(_all(store, query)):
        for told in runs_told(store, page):
            count += 1
            if writer:
                writer.writerow(_flat(told))
            else:
                to.write(json.dumps(told, ensure_ascii=False) + "\n")
    return count


def _flat(told: dict[str, Any]) -> dict[str, Any]:
    error = told["error"] or {}
    return {**told, "tags": " ".join(told["tags"]), "error_code": error.get("code"), "error_text": error.get("text")}


def _all(store: RunStore, query: Query) -> Iterator[Run]:
    """Yield every run that fits, the newest first, a page at a time."""
    after: PageCursor | None = None
    while page := store.search.find(query, limit=PAGE, after=after):
        yield from page
        after = PageCursor(created_at=page[-1].created_at, id=page[-1].id)


def _pages(runs: Iterator[Run] | Sequence[Run]) -> Iterator[list[Run]]:
    page: list[Run] = []
    for run in runs:
        page.append(run)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page

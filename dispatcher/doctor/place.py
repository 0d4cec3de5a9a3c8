"""The drop: can it be reached, what file system is it on, and what in it needs attention?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dispatcher.config import Settings
from dispatcher.doctor.findings import Finding, checked
from dispatcher.doctor.mounts import examine_mount, mounted_by_rclone
from dispatcher.drops.session import DropSession
from dispatcher.drops.setup import check_apart
from dispatcher.formatting import file_size
from dispatcher.runs.store import RunStore
from protocol.drop import Drop, Entry
from protocol.errors import ChannelError, NameMissing
from protocol.layout import JobNames, is_job_id, is_sync_copy, may_be_a_job
from protocol.observation import JobReader, Observation, read_drop_id
from protocol.plain import bad_name, refused
from protocol.transports.ground import Ground, ground_of

LOOKED_AT = 200
"""At most this many job folders are examined: each costs a listing."""

ROOM_BYTES = 100 << 20
ANSWER_S = 10.0
NAMED = 5
"""At most this many unanswered requests are named."""

_NO_ANSWER = "Write the request again into a new folder and remove this one; a running worker answers plain ones"


def examine_place(address: str | Path, settings: Settings, drop: Drop) -> list[Finding]:
    """Examine an open drop and the file system it is on."""
    findings = checked("drop", lambda: _identity(address, settings, drop))
    if isinstance(address, Path):
        findings += checked("ground", lambda: _ground(ground_of(address.absolute())))
        findings += checked("place", lambda: _nesting(address, settings))
        findings += checked("room", lambda: _room(address))
    findings += checked("tidiness", lambda: _tidiness(address, settings, drop))
    return findings


def _identity(address: str | Path, settings: Settings, drop: Drop) -> Iterator[Finding]:
    drop_id = read_drop_id(drop, str(address))
    yield Finding(check="drop", state="ok", said=f"{address} is drop {drop_id}")
    with RunStore.open(settings.database) as store:
        DropSession.open_known(address, settings, store, drop)  # raises if keys are missing or wrong
        others = {run.drop_id for run in store.recent(500) if run.drop == str(address)} - {drop_id}
    if others:
        said = f"another drop was at this path before: {', '.join(sorted(others))}"
        yield Finding(
            check="drop", state="warn", said=said, hint="If you did not expect that, a different drive is mounted there"
        )


def _ground(ground: Ground) -> Iterator[Finding]:
    point = mounted_by_rclone(ground)
    if point is not None:
        yield from examine_mount(point)
        return
    what = f"a folder synced by {ground.tool}" if ground.tool else "a synced or network folder"
    said = (
        "a disk of this machine; a worker that has not proved to be on it gets the time limits of a sync tool"
        if ground.kind == "disk"
        else f"{what}: nothing reports when files have arrived, so claims settle for 30 s"
    )
    yield Finding(check="ground", state="ok", said=said)


def _nesting(address: Path, settings: Settings) -> Iterator[Finding]:
    check_apart(address, settings.data_dir)
    yield Finding(check="place", state="ok", said="it is outside this machine's own data folder")


def _room(address: Path) -> Iterator[Finding]:
    """Ask in another process, because a mount may hang."""
    ask = "import shutil, sys; print(shutil.disk_usage(sys.argv[1]).free)"
    try:
        told = subprocess.run(
            [sys.executable, "-P", "-c", ask, str(address)],
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            check=True,
        )
    except (subprocess.SubprocessError, OSError):
        yield Finding(check="room", state="warn", said="the free space on the drop is unknown")
        return
    free = int(told.stdout)
    little = free < ROOM_BYTES
    hint = "Free some space on that drive: a worker cannot write its results" if little else ""
    yield Finding(check="room", state="warn" if little else "ok", said=f"{file_size(free)} free on the drop", hint=hint)


@dataclass(frozen=True, kw_only=True)
class _JobFolder:
    """One job's folder: names of sync copies, its dispatcher, and why its request gets no answer."""

    copies: tuple[str, ...] = ()
    dispatcher: str | None = None
    unanswered: str | None = None


def _tidiness(address: str | Path, settings: Settings, drop: Drop) -> Iterator[Finding]:
    listed = drop.list("")
    jobs = [entry.name for entry in listed if entry.is_folder and is_job_id(entry.name)]
    others = [entry.name for entry in listed if entry.is_folder and may_be_a_job(entry.name)]
    drop_id = read_drop_id(drop, str(address))
    seen = {job: _look(drop, drop_id, job) for job in jobs[:LOOKED_AT]}
    with RunStore.open(settings.database) as store:
        known = {run.job for run in store.recent(10_000) if run.drop_id == drop_id}
        orphans = [job for job, it in seen.items() if it.dispatcher == store.dispatcher_id and job not in known]
    copies = {entry.name for entry in listed if is_sync_copy(entry.name)} | {
        it for job in seen.values() for it in job.copies
    }
    doubles = sorted({entry.name for entry in listed if entry.copy} | copies)
    if doubles:
        said = f"{len(doubles)} conflict copies or duplicate names, such as {doubles[0]}"
        hint = "They are ignored and do no harm. If their number grows, two sync tools sync this folder: stop one"
        yield Finding(check="tidiness", state="warn", said=said, hint=hint)
    if orphans:
        said = f"{len(orphans)} jobs of this machine that its run database does not know, such as {orphans[0]}"
        hint = "The database was lost: `gpudrop runs reindex` recovers them"
        yield Finding(check="tidiness", state="warn", said=said, hint=hint)
    unanswered = {job: it.unanswered for job, it in seen.items() if it.unanswered}
    unanswered |= {name: why for name in others[:LOOKED_AT] if (why := _misnamed(drop, name))}
    for job, why in sorted(unanswered.items())[:NAMED]:
        yield Finding(check="requests", state="warn", said=f"{job} gets no answer: {why}", hint=_NO_ANSWER)
    if (more := len(unanswered) - NAMED) > 0:
        yield Finding(check="requests", state="warn", said=f"{more} more requests get no answer", hint=_NO_ANSWER)
    if not doubles and not orphans and not unanswered:
        yield Finding(check="tidiness", state="ok", said=f"{len(jobs)} job folders, nothing needs attention")


def _look(drop: Drop, drop_id: str, job: str) -> _JobFolder:
    """Return what is in a job's folder."""
    try:
        entries: tuple[Entry, ...] = drop.list(job)
        seen = JobReader(drop, drop_id, job).look()
    except (NameMissing, ChannelError):
        return _JobFolder()  # removed meanwhile, or unreadable now
    return _JobFolder(
        copies=tuple(f"{job}/{entry.name}" for entry in entries if entry.copy or is_sync_copy(entry.name)),
        dispatcher=seen.request.job.dispatcher if seen.request else None,
        unanswered=_unanswered(job, seen),
    )


def _unanswered(job: str, seen: Observation) -> str | None:
    """Return why a request gets no answer, such as invalid parameters or a torn file; None if it can get one."""
    if seen.plain_done or seen.plain_error:
        return None
    if seen.not_a_request:
        return seen.not_a_request
    if seen.request is not None:
        return None
    if seen.plain_request is not None:
        return refused(seen.plain_request.params)
    problem = seen.unchecked.get(JobNames(job).request)
    return f"its request.json is torn or still arriving: {problem}" if problem else None


def _misnamed(drop: Drop, folder: str) -> str | None:
    """Return what is wrong with the name of a folder that holds an unanswered request; None if it holds none."""
    try:
        names = {entry.name for entry in drop.list(folder)}
    except (NameMissing, ChannelError):
        return None
    waits = "request.json" in names and not names & {"done.marker", "error.marker"}
    return bad_name(folder) if waits else None

"""The drop: can it be reached, what does it stand on, which flags of its mount hurt, what lies about in it?"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dispatcher.config import Settings
from dispatcher.doctor.findings import Finding, checked
from dispatcher.drops import check_apart
from dispatcher.runs.store import RunStore
from dispatcher.wording import in_bytes
from protocol.drop import Drop, Entry
from protocol.errors import ChannelError, NameMissing
from protocol.layout import JobNames, is_job_id, is_sync_copy, may_be_a_job
from protocol.plain import bad_name, refused
from protocol.seen import JobReader, Seen, read_drop_id
from protocol.transports.ground import Ground, ground_of
from protocol.transports.mount import Flags, mount_flags

LOOKED_AT = 200
"""So many job folders are looked into; a listing each is dear on a remote."""

ROOM_BYTES = 100 << 20
ANSWER_S = 10.0
NAMED = 5
"""So many requests without an answer are named."""

_NO_ANSWER = "Write the request anew, into a new folder, and remove this one; a running worker tells plain ones why"
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def examine_place(address: str | Path, settings: Settings, drop: Drop) -> list[Finding]:
    """Look at an open drop and at what it stands on."""
    findings = checked("drop", lambda: _identity(address, settings, drop))
    if isinstance(address, Path):
        ground = ground_of(address.absolute())
        findings += checked("ground", lambda: _ground(ground))
        findings += checked("place", lambda: _nesting(address, settings))
        findings += checked("room", lambda: _room(address))
    findings += checked("tidiness", lambda: _tidiness(settings, drop))
    return findings


def _identity(address: str | Path, settings: Settings, drop: Drop) -> Iterator[Finding]:
    drop_id = read_drop_id(drop, str(address))
    yield Finding(check="drop", state="ok", said=f"{address} is drop {drop_id}")
    settings.identity(address)  # raises what is wrong with keys, with the cure
    with RunStore.open(settings.database) as store:
        others = {run.drop_id for run in store.recent(500) if run.drop == str(address)} - {drop_id}
    if others:
        said = f"this path has held another drop before: {', '.join(sorted(others))}"
        yield Finding(
            check="drop", state="warn", said=said, cure="If that is a surprise, another drive is mounted there"
        )


def _ground(ground: Ground) -> Iterator[Finding]:
    if ground.kind == "disk":
        said = "a disk of this machine; a worker that does not prove to be here too is waited for as over a sync tool"
        yield Finding(check="ground", state="ok", said=said)
        return
    if ground.tool is not None:
        said = f"a folder that {ground.tool} carries: nobody tells when files have arrived, so claims settle for 30 s"
        yield Finding(check="ground", state="ok", said=said)
        return
    if ground.kind == "shared" or ground.point is None:
        said = "a synced or network folder: nobody tells when files have arrived, so claims settle for 30 s"
        yield Finding(check="ground", state="ok", said=said)
        return
    flags = mount_flags(ground.point)
    if flags is None:
        cure = "Run doctor as the user who mounted it"
        yield Finding(
            check="ground",
            state="warn",
            said=f"an rclone mount at {ground.point}, its process is not to be seen",
            cure=cure,
        )
        return
    yield Finding(check="ground", state="ok", said=f"an rclone mount at {ground.point}")
    yield from _flags(flags)


def _flags(flags: Flags) -> Iterator[Finding]:
    """Name the flags of a mount that hurt."""

    def found(said: str, cure: str, *, fails: bool = False) -> Finding:
        return Finding(check="mount", state="fail" if fails else "warn", said=said, cure=f"Mount it with {cure}")

    if flags.get("read-only", "false") != "false":
        yield found("the mount is read-only", "write access: leave out --read-only", fails=True)
    if not flags.has_rc:
        yield found("the mount has no --rc: news is seen only when its cache expires", "--rc --rc-user … --rc-pass …")
        if _seconds(flags.get("dir-cache-time", "5m")) > 60:
            yield found("its folders are cached for more than a minute", "--dir-cache-time 30s")
    if flags.get("vfs-cache-mode", "off") in ("off", "minimal"):
        yield found(
            f"--vfs-cache-mode is {flags.get('vfs-cache-mode', 'off')}: a cut upload is lost", "--vfs-cache-mode full"
        )
    if _seconds(flags.get("vfs-write-back", "5s")) > 5:
        yield found("what is written is kept back for more than 5 s", "--vfs-write-back 1s")
    if _seconds(flags.get("poll-interval", "1m")) == 0:
        yield found("--poll-interval is 0: Drive is never asked what changed", "--poll-interval 10s")


def _seconds(text: str) -> float:
    """Return the seconds of rclone's "1m30s"; a bare number is seconds."""
    parts = re.findall(r"([\d.]+)(ms|s|m|h|d)?", text)
    return sum(float(number) * _SECONDS[unit or "s"] for number, unit in parts)


def _nesting(address: Path, settings: Settings) -> Iterator[Finding]:
    check_apart(address, settings.data_dir)
    yield Finding(check="place", state="ok", said="it lies apart from this machine's own data")


def _room(address: Path) -> Iterator[Finding]:
    """Ask in another process: a hung mount must not hold us up."""
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
        yield Finding(check="room", state="warn", said="nobody tells how much room the drop has")
        return
    free = int(told.stdout)
    little = free < ROOM_BYTES
    cure = "Make room on that drive: a worker cannot write its results" if little else ""
    yield Finding(check="room", state="warn" if little else "ok", said=f"{in_bytes(free)} free on the drop", cure=cure)


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What lies in one job's folder: names of sync copies, whose it is, and why its request gets no answer."""

    copies: tuple[str, ...] = ()
    dispatcher: str | None = None
    unanswered: str | None = None


def _tidiness(settings: Settings, drop: Drop) -> Iterator[Finding]:
    listed = drop.list("")
    jobs = [entry.name for entry in listed if entry.is_folder and is_job_id(entry.name)]
    others = [entry.name for entry in listed if entry.is_folder and may_be_a_job(entry.name)]
    drop_id = read_drop_id(drop, "the drop")
    seen = {job: _look(drop, drop_id, job) for job in jobs[:LOOKED_AT]}
    with RunStore.open(settings.database) as store:
        known = {run.job for run in store.recent(10_000) if run.drop_id == drop_id}
        orphans = [job for job, it in seen.items() if it.dispatcher == store.dispatcher_id and job not in known]
    copies = {entry.name for entry in listed if is_sync_copy(entry.name)} | {
        it for job in seen.values() for it in job.copies
    }
    doubles = sorted({entry.name for entry in listed if entry.copy} | copies)
    if doubles:
        said = f"{len(doubles)} conflict copies or doubled names, such as {doubles[0]}"
        cure = "They are ignored and harm nothing. If there are ever more, two sync tools carry this folder: stop one"
        yield Finding(check="tidiness", state="warn", said=said, cure=cure)
    if orphans:
        said = f"{len(orphans)} jobs of this machine that its run database does not know, such as {orphans[0]}"
        cure = "The database was lost: `gpudrop runs reindex` takes them back"
        yield Finding(check="tidiness", state="warn", said=said, cure=cure)
    unanswered = {job: it.unanswered for job, it in seen.items() if it.unanswered}
    unanswered |= {name: why for name in others[:LOOKED_AT] if (why := _misnamed(drop, name))}
    for job, why in sorted(unanswered.items())[:NAMED]:
        yield Finding(check="requests", state="warn", said=f"{job} gets no answer: {why}", cure=_NO_ANSWER)
    if (more := len(unanswered) - NAMED) > 0:
        yield Finding(check="requests", state="warn", said=f"{more} more requests get no answer", cure=_NO_ANSWER)
    if not doubles and not orphans and not unanswered:
        yield Finding(check="tidiness", state="ok", said=f"{len(jobs)} job folders, nothing astray")


def _look(drop: Drop, drop_id: str, job: str) -> _Job:
    """Return what lies in a job's folder."""
    try:
        entries: tuple[Entry, ...] = drop.list(job)
        seen = JobReader(drop, drop_id, job).look()
    except (NameMissing, ChannelError):
        return _Job()  # it was removed meanwhile, or cannot be read now
    return _Job(
        copies=tuple(f"{job}/{entry.name}" for entry in entries if entry.copy or is_sync_copy(entry.name)),
        dispatcher=seen.request.job.dispatcher if seen.request and seen.request.job else None,
        unanswered=_unanswered(job, seen),
    )


def _unanswered(job: str, seen: Seen) -> str | None:
    """Return why a request gets no answer: none that is written can be served, or it is torn."""
    if seen.plain_done or seen.plain_error:
        return None
    if seen.not_a_request:
        return seen.not_a_request
    if seen.request is not None:
        return refused(seen.request.params) if seen.request.job is None else None
    problem = seen.unchecked.get(JobNames(job).request)
    return f"its request.json is torn, or still on its way: {problem}" if problem else None


def _misnamed(drop: Drop, folder: str) -> str | None:
    """Return what is wrong with a folder whose name no job may have, where a request lies in it unanswered."""
    try:
        names = {entry.name for entry in drop.list(folder)}
    except (NameMissing, ChannelError):
        return None
    waits = "request.json" in names and not names & {"done.marker", "error.marker"}
    return bad_name(folder) if waits else None

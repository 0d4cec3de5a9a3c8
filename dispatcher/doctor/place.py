"""The drop: can it be reached, what does it stand on, what lies about in it?"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from dispatcher.config import Settings
from dispatcher.doctor.findings import Finding, checked
from dispatcher.doctor.mounts import examine_mount, mounted_by_rclone
from dispatcher.drops import check_apart
from dispatcher.runs.store import RunStore
from dispatcher.wording import in_bytes
from protocol.drop import Drop, Entry
from protocol.errors import ChannelError, NameMissing
from protocol.layout import is_job_id
from protocol.seen import JobReader, read_drop_id
from protocol.transports.ground import Ground, ground_of

LOOKED_AT = 200
"""So many job folders are looked into; a listing each is dear on a remote."""

ROOM_BYTES = 100 << 20
ANSWER_S = 10.0
_CONFLICT = re.compile(r"\(\d+\)|conflict", re.IGNORECASE)


def examine_place(address: str | Path, settings: Settings, drop: Drop) -> list[Finding]:
    """Look at an open drop and at what it stands on."""
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
    settings.identity(address)  # raises what is wrong with keys, with the cure
    with RunStore.open(settings.database) as store:
        others = {run.drop_id for run in store.recent(500) if run.drop == str(address)} - {drop_id}
    if others:
        said = f"this path has held another drop before: {', '.join(sorted(others))}"
        yield Finding(
            check="drop", state="warn", said=said, cure="If that is a surprise, another drive is mounted there"
        )


def _ground(ground: Ground) -> Iterator[Finding]:
    point = mounted_by_rclone(ground)
    if point is not None:
        yield from examine_mount(point)
        return
    said = (
        "a disk of this machine: both sides must run here, unless a sync tool carries the folder"
        if ground.kind == "disk"
        else "a synced or network folder: nobody tells when files have arrived, so claims settle for 30 s"
    )
    yield Finding(check="ground", state="ok", said=said)


def _nesting(address: Path, settings: Settings) -> Iterator[Finding]:
    check_apart(address, settings.data_dir)
    yield Finding(check="place", state="ok", said="it lies apart from this machine's own data")


def _room(address: Path) -> Iterator[Finding]:
    """Ask in another process: a hung mount must not hold us up."""
    ask = "import shutil, sys; print(shutil.disk_usage(sys.argv[1]).free)"
    try:
        told = subprocess.run(
            [sys.executable, "-c", ask, str(address)], capture_output=True, text=True, timeout=ANSWER_S, check=True
        )
    except (subprocess.SubprocessError, OSError):
        yield Finding(check="room", state="warn", said="nobody tells how much room the drop has")
        return
    free = int(told.stdout)
    little = free < ROOM_BYTES
    cure = "Make room on that drive: a worker cannot write its results" if little else ""
    yield Finding(check="room", state="warn" if little else "ok", said=f"{in_bytes(free)} free on the drop", cure=cure)


def _tidiness(address: str | Path, settings: Settings, drop: Drop) -> Iterator[Finding]:
    listed = drop.list("")
    conflicts = [entry.name for entry in listed if _CONFLICT.search(entry.name)]
    jobs = [entry.name for entry in listed if entry.is_folder and is_job_id(entry.name)]
    drop_id = read_drop_id(drop, str(address))
    with RunStore.open(settings.database) as store:
        known = {run.job for run in store.recent(10_000) if run.drop_id == drop_id}
        orphans = []
        for job in jobs[:LOOKED_AT]:
            found = _look(drop, drop_id, job)
            conflicts += found[0]
            if found[1] == store.dispatcher_id and job not in known:
                orphans.append(job)
    doubles = sorted({entry.name for entry in listed if entry.copy} | set(conflicts))
    if doubles:
        said = f"{len(doubles)} conflict copies or doubled names, such as {doubles[0]}"
        cure = "They are ignored and harm nothing. If there are ever more, two sync tools carry this folder: stop one"
        yield Finding(check="tidiness", state="warn", said=said, cure=cure)
    if orphans:
        said = f"{len(orphans)} jobs of this machine that its run database does not know, such as {orphans[0]}"
        cure = "The database was lost: `gpudrop runs reindex` takes them back"
        yield Finding(check="tidiness", state="warn", said=said, cure=cure)
    if not doubles and not orphans:
        yield Finding(check="tidiness", state="ok", said=f"{len(jobs)} job folders, nothing astray")


def _look(drop: Drop, drop_id: str, job: str) -> tuple[list[str], str | None]:
    """Return the conflict copies in a job's folder, and which dispatcher it belongs to."""
    try:
        entries: tuple[Entry, ...] = drop.list(job)
        request = JobReader(drop, drop_id, job).look().request
    except (NameMissing, ChannelError):
        return [], None  # it was removed meanwhile, or cannot be read now
    names = [f"{job}/{entry.name}" for entry in entries if entry.copy or _CONFLICT.search(entry.name)]
    return names, request.job.dispatcher if request and request.job else None

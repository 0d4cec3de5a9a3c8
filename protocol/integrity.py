"""Digests, manifests and the checks that a result must pass before it is used (FORMAT.md R5)."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from protocol.drop import Drop
from protocol.errors import ChannelError, NameMissing, StorageFull, VerificationError
from protocol.layout import Attempt, JobNames, parse_job_name
from protocol.messages import DoneJob, EngineRecord, Offer, OutputFile, Part

_CHUNK = 1 << 20

MAX_RESULT_BYTES = 32 << 30
"""The maximum total size of a result: a false manifest costs its writer nothing, and could fill our disk."""


def sha256_of(path: Path) -> tuple[int, str]:
    """Return the size and the sha256 of a local file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def check_manifest(done: DoneJob, offer: Offer, expected: Mapping[str, str]) -> None:
    """Check that a result answers this request with exactly the paths in `expected`, by the required engine."""
    if done.digest != offer.digest:
        raise VerificationError("the result answers another request: its digest differs")
    if offer.requires.engine and done.engine.name != offer.requires.engine:
        raise VerificationError(f"made by {done.engine.name}, but {offer.requires.engine} was required")
    paths = [file.path for file in done.files]
    if len(set(paths)) < len(paths):
        raise VerificationError("the manifest lists a path twice")
    if missing := sorted(set(expected) - set(paths)):
        raise VerificationError(f"the manifest lacks {missing[0]} ({len(missing)} missing)", tuple(missing))
    if extra := sorted(set(paths) - set(expected)):
        raise VerificationError(f"the manifest lists {extra[0]}, which was not requested")
    check_sizes(done.files)


def check_sizes(files: Collection[OutputFile]) -> None:
    """Check that files have a sane total size, and that no byte of a bundle belongs to two of them.

    So fetching them takes no more room than they take in the drop.
    """
    if (total := sum(file.size for file in files)) > MAX_RESULT_BYTES:
        raise VerificationError(f"the manifest lists {total} bytes; a result has at most {MAX_RESULT_BYTES}")
    ends: dict[str, int] = {}
    for file in sorted(files, key=lambda file: (file.in_, file.at or 0, file.size)):
        if (file.at or 0) < ends.get(file.in_, 0):
            raise VerificationError(f"in the manifest {file.path} overlaps another output in {file.in_}")
        ends[file.in_] = (file.at or 0) + file.size


def collect(
    drop: Drop, job: str, files: Iterable[OutputFile], staging: Path, others: Iterable[OutputFile] = ()
) -> None:
    """Copy every file of a manifest to `staging`, and check size and sha256 of the copies.

    `others` are entries of other manifests: one with the same path, size and hash names an equivalent copy (R1).
    Raises VerificationError whose `missing` holds the paths that are not there yet or do not match; the caller decides
    whether to wait. StorageFull, or an OSError, means that this machine cannot store the copies, and says nothing about
    the files. Nothing in `staging` may be used unless this returns.
    """
    wanted = {_content(file): file for file in files}
    problems = fetch(drop, job, wanted.values(), staging)
    for other in filter(_is_output, others):
        if problems and other.path in problems and _content(other) in wanted and not fetch(drop, job, [other], staging):
            del problems[other.path]
    if problems:
        path, why = next(iter(problems.items()))
        raise VerificationError(f"{path}: {why} ({len(problems)} file(s) in all)", tuple(problems))


def fetch(drop: Drop, job: str, files: Iterable[OutputFile], staging: Path) -> dict[str, str]:
    """Copy files of a manifest to `staging`; return {path: reason} for those that are missing or do not match."""
    by_source: dict[str, list[OutputFile]] = {}
    for file in files:
        by_source.setdefault(file.in_, []).append(file)
    problems: dict[str, str] = {}
    for source, members in by_source.items():
        problems |= _collect_source(drop, job, source, members, staging)
    return problems


def _content(file: OutputFile) -> tuple[str, int, str]:
    return file.path, file.size, file.sha256


def check_salvage(done: DoneJob, parts: Mapping[Attempt, Iterable[Part]]) -> None:
    """Check that what a result reuses from other attempts was made by an equal engine (R11): never a mix of voices.

    While the part that proves it is missing, VerificationError is raised with the path in `missing`.
    """
    told: dict[tuple[str | None, str, int, str], EngineRecord | None] = {
        (attempt.nonce, *_content(file)): part.engine
        for attempt, published in parts.items()
        for part in published
        for file in part.files
    }
    for file in (file for file in done.files if file.from_ is not None):
        engine = told.get((file.from_, *_content(file)))
        if engine is None:
            raise VerificationError(f"{file.path} is from attempt {file.from_}, but no part lists it", (file.path,))
        if not engine.is_equal(done.engine):
            raise VerificationError(f"{file.path} was made by {engine.told()}, the rest by {done.engine.told()}")


def copies_of(drop: Drop, job: str, source: str) -> Iterator[int]:
    """Yield the copies of a name in a job folder, for `copy_out`; the folder is listed only for the second one."""
    yield 0
    with contextlib.suppress(NameMissing):
        for entry in drop.list(job):
            if entry.name == source and entry.copy:
                yield entry.copy


def _collect_source(drop: Drop, job: str, source: str, members: list[OutputFile], staging: Path) -> dict[str, str]:
    """Fetch one file of the job folder, trying every copy of its name, and cut its members out of it."""
    if not all(map(_is_output, members)):
        raise VerificationError(f"the manifest points to {source!r}, which is not an output of a worker")
    limit = max((file.at or 0) + file.size for file in members)
    local = staging / f".{source}"
    problems = {file.path: "not there yet" for file in members}
    for copy in copies_of(drop, job, source):
        try:
            drop.copy_out(JobNames(job).file(source), local, limit=limit, copy=copy)
        except StorageFull:  # on this machine, where they are copied to: the files are not to blame
            raise
        except ChannelError as error:
            problems = {file.path: str(error) for file in members}
            continue
        problems = {file.path: why for file in members if (why := _cut(local, file, staging))}
        if not problems:
            break
    local.unlink(missing_ok=True)
    return problems


def _is_output(file: OutputFile) -> bool:
    """Say whether a manifest's entry points to an output of a worker."""
    name = parse_job_name(file.in_)
    return name is not None and name.role == "out"


def _cut(local: Path, file: OutputFile, staging: Path) -> str | None:
    """Write one member to its path in `staging`; return why it does not match, or None."""
    there = local.stat().st_size - (file.at or 0)
    if there < file.size:
        return f"{max(0, there)} of {file.size} bytes are there"
    target = staging / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.at is None:
        shutil.copyfile(local, target)
    else:
        _slice(local, file.at, file.size, target)
    return _misfit(target, file)


def _misfit(target: Path, file: OutputFile) -> str | None:
    """Return how a local file differs from its entry in a manifest, or None: the one comparison behind R5."""
    size, sha256 = sha256_of(target)
    if size != file.size:
        return f"{size} of {file.size} bytes are there"
    if sha256 == file.sha256:
        return None
    return f"its content does not match the manifest (sha256 {file.sha256[:12]}… expected, {sha256[:12]}… found)"


def _slice(source: Path, at: int, size: int, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        reader.seek(at)
        left = size
        while left and (chunk := reader.read(min(left, _CHUNK))):
            writer.write(chunk)
            left -= len(chunk)

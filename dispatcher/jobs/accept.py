"""From a marker to a verified folder of results: every file is hashed and parsed on this machine (R5, R6)."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dispatcher.formatting import file_size
from dispatcher.jobs.job import Result
from media import confined
from media.audio import check_wav
from media.info import MediaFile
from protocol import codec
from protocol.drop import Drop
from protocol.errors import BadMessage, MediaError, StorageFull, VerificationError
from protocol.integrity import check_manifest, check_salvage, collect, sha256_of
from protocol.kinds import KINDS
from protocol.kinds.kind import Kind
from protocol.layout import Attempt
from protocol.messages import Done, DoneJob, Offer, Part
from protocol.observation import Observation
from protocol.transports.failures import mapped_local

MARKER = ".done.marker"
"""The accepted marker, stored beside the files so that they can be verified again."""

MAX_TEXT_BYTES = 64 << 20

_MEDIA = {"video": "film", "image": "picture", "audio": "sound"}


def fetch(
    drop: Drop,
    done: Done,
    offer: Offer,
    expected: Mapping[str, str],
    results: Path,
    parts: Mapping[Attempt, Sequence[Part]] = {},
) -> tuple[Path, dict[str, dict[str, Any]]]:
    """Download a result to `<results>/<job>/<nonce>/`; return that folder, every file verified, and each file's facts.

    `parts` list further copies of its files, and the makers of files that it takes from other attempts (R11).
    Raises VerificationError; its `missing` names the files that have not arrived. StorageFull and EnvironmentNotReady
    concern this machine, not the result. A folder left by a killed process is verified again.
    """
    with mapped_local(str(results)):
        return _fetch(drop, done, offer, expected, results, parts)


def _fetch(
    drop: Drop,
    done: Done,
    offer: Offer,
    expected: Mapping[str, str],
    results: Path,
    parts: Mapping[Attempt, Sequence[Part]],
) -> tuple[Path, dict[str, dict[str, Any]]]:
    job = done.job
    check_manifest(job, offer, expected)
    check_salvage(job, parts)
    others = [file for published in parts.values() for part in published for file in part.files]
    target = results / job.id / job.nonce
    target.parent.mkdir(parents=True, exist_ok=True)
    _check_room(target.parent, job)
    staging = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
    try:
        collect(drop, job.id, job.files, staging, others)
        facts = check_media(staging, expected, KINDS[offer.kind])
        (staging / MARKER).write_bytes(codec.encode(done))
        _move(staging, target, job)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target, facts


def _check_room(folder: Path, job: DoneJob) -> None:
    """Raise StorageFull before starting a download that does not fit on this machine's disk."""
    needed, disk = sum(file.size for file in job.files), shutil.disk_usage(folder)
    if disk.total and disk.free < needed:  # some file systems do not report it
        raise StorageFull(f"the result needs {file_size(needed)}; {file_size(disk.free)} are free in {folder}")


def check_listed(done: Done, seen: Observation) -> None:
    """Check that every file of a manifest is listed at its size, in any copy, before downloading it.

    Raises VerificationError; its `missing` names the others.
    """
    told = [file for published in seen.parts.values() for part in published for file in part.files]
    listed = {(f.path, f.sha256) for f in (*done.job.files, *told) if (f.at or 0) + f.size <= seen.sizes.get(f.in_, -1)}
    if missing := [file for file in done.job.files if (file.path, file.sha256) not in listed]:
        first, here = missing[0], seen.sizes.get(missing[0].in_)
        reason = "not there yet" if here is None else f"{here} of {(first.at or 0) + first.size} bytes are there"
        paths = tuple(file.path for file in missing)
        raise VerificationError(f"{first.path}: {reason} ({len(missing)} file(s) missing)", paths)


def _move(staging: Path, target: Path, job: DoneJob) -> None:
    """Rename the verified folder to its final name, unless another process has just done so with the same content."""
    try:
        staging.rename(target)
    except OSError:
        if not target.exists():
            raise
        if _holds(target, job):
            return
        shutil.rmtree(target)
        staging.rename(target)


def _holds(folder: Path, job: DoneJob) -> bool:
    files = [(folder / file.path, (file.size, file.sha256)) for file in job.files]
    return all(path.is_file() and sha256_of(path) == facts for path, facts in files)


def check_media(folder: Path, expected: Mapping[str, str], kind: Kind) -> dict[str, dict[str, Any]]:
    """Check that every file parses as the media type that its kind requires: JSON by the kind's own reader.

    Return each file's facts: its media type and, where known, its length in seconds and its frame size in pixels.
    """
    found = {}
    for path, media in expected.items():
        try:
            found[path] = {"type": media, **_check_one(folder / path, media, kind)}
        except (MediaError, BadMessage) as error:
            raise VerificationError(f"{path} is not usable {media}: {error}") from error
    return found


def _check_one(path: Path, media: str, kind: Kind) -> dict[str, Any]:
    family = media.partition("/")[0]
    if media == "audio/wav":
        return {"seconds": check_wav(path)}
    if media == "application/json":
        with path.open("rb") as file:
            data = file.read(kind.json_bytes + 1)  # one byte too many is enough to reject it
        kind.read_json(data) if kind.read_json else codec.loads(data, limit=kind.json_bytes)
    elif family == "text":
        _check_text(path)
    elif family in _MEDIA:
        if (found := confined.examine(path)).what != _MEDIA[family]:
            raise MediaError(f"it is a {found.what}")
        return facts_of(found)
    return {}


def facts_of(media: MediaFile) -> dict[str, Any]:
    """Return the facts about a media file that the run database records."""
    width, height = media.picture.shown if media.picture else (None, None)
    told = {"what": media.what, "seconds": media.seconds, "width": width, "height": height}
    return {name: value for name, value in told.items() if value is not None}


def _check_text(path: Path) -> None:
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise BadMessage(f"longer than {MAX_TEXT_BYTES} bytes")
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadMessage(f"not UTF-8: {error}") from error


def load(run: str, folder: Path, verified: str = "full") -> Result:
    """Return the accepted result in `folder`, verified again. Raises VerificationError if it has changed since."""
    try:
        raw = json.loads((folder / MARKER).read_bytes())
        done = codec.decode_done((folder / MARKER).read_bytes(), drop=raw["job"]["drop"], job=raw["job"]["id"])
    except (OSError, ValueError, KeyError, TypeError, BadMessage) as error:
        raise VerificationError(f"{folder} holds no accepted result: {error}") from error
    if not _holds(folder, done.job):
        raise VerificationError(f"{folder} has changed since it was accepted")
    return Result(
        run=run,
        folder=folder,
        files={file.path: folder / file.path for file in done.job.files},
        engine=done.job.engine,
        summary=done.plain.model_dump(),
        verified=verified,
    )

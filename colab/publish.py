"""Bringing results into the drop: outputs first, then the barrier, then the marker (FORMAT.md R4)."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colab.attach import Attached
from colab.plain import PlainRequest
from protocol.errors import JobFailed, NameMissing, NameTaken
from protocol.integrity import sha256_of
from protocol.layout import Attempt, JobNames
from protocol.messages import (
    Done,
    DoneJob,
    EngineRecord,
    Failure,
    FailureJob,
    OutputFile,
    Part,
    PlainDone,
    PlainFailure,
)

BUNDLE_BYTES = 8 << 20
"""Outputs are gathered into bundles up to this size: creating a file costs half a second on Drive."""


class Publisher:
    """Publishes one attempt in the full form."""

    def __init__(self, at: Attached, job: str, attempt: Attempt, digest: str, folder: Path, media: Mapping[str, str]):
        self._at, self._names, self._attempt, self._digest = at, JobNames(job), attempt, digest
        self._folder, self._media = folder, media
        self._waiting: list[str] = []
        self._waiting_bytes = 0
        self._files: list[OutputFile] = []
        self._outs = 0
        self._parts = 0

    def add(self, path: str) -> None:
        """Take note of a finished output; it travels with the next bundle."""
        self._waiting.append(path)
        self._waiting_bytes += (self._folder / path).stat().st_size
        if self._waiting_bytes >= BUNDLE_BYTES:
            self._send_waiting()

    def flush(self) -> None:
        """Publish what is waiting, and say so in a part, so that an attempt that dies later leaves it usable."""
        if not self._waiting:
            return
        self._send_waiting()
        self._parts += 1
        part = Part(**self._envelope(), k=self._parts, files=tuple(self._files))
        self._at.put(self._names.part(self._attempt, self._parts), part)

    def _send_waiting(self) -> None:
        """Put the waiting outputs into the drop as one file: the outputs one after the other."""
        paths, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not paths:
            return
        self._outs += 1
        target = self._names.out(self._attempt, self._outs)
        bundle = self._folder / f".bundle-{self._outs}"
        with bundle.open("wb") as writer:
            for path in paths:
                self._append(writer, path, target.rpartition("/")[2], single=len(paths) == 1)
        self._at.drop.copy_in(bundle, target)
        bundle.unlink()

    def _append(self, writer: Any, path: str, source: str, *, single: bool) -> None:
        at = writer.tell()
        size, sha256 = sha256_of(self._folder / path)
        with (self._folder / path).open("rb") as reader:
            shutil.copyfileobj(reader, writer)
        self._files.append(
            OutputFile(
                path=path, in_=source, at=None if single else at, size=size, sha256=sha256, media=self._media.get(path)
            )
        )

    def done(self, engine: EngineRecord, summary: Mapping[str, Any], log: str) -> None:
        """Publish the rest, wait for the barrier, then say that the result is there."""
        self._send_waiting()
        self._put_log(log)
        durable = self._at.drop.barrier()
        job = DoneJob(**self._envelope(), digest=self._digest, files=tuple(self._files), engine=engine, durable=durable)
        marker = Done(plain=PlainDone(timestamp=_timestamp(self._at), **summary), job=job)
        self._at.put(self._names.done(self._attempt), marker)

    def failed(self, code: Any, message: str, *, retryable: bool, step: str | None, log: str) -> None:
        """Say why there is no result."""
        self._put_log(log)
        job = FailureJob(**self._envelope(), digest=self._digest, code=code, retryable=retryable, step=step)
        marker = Failure(plain=PlainFailure(error=message[:20_000], step=step), job=job)
        self._at.put(self._names.error(self._attempt), marker)

    def _put_log(self, text: str) -> None:
        self._at.drop.put(self._names.log(self._attempt), text.encode("utf-8", "replace"))

    def _envelope(self) -> dict[str, Any]:
        a = self._attempt
        return {
            "drop": self._at.drop_id,
            "id": self._names.job,
            "attempt": a.n,
            "nonce": a.nonce,
            "worker": a.worker,
            "boot": self._at.boot,
        }


class PlainPublisher:
    """Publishes in the simple form, once, at the end: clips, barrier, marker."""

    def __init__(
        self, at: Attached, job: str, folder: Path, request: PlainRequest, leftover: Mapping[str, int]
    ) -> None:
        self._at, self._names, self._folder, self._request = at, JobNames(job), folder, request
        self._leftover = leftover
        self._paths: list[str] = []

    def add(self, path: str) -> None:
        """Take note of a finished output; existing readers of this form know only the clips."""
        if path.endswith(".wav"):
            self._paths.append(path)

    def flush(self) -> None:
        """Do nothing: this form has no parts."""

    def done(self, engine: EngineRecord, summary: Mapping[str, Any], log: str) -> None:
        """Publish the clips and then the marker, unless another worker has answered, or is about to."""
        if self._answered():
            return
        if clips_of(self._at, self._names) != self._leftover:
            raise JobFailed("another worker is answering this plain request", code="RELEASED", retryable=True)
        self._at.drop.make_folder(self._names.plain_audio)
        for path in self._paths:
            self._put_clip(self._folder / path, self._names.file(self._request.clip(path)))
        self._at.drop.barrier()
        told = {**summary, "results": self._results(summary), "engine": engine.name}
        self._put_marker(
            self._names.plain_done, Done(plain=PlainDone(timestamp=_timestamp(self._at), **told), job=None)
        )

    def _results(self, summary: Mapping[str, Any]) -> list[Any]:
        return [{**clip, "step": self._request.step(clip["step"])} for clip in summary.get("results", ())]

    def failed(self, code: Any, message: str, *, retryable: bool, step: str | None, log: str) -> None:
        """Say why there is no result; a failure that may be met by trying again is not told to an old dispatcher."""
        if retryable or self._answered():
            return
        marker = Failure(plain=PlainFailure(error=message[:20_000], step=self._request.step(step)), job=None)
        self._put_marker(self._names.plain_error, marker)

    def _answered(self) -> bool:
        names = {entry.name for entry in self._at.drop.list(self._names.job)}
        return bool(names & {"done.marker", "error.marker"})

    def _put_clip(self, local: Path, path: str) -> None:
        """Put one clip. The leftover of a dead attempt is replaced: nobody reads clips before the marker."""
        try:
            self._at.drop.copy_in(local, path)
        except NameTaken:
            self._at.drop.delete(path)
            self._at.drop.copy_in(local, path)

    def _put_marker(self, path: str, marker: Done | Failure) -> None:
        try:
            self._at.put(path, marker)
        except NameTaken:
            return  # another worker answered in this very moment, with an answer as good


def clips_of(at: Attached, names: JobNames) -> dict[str, int]:
    """Return the files in a job's `audio/` with their sizes; a folder that is there but empty holds itself, as `.`."""
    try:
        return {".": 0} | {entry.name: entry.size for entry in at.drop.list(names.plain_audio)}
    except NameMissing:
        return {}


def _timestamp(at: Attached) -> str:
    return (
        datetime.datetime.fromtimestamp(at.host.wall(), datetime.UTC)
        .isoformat(timespec="seconds")
        .replace("+00:00", "Z")
    )

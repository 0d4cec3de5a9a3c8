"""Publishing results in the drop: outputs first, then the barrier, then the marker (FORMAT.md R4)."""

from __future__ import annotations

import datetime
import functools
import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from colab.attach import Attached
from colab.disk import disk_in_codes
from colab.persist import FOLDER_FOR_S, persist
from protocol.errors import JobFailed, NameTaken, StorageFull
from protocol.integrity import sha256_of
from protocol.kinds.kind import CHECKPOINTS
from protocol.layout import Attempt, JobNames
from protocol.messages import (
    MAY_BE_TRIED_ELSEWHERE,
    Done,
    DoneJob,
    EngineRecord,
    Failure,
    FailureJob,
    OutputFile,
    Part,
)
from protocol.plain import PlainDone, PlainFailure

BUNDLE_BYTES = 8 << 20
"""Outputs are gathered into bundles up to this size: creating a file costs half a second on Drive.

A larger output travels by itself and is not copied on this machine.
"""

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass
class Delivered:
    """One delivered result on this machine, and which requests for missing files were answered."""

    attempt: Attempt
    folder: tempfile.TemporaryDirectory[str]
    publisher: Publisher
    at: float = 0.0
    answered: set[int] = field(default_factory=set)  # needs by their number


class Publisher:
    """Publishes one attempt in the full form, with retries while the channel fails (`persist`)."""

    def __init__(
        self,
        at: Attached,
        job: str,
        attempt: Attempt,
        digest: str,
        folder: Path,
        media: Mapping[str, str],
        gone_s: float = FOLDER_FOR_S,
    ):
        self._gone_s = gone_s  # how long the job's folder may seem to be gone
        self._at, self._names, self._attempt, self._digest = at, JobNames(job), attempt, digest
        self._folder, self._media = folder, media
        self._engine: EngineRecord | None = None
        self._waiting: list[str] = []
        self._waiting_bytes = 0
        self._files: list[OutputFile] = []
        self._outs = 0
        self._parts = 0
        self._told = 0  # how many files the last part lists
        self._last_word: Failure | None = None

    def began(self, engine: EngineRecord, kept: Iterable[OutputFile]) -> None:
        """Record the engine, and the outputs of earlier attempts that are in the folder already (R11).

        A second call starts over: outputs of the first try are no longer listed.
        """
        self._engine = engine
        self._files, self._told = list(kept), 0

    @property
    def has_outputs(self) -> bool:
        """Say whether this attempt finished any output; checkpoints and reused outputs do not count."""
        paths = [*self._waiting, *(file.path for file in self._files if not file.from_)]
        return any(not path.startswith(CHECKPOINTS) for path in paths)

    def add(self, path: str) -> None:
        """Record a finished output; it travels with the next bundle, a large one by itself and at once."""
        size = (self._folder / path).stat().st_size
        if size >= BUNDLE_BYTES:
            self._files += self._send([path])
            return
        self._waiting.append(path)
        self._waiting_bytes += size
        if self._waiting_bytes >= BUNDLE_BYTES:
            self._send_waiting()

    def flush(self) -> None:
        """Publish what is waiting, and list it in a part, so that it remains usable if this attempt dies later."""
        self._send_waiting()
        if len(self._files) > self._told:
            self._put_part(self._files)
            self._told = len(self._files)

    def again(self, paths: Iterable[str]) -> None:
        """Publish outputs again under new names, because their first copies did not arrive (R10)."""
        known = {file.path for file in self._files}
        if wanted := [path for path in paths if path in known]:
            self._put_part(self._send(wanted))

    def _put_part(self, files: Sequence[OutputFile]) -> None:
        self._parts += 1
        part = Part(
            **self._at.envelope(self._names.job, self._attempt), k=self._parts, files=tuple(files), engine=self._engine
        )
        self._put(self._names.part(self._attempt, self._parts), part)

    def _send_waiting(self) -> None:
        paths, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if paths:
            self._files += self._send(paths)

    def _send(self, paths: Iterable[str]) -> list[OutputFile]:
        """Put outputs into the drop in few files. Every try uses a new name (R1)."""
        files: list[OutputFile] = []
        for together in self._bundles(paths):
            send = self._send_bundle if len(together) > 1 else self._send_one
            files += self._persist(f"outputs of {self._names.job}", functools.partial(send, together))
        return files

    def _persist(self, what: str, act: Callable[[], T]) -> T:
        return persist(self._at.host, what, act, gone_s=self._gone_s)

    def _bundles(self, paths: Iterable[str]) -> Iterator[list[str]]:
        """Yield the outputs that travel as one file: large ones alone, small ones together."""
        together: list[str] = []
        size = 0
        for path in paths:
            more = (self._folder / path).stat().st_size
            if more >= BUNDLE_BYTES:
                yield [path]
                continue
            together.append(path)
            size += more
            if size >= BUNDLE_BYTES:
                yield together
                together, size = [], 0
        if together:
            yield together

    def _send_one(self, paths: Sequence[str]) -> list[OutputFile]:
        target = self._next_out()
        (path,) = paths
        size, sha256 = sha256_of(self._folder / path)
        self._at.drop.copy_in(self._folder / path, target)
        return [self._entry(path, target, None, size, sha256)]

    def _send_bundle(self, paths: Sequence[str]) -> list[OutputFile]:
        """Send several outputs as one file, joined in memory: this works with a full disk, too."""
        target = self._next_out()
        data, files = bytearray(), []
        for path in paths:
            content = (self._folder / path).read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            files.append(self._entry(path, target, len(data), len(content), digest))
            data += content
        self._at.drop.put(target, bytes(data))
        return files

    def _next_out(self) -> str:
        self._outs += 1
        return self._names.out(self._attempt, self._outs)

    def _entry(self, path: str, target: str, at: int | None, size: int, sha256: str) -> OutputFile:
        in_ = target.rpartition("/")[2]
        return OutputFile(path=path, in_=in_, at=at, size=size, sha256=sha256, media=self._media.get(path))

    def done(self, engine: EngineRecord, summary: Mapping[str, Any], log: str) -> None:
        """Publish the rest, wait for the barrier, then write the done marker."""
        self._send_waiting()
        self._put_log(log)
        durable = self._persist(f"the barrier of {self._names.job}", self._at.drop.barrier)
        files = tuple(file for file in self._files if not file.path.startswith(CHECKPOINTS))
        job = DoneJob(
            **self._at.envelope(self._names.job, self._attempt),
            digest=self._digest,
            files=files,
            engine=engine,
            durable=durable,
        )
        marker = Done(plain=PlainDone(timestamp=timestamp(self._at), **summary), job=job)
        self._put(self._names.done(self._attempt), marker)

    def failed(self, code: Any, message: str, *, step: str | None, log: str) -> None:
        """Publish the finished outputs for the next attempt, then write the error marker."""
        retryable = code in MAY_BE_TRIED_ELSEWHERE
        job = FailureJob(
            **self._at.envelope(self._names.job, self._attempt),
            digest=self._digest,
            code=code,
            retryable=retryable,
            step=step,
        )
        self._last_word = Failure(plain=PlainFailure(error=message[:20_000], step=step), job=job)
        if retryable:
            self._flush_if_there_is_room()
        self._put_log(log)
        self.say_why()

    def delivered(self, folder: tempfile.TemporaryDirectory[str]) -> Delivered | None:
        """Return what is kept of the result, so that its owner can ask for missing files."""
        return Delivered(attempt=self._attempt, folder=folder, publisher=self)

    def say_why(self) -> None:
        """Write the error marker; `failed` does this, and the worker retries it if that did not work."""
        if self._last_word is not None:
            self._put(self._names.error(self._attempt), self._last_word)

    def _flush_if_there_is_room(self) -> None:
        """Publish what is finished, if possible: it can be made again, but the marker must be written."""
        try:
            with disk_in_codes("what is finished cannot be published"):
                self.flush()
        except JobFailed as problem:
            log.warning("%s: %s", self._names.job, problem)

    def _put(self, path: str, message: Part | Done | Failure) -> None:
        self._persist(path, lambda: self._at.put(path, message))

    def _put_log(self, text: str) -> None:
        path = self._names.log(self._attempt)
        try:
            self._persist(path, lambda: self._at.drop.put(path, text.encode("utf-8", "replace")))
        except NameTaken:
            log.debug("%s is there already", path)  # an earlier try only seemed to fail; a log needs no check
        except StorageFull as problem:
            log.warning("%s is not published: %s", path, problem)


def timestamp(at: Attached) -> str:
    """Return the time for people to read in a marker."""
    return (
        datetime.datetime.fromtimestamp(at.host.wall(), datetime.UTC)
        .isoformat(timespec="seconds")
        .replace("+00:00", "Z")
    )

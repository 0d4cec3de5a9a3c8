"""Bringing results into the drop: outputs first, then the barrier, then the marker (FORMAT.md R4)."""

from __future__ import annotations

import datetime
import logging
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from colab.attach import Attached
from colab.persist import persist
from protocol.errors import NameTaken
from protocol.integrity import sha256_of
from protocol.kinds.kind import CHECKPOINTS
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

log = logging.getLogger(__name__)


class Publisher:
    """Publishes one attempt in the full form; a channel that fails for a while is tried again (`persist`)."""

    def __init__(self, at: Attached, job: str, attempt: Attempt, digest: str, folder: Path, media: Mapping[str, str]):
        self._at, self._names, self._attempt, self._digest = at, JobNames(job), attempt, digest
        self._folder, self._media = folder, media
        self._engine: EngineRecord | None = None
        self._waiting: list[str] = []
        self._waiting_bytes = 0
        self._files: list[OutputFile] = []
        self._outs = 0
        self._parts = 0
        self._told = 0  # how many files the last part tells of

    def began(self, engine: EngineRecord, kept: Iterable[OutputFile]) -> None:
        """Take note of who works, and of the outputs of earlier attempts that lie in the folder already (R11)."""
        self._engine = engine
        self._files = list(kept)

    @property
    def has_outputs(self) -> bool:
        """Say whether any output is finished; what was left for another attempt is none."""
        paths = [*self._waiting, *(file.path for file in self._files)]
        return any(not path.startswith(CHECKPOINTS) for path in paths)

    def add(self, path: str) -> None:
        """Take note of a finished output; it travels with the next bundle."""
        self._waiting.append(path)
        self._waiting_bytes += (self._folder / path).stat().st_size
        if self._waiting_bytes >= BUNDLE_BYTES:
            self._send_waiting()

    def flush(self) -> None:
        """Publish what is waiting, and say so in a part, so that an attempt that dies later leaves it usable."""
        self._send_waiting()
        if len(self._files) > self._told:
            self._put_part(self._files)
            self._told = len(self._files)

    def again(self, paths: Iterable[str]) -> None:
        """Publish outputs once more under new names: their first copies did not arrive (R10)."""
        known = {file.path for file in self._files}
        if wanted := [path for path in paths if path in known]:
            self._put_part(self._send(wanted))

    def _put_part(self, files: Sequence[OutputFile]) -> None:
        self._parts += 1
        part = Part(**self._envelope(), k=self._parts, files=tuple(files), engine=self._engine)
        self._put(self._names.part(self._attempt, self._parts), part)

    def _send_waiting(self) -> None:
        paths, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if paths:
            self._files += self._send(paths)

    def _send(self, paths: Sequence[str]) -> list[OutputFile]:
        return persist(self._at.host, f"outputs of {self._names.job}", lambda: self._send_once(paths))

    def _send_once(self, paths: Sequence[str]) -> list[OutputFile]:
        """Put outputs into the drop as one file, one after the other. Every try has a name of its own (R1)."""
        self._outs += 1
        target = self._names.out(self._attempt, self._outs)
        bundle = self._folder / f".bundle-{self._outs}"
        try:
            with bundle.open("wb") as writer:
                files = [self._append(writer, path, target, single=len(paths) == 1) for path in paths]
            self._at.drop.copy_in(bundle, target)
        finally:
            bundle.unlink()
        return files

    def _append(self, writer: Any, path: str, target: str, *, single: bool) -> OutputFile:
        at = writer.tell()
        size, sha256 = sha256_of(self._folder / path)
        with (self._folder / path).open("rb") as reader:
            shutil.copyfileobj(reader, writer)
        return OutputFile(
            path=path,
            in_=target.rpartition("/")[2],
            at=None if single else at,
            size=size,
            sha256=sha256,
            media=self._media.get(path),
        )

    def done(self, engine: EngineRecord, summary: Mapping[str, Any], log: str) -> None:
        """Publish the rest, wait for the barrier, then say that the result is there."""
        self._send_waiting()
        self._put_log(log)
        durable = persist(self._at.host, f"the barrier of {self._names.job}", self._at.drop.barrier)
        files = tuple(file for file in self._files if not file.path.startswith(CHECKPOINTS))
        job = DoneJob(**self._envelope(), digest=self._digest, files=files, engine=engine, durable=durable)
        marker = Done(plain=PlainDone(timestamp=timestamp(self._at), **summary), job=job)
        self._put(self._names.done(self._attempt), marker)

    def failed(self, code: Any, message: str, *, retryable: bool, step: str | None, log: str) -> None:
        """Say why there is no result, after what is finished of one: the next attempt may keep it."""
        if retryable:
            self.flush()
        self._put_log(log)
        job = FailureJob(**self._envelope(), digest=self._digest, code=code, retryable=retryable, step=step)
        marker = Failure(plain=PlainFailure(error=message[:20_000], step=step), job=job)
        self._put(self._names.error(self._attempt), marker)

    def _put(self, path: str, message: Part | Done | Failure) -> None:
        persist(self._at.host, path, lambda: self._at.put(path, message))

    def _put_log(self, text: str) -> None:
        path = self._names.log(self._attempt)
        try:
            persist(self._at.host, path, lambda: self._at.drop.put(path, text.encode("utf-8", "replace")))
        except NameTaken:
            log.debug("%s is there already", path)  # a try that seemed to fail; nobody checks a log

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


def timestamp(at: Attached) -> str:
    """Return the time for people to read in a marker."""
    return (
        datetime.datetime.fromtimestamp(at.host.wall(), datetime.UTC)
        .isoformat(timespec="seconds")
        .replace("+00:00", "Z")
    )

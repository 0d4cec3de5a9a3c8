"""Answering in the simple form, once, at the end: clips, barrier, marker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from colab.attach import Attached
from colab.persist import persist
from colab.plain import PlainRequest
from colab.publish import timestamp
from protocol.errors import JobFailed, NameMissing, NameTaken
from protocol.layout import JobNames
from protocol.messages import MAY_BE_TRIED_ELSEWHERE, Done, EngineRecord, Failure, OutputFile, PlainDone, PlainFailure


class PlainPublisher:
    """Publishes in the simple form, once, at the end: clips, barrier, marker."""

    def __init__(
        self, at: Attached, job: str, folder: Path, request: PlainRequest, leftover: Mapping[str, int]
    ) -> None:
        self._at, self._names, self._folder, self._request = at, JobNames(job), folder, request
        self._leftover = leftover
        self._paths: list[str] = []

    def began(self, engine: EngineRecord, kept: Iterable[OutputFile]) -> None:
        """Do nothing: this form tells of the engine at the end, and knows no parts."""

    @property
    def has_outputs(self) -> bool:
        """Say whether any output is finished."""
        return bool(self._paths)

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
            raise JobFailed("another worker is answering this plain request", code="RELEASED")
        persist(self._at.host, self._names.plain_audio, lambda: self._at.drop.make_folder(self._names.plain_audio))
        for path in self._paths:
            self._put_clip(self._folder / path, self._names.file(self._request.clip(path)))
        persist(self._at.host, f"the barrier of {self._names.job}", self._at.drop.barrier)
        told = {**summary, "results": self._results(summary), "engine": engine.name}
        self._put_marker(self._names.plain_done, Done(plain=PlainDone(timestamp=timestamp(self._at), **told), job=None))

    def _results(self, summary: Mapping[str, Any]) -> list[Any]:
        return [{**clip, "step": self._request.step(clip["step"])} for clip in summary.get("results", ())]

    def failed(self, code: Any, message: str, *, step: str | None, log: str) -> None:
        """Say why there is no result; a failure that may be met by trying again is not told to an old dispatcher."""
        if code in MAY_BE_TRIED_ELSEWHERE or self._answered():
            return
        marker = Failure(plain=PlainFailure(error=_sentence(message)[:20_000], step=self._request.step(step)), job=None)
        self._put_marker(self._names.plain_error, marker)

    def say_why(self) -> None:
        """Do nothing: the request stands open, and whoever takes it next answers."""

    def _answered(self) -> bool:
        listed = persist(self._at.host, self._names.job, lambda: self._at.drop.list(self._names.job))
        names = {entry.name for entry in listed}
        return bool(names & {"done.marker", "error.marker"})

    def _put_clip(self, local: Path, path: str) -> None:
        """Put one clip. The leftover of a dead attempt is replaced: nobody reads clips before the marker."""
        drop = self._at.drop
        try:
            persist(self._at.host, path, lambda: drop.copy_in(local, path))
        except NameTaken:
            persist(self._at.host, path, lambda: drop.delete(path))
            persist(self._at.host, path, lambda: drop.copy_in(local, path))

    def _put_marker(self, path: str, marker: Done | Failure) -> None:
        try:
            persist(self._at.host, path, lambda: self._at.put(path, marker))
        except NameTaken:
            return  # another worker answered in this very moment, with an answer as good


def _sentence(message: str) -> str:
    """Return a message as its reader expects it: with a capital and a full stop."""
    text = message.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")


def clips_of(at: Attached, names: JobNames) -> dict[str, int]:
    """Return the files in a job's `audio/` with their sizes; a folder that is there but empty holds itself, as `.`."""
    try:
        return {".": 0} | {entry.name: entry.size for entry in at.drop.list(names.plain_audio)}
    except NameMissing:
        return {}

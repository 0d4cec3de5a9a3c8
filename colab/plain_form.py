"""The simple form on the worker's side: a plain request as a job for a handler, and the plain answer to it.

Existing users name their steps as they like and send keys of their own. What cannot be answered with clips is said in
sentences for people; the kind's own check finds everything else (FORMAT.md, the simple form).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colab.attach import Attached
from colab.job_memory import JobMemory
from colab.persist import persist
from colab.publish import Delivered, timestamp
from protocol import codec
from protocol.claims import LEASE_BEATS
from protocol.errors import JobFailed, NameMissing, NameTaken
from protocol.kinds import tts
from protocol.layout import Attempt, JobNames, check_portable_name
from protocol.messages import (
    MAY_BE_TRIED_ELSEWHERE,
    ClaimTerms,
    EngineRecord,
    InputFile,
    Limits,
    OutputFile,
    WorkerCard,
)
from protocol.observation import Observation
from protocol.plain import PlainDone, PlainFailure, PlainRequest

KIND = "tts"
"""The only kind of work that the simple form can ask for."""

MAX_CHARACTERS = 64
MAX_BYTES = 200
_NOT_IN_A_NAME = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f-\x9f\ud800-\udfff]')
_NOT_PORTABLE = re.compile(r"[^A-Za-z0-9._-]+")


class PlainForm:
    """A plain request as the worker handles it (`colab.job_form`)."""

    kind = KIND
    engine: str | None = None
    inputs: Mapping[str, InputFile] = {}

    def __init__(self, at: Attached, memory: JobMemory, request: PlainRequest, beat_s: float) -> None:
        pace = at.drop.capabilities
        self._at, self._memory = at, memory
        self._understood = understand(request.params)
        self.job = memory.job
        self.params: Mapping[str, Any] = self._understood.params
        self.digest = codec.digest(KIND, request.params, {}, {})
        self.terms = ClaimTerms(settle_s=pace.settle_s, lease_s=pace.beat_s * LEASE_BEATS)
        self.limits, self.waits = Limits(), at.waits(None)
        self._quiet_s = max(beat_s * LEASE_BEATS, self.waits.lease_s)

    def obstacle(self, card: WorkerCard, seen: Observation, now: float) -> str | None:
        """Return why this worker does not take the job now, or None where it does."""
        if KIND not in card.kinds:
            return f"kind {KIND} is not done here"
        return None if self._is_left_alone(seen, now) else "another worker is answering it in the simple form"

    def check(self) -> None:
        """Raise JobFailed for a request that no clip can be named for."""
        if self._understood.problem:
            raise JobFailed(self._understood.problem, code="BAD_REQUEST")

    def publisher(self, attempt: Attempt, folder: Path) -> PlainPublisher:
        """Return what publishes the answer."""
        return PlainPublisher(self._at, self.job, folder, self._understood, self._memory.leftover)

    def _is_left_alone(self, seen: Observation, now: float) -> bool:
        """Say whether no other worker is answering: there is no `audio/`, or nothing changes in it."""
        if not seen.plain_audio:
            return True
        clips, memory = clips_of(self._at, JobNames(self.job)), self._memory
        if memory.clips is None or memory.clips[0] != clips:
            memory.clips = clips, now
        return now - memory.clips[1] > self._quiet_s


@dataclass(frozen=True, kw_only=True)
class Understood:
    """The parameters for the handler, and the requested names where the handler uses others."""

    params: dict[str, Any]
    ids: Mapping[str, str] = field(default_factory=dict)  # the handler's step id → the requested one
    problem: str | None = None  # a step id that cannot name a clip, in a sentence

    def clip(self, path: str) -> str:
        """Return where the requesting side looks for the clip that the handler wrote to `path`."""
        return next((tts.wav_path(asked) for ours, asked in self.ids.items() if tts.wav_path(ours) == path), path)

    def step(self, step: str | None) -> str | None:
        """Return the requested name of a step."""
        return self.ids.get(step, step) if step else None


def understand(params: Mapping[str, Any]) -> Understood:
    """Return the known part of a plain request, with step ids that are valid on every file system."""
    known = {key: value for key, value in params.items() if key in tts.Params.model_fields}
    steps = known.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        return Understood(params=known)
    asked = [_as_text(step.get("id")) for step in steps]
    names = [_name(step_id, number) for number, step_id in enumerate(asked, 1)]
    known["steps"] = [
        {**{key: value for key, value in step.items() if key in tts.Step.model_fields}, "id": name}
        for step, name in zip(steps, names, strict=True)
    ]
    renamed = {ours: theirs for ours, theirs in zip(names, asked, strict=True) if ours != theirs}
    return Understood(params=known, ids=renamed, problem=_bad_id(asked))


def _bad_id(asked: Sequence[Any]) -> str | None:
    """Return what is wrong with the first step id that cannot name a clip."""
    for number, step_id in enumerate(asked, 1):
        if isinstance(step_id, str) and _name(step_id, number) == step_id and not _is_portable(step_id):
            return (
                f"The id of step {number}, {step_id[:80]!r}, cannot be used: it names a clip, so it needs 1 to "
                f'{MAX_CHARACTERS} characters ({MAX_BYTES} bytes) without control characters and / \\ : * ? " < > |.'
            )
    return None


def _as_text(step_id: Any) -> Any:
    return str(step_id) if isinstance(step_id, int) and not isinstance(step_id, bool) else step_id


def _name(step_id: Any, number: int) -> Any:
    """Return a portable name for a step id; an id that cannot name a clip is returned unchanged."""
    if not isinstance(step_id, str) or _is_portable(step_id):
        return step_id
    if not step_id or len(step_id) > MAX_CHARACTERS or _NOT_IN_A_NAME.search(step_id):
        return step_id
    if len(step_id.encode()) > MAX_BYTES:
        return step_id
    return f"{number}-{_NOT_PORTABLE.sub('-', step_id)[:40]}".rstrip(".")


def _is_portable(step_id: str) -> bool:
    try:
        check_portable_name(step_id)
    except ValueError:
        return False
    return True


class PlainPublisher:
    """Publishes in the simple form, once, at the end: clips, barrier, marker."""

    def __init__(self, at: Attached, job: str, folder: Path, request: Understood, leftover: Mapping[str, int]) -> None:
        self._at, self._names, self._folder, self._request = at, JobNames(job), folder, request
        self._leftover = leftover
        self._paths: list[str] = []

    def began(self, engine: EngineRecord, kept: Iterable[OutputFile]) -> None:
        """Do nothing: this form reports the engine at the end, and has no parts."""

    @property
    def has_outputs(self) -> bool:
        """Say whether any output is finished."""
        return bool(self._paths)

    def add(self, path: str) -> None:
        """Record a finished output; existing readers of this form know only the clips."""
        if path.endswith(".wav"):
            self._paths.append(path)

    def flush(self) -> None:
        """Do nothing: this form has no parts."""

    def done(self, engine: EngineRecord, summary: Mapping[str, Any], log: str) -> None:
        """Publish the clips and then the marker, unless another worker has answered or is about to."""
        if self._answered():
            return
        if clips_of(self._at, self._names) != self._leftover:
            raise JobFailed("another worker is answering this plain request", code="RELEASED")
        persist(self._at.host, self._names.plain_audio, lambda: self._at.drop.make_folder(self._names.plain_audio))
        for path in self._paths:
            self._put_clip(self._folder / path, self._names.file(self._request.clip(path)))
        persist(self._at.host, f"the barrier of {self._names.job}", self._at.drop.barrier)
        told = {**summary, "results": self._results(summary), "engine": engine.name}
        self._put_marker(self._names.plain_done, PlainDone(timestamp=timestamp(self._at), **told))

    def _results(self, summary: Mapping[str, Any]) -> list[Any]:
        return [{**clip, "step": self._request.step(clip["step"])} for clip in summary.get("results", ())]

    def failed(self, code: Any, message: str, *, step: str | None, log: str) -> None:
        """Write why there is no result; a failure that another attempt may not have is kept from old dispatchers."""
        if code in MAY_BE_TRIED_ELSEWHERE or self._answered():
            return
        marker = PlainFailure(error=_sentence(message)[:20_000], step=self._request.step(step))
        self._put_marker(self._names.plain_error, marker)

    def delivered(self, folder: tempfile.TemporaryDirectory[str]) -> Delivered | None:
        """Return None: owners who use this form never say whether they have the result, so nothing is kept."""
        return None

    def say_why(self) -> None:
        """Do nothing: the request stays open for the next worker."""

    def _answered(self) -> bool:
        listed = persist(self._at.host, self._names.job, lambda: self._at.drop.list(self._names.job))
        names = {entry.name for entry in listed}
        return bool(names & {"done.marker", "error.marker"})

    def _put_clip(self, local: Path, path: str) -> None:
        """Write one clip. The clip of a dead attempt is replaced: clips are not read before the marker is there."""
        drop = self._at.drop
        try:
            persist(self._at.host, path, lambda: drop.copy_in(local, path))
        except NameTaken:
            persist(self._at.host, path, lambda: drop.delete(path))
            persist(self._at.host, path, lambda: drop.copy_in(local, path))

    def _put_marker(self, path: str, marker: PlainDone | PlainFailure) -> None:
        try:
            persist(self._at.host, path, lambda: self._at.put(path, marker))
        except NameTaken:
            return  # another worker has just answered, with an equally good answer


def _sentence(message: str) -> str:
    """Return a message as a sentence: with a capital and a full stop."""
    text = message.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")


def clips_of(at: Attached, names: JobNames) -> dict[str, int]:
    """Return the files in a job's `audio/` with their sizes; an existing folder has an entry `.`."""
    try:
        return {".": 0} | {entry.name: entry.size for entry in at.drop.list(names.plain_audio)}
    except NameMissing:
        return {}

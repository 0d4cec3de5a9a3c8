"""Answers in the simple form: what an old worker writes, and how far it can be trusted.

A plain marker proves nothing. It counts only for plain speech jobs, after two looks at least 30 s apart at the same
complete clips (FORMAT.md, the simple form), and the result is tagged "legacy".
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dispatcher.jobs.job import Result
from dispatcher.runs.record import Artifact, Ended
from media.audio import check_wav
from protocol import codec
from protocol.drop import Drop
from protocol.errors import ChannelError, MediaError, StorageFull, VerificationError
from protocol.integrity import sha256_of
from protocol.kinds import tts
from protocol.layout import JobNames
from protocol.messages import Offer
from protocol.observation import Observation
from protocol.plain import PlainDone
from protocol.transports.failures import mapped_local

LOOKS_APART_S = 30.0
SECONDS_A_STEP = 0.05
MAX_CLIP_BYTES = 1 << 30
_KEYS = frozenset({"voice", "speed", "language", "steps", "lexicon"})
_STEP_KEYS = frozenset({"id", "narration", "pauses", "emphasis"})
"""A plain answer counts for requests with these keys only: the others change how words are spoken, not which."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The state of a plain answer: a verified folder, an error, or only a line for people."""

    text: str = ""
    folder: Path | None = None
    checksum: str = ""  # of the clips in `folder`
    error: str | None = None
    step: str | None = None

    @property
    def ended(self) -> bool:
        """Say whether there is a result or an error."""
        return self.folder is not None or self.error is not None


class SimpleFormReader:
    """Watches one job's folder for a plain answer."""

    def __init__(self, drop: Drop, job: str, params: Mapping[str, Any], offer: Offer, results: Path) -> None:
        self._drop, self._job, self._results = drop, job, results
        self._steps = _plain_steps(params, offer)
        self._first: tuple[float, dict[str, str]] | None = None

    def look(self, seen: Observation, now: float) -> Answer | None:
        """Return the state of a plain answer, or None without one that could count.

        StorageFull and EnvironmentNotReady concern this machine, not the answer.
        """
        if not self._steps:
            return None
        if seen.plain_done is not None:
            return self._look_at_clips(seen.plain_done, now)
        if seen.plain_error is not None:
            told = seen.plain_error
            at = f" at step {told.step}" if told.step else ""
            return Answer(error=f"a worker of the simple form failed{at}: {told.error}", step=told.step)
        names = JobNames(self._job)
        unread = [name for name in (names.plain_done, names.plain_error) if name in seen.unchecked]
        return Answer(text=f"{unread[0]} exists but cannot be read: {seen.unchecked[unread[0]]}") if unread else None

    def _look_at_clips(self, done: PlainDone, now: float) -> Answer:
        if self._first is not None and now - self._first[0] < LOOKS_APART_S:
            return self._not_yet(now)
        with mapped_local(str(self._results)):
            return self._check_clips(done, now)

    def _check_clips(self, done: PlainDone, now: float) -> Answer:
        folder = Path(tempfile.mkdtemp(prefix=".legacy-", dir=_make_folder(self._results / self._job)))
        try:
            hashes, seconds = self._fetch(folder)
            _check_marker(done, len(self._steps), seconds)
            if self._first is not None and self._first[1] == hashes:
                return self._keep(folder, hashes)
        except StorageFull:  # on this machine: not a fault of the clips
            raise
        except (ChannelError, MediaError) as error:
            self._first = None
            return Answer(text=f"a plain answer is here but incomplete: {error}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._first = (now, hashes)
        return self._not_yet(now)

    def _not_yet(self, now: float) -> Answer:
        assert self._first is not None  # the first look was good
        left = max(0.0, LOOKS_APART_S - (now - self._first[0]))
        return Answer(text=f"a plain answer is here; it has no checksums, so it is read again in {left:.0f} s")

    def _keep(self, folder: Path, hashes: Mapping[str, str]) -> Answer:
        checksum = checksum_of(hashes)
        target = self._results / self._job / checksum[:16]
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
        return Answer(folder=target, checksum=checksum)

    def _fetch(self, folder: Path) -> tuple[dict[str, str], float]:
        """Copy every expected clip; return their hashes and their total length in seconds."""
        (folder / "audio").mkdir()
        hashes, seconds = {}, 0.0
        for step in self._steps:
            path = tts.wav_path(step)
            self._drop.copy_out(JobNames(self._job).file(path), folder / path, limit=MAX_CLIP_BYTES)
            seconds += check_wav(folder / path)
            hashes[path] = sha256_of(folder / path)[1]
        return hashes, seconds


def _make_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _plain_steps(params: Mapping[str, Any], offer: Offer) -> tuple[str, ...]:
    """Return the step ids if a plain answer to this request can count, else nothing."""
    if offer.kind != "tts" or offer.inputs or offer.requires.engine or not set(params) <= _KEYS:
        return ()
    steps = params["steps"]
    return tuple(step["id"] for step in steps) if all(set(step) <= _STEP_KEYS for step in steps) else ()


def _check_marker(told: PlainDone, steps: int, seconds: float) -> None:
    if told.steps_generated is not None and told.steps_generated != steps:
        raise MediaError(f"the marker counts {told.steps_generated} steps, the request {steps}")
    if told.total_duration is not None and abs(told.total_duration - seconds) > SECONDS_A_STEP * steps:
        raise MediaError(f"the marker says {told.total_duration:.2f} s, the clips last {seconds:.2f} s")


def checksum_of(hashes: Mapping[str, str]) -> str:
    """Return one checksum of the accepted clips, {path: sha256}; a plain marker has none of its own."""
    return hashlib.sha256(codec.canon(dict(hashes))).hexdigest()


def load(run: str, folder: Path, verified: str) -> Result:
    """Return the accepted plain answer in `folder`. Raises VerificationError if it has changed since."""
    files = {f"audio/{path.name}": path for path in sorted((folder / "audio").glob("step-*.wav"))}
    if checksum_of({path: sha256_of(local)[1] for path, local in files.items()})[:16] != folder.name:
        raise VerificationError(f"{folder} has changed since it was accepted")
    return Result(run=run, folder=folder, files=files, engine=None, summary={}, verified=verified)


def ended(folder: Path) -> Ended:
    """Return the files of an accepted plain answer, for the run database."""
    files = [
        Artifact(role="output", name=f"audio/{path.name}", path=str(path), size=size, sha256=sha256)
        for path in sorted((folder / "audio").glob("step-*.wav"))
        for size, sha256 in [sha256_of(path)]
    ]
    return Ended(files=files)

"""Answers of the simple form: what an old worker writes, and how much of it can be believed.

A plain marker proves nothing. It counts only for plain speech jobs, after two looks at least 30 s apart at the same
whole clips (FORMAT.md, the simple form), and the result is tagged "legacy".
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dispatcher.jobs import Result
from media.audio import check_wav
from protocol.drop import Drop
from protocol.errors import ChannelError, MediaError
from protocol.integrity import sha256_of
from protocol.kinds import tts
from protocol.layout import JobNames
from protocol.messages import Done, Offer
from protocol.seen import Seen

LOOKS_APART_S = 30.0
SECONDS_A_STEP = 0.05
MAX_CLIP_BYTES = 1 << 30
_KEYS = frozenset({"voice", "speed", "language", "steps"})
_STEP_KEYS = frozenset({"id", "narration"})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a plain answer comes to so far: a verified folder, an error, or only a line for people."""

    text: str = ""
    folder: Path | None = None
    nonce: str = ""
    error: str | None = None
    step: str | None = None


class LegacyLook:
    """Watches one job folder for a plain answer."""

    def __init__(self, drop: Drop, job: str, params: Mapping[str, Any], offer: Offer, results: Path) -> None:
        self._drop, self._job, self._results = drop, job, results
        self._steps = _plain_steps(params, offer)
        self._first: tuple[float, dict[str, str]] | None = None

    def look(self, seen: Seen, expected: Mapping[str, str], now: float) -> Answer | None:
        """Return what there is of a plain answer, or None where there is none that could count."""
        if not self._steps:
            return None
        if seen.plain_error is not None and not seen.claims:
            return Answer(error=f"a worker of the simple form failed: {seen.plain_error.plain.error}")
        return self._look_at_clips(seen.plain_done, now) if seen.plain_done is not None else None

    def _look_at_clips(self, done: Done, now: float) -> Answer:
        folder = Path(tempfile.mkdtemp(prefix=".legacy-", dir=_made(self._results / self._job)))
        try:
            hashes, seconds = self._fetch(folder)
            _check_marker(done, len(self._steps), seconds)
        except (ChannelError, MediaError) as error:
            self._first = None
            shutil.rmtree(folder)
            return Answer(text=f"a plain answer is here, but not whole yet: {error}")
        if self._first is None or self._first[1] != hashes:
            self._first = (now, hashes)
        if now - self._first[0] < LOOKS_APART_S:
            shutil.rmtree(folder)
            return Answer(text="a plain answer is here; it is looked at again, because it carries no hashes")
        nonce = hashlib.sha256("".join(sorted(hashes.values())).encode()).hexdigest()[:16]
        target = self._results / self._job / nonce
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
        return Answer(folder=target, nonce=nonce)

    def _fetch(self, folder: Path) -> tuple[dict[str, str], float]:
        """Copy every expected clip here; return their hashes and their seconds in all."""
        (folder / "audio").mkdir()
        hashes, seconds = {}, 0.0
        for step in self._steps:
            path = tts.wav_path(step)
            self._drop.copy_out(JobNames(self._job).file(path), folder / path, limit=MAX_CLIP_BYTES)
            seconds += check_wav(folder / path)
            hashes[path] = sha256_of(folder / path)[1]
        return hashes, seconds


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _plain_steps(params: Mapping[str, Any], offer: Offer) -> tuple[str, ...]:
    """Return the step ids if a plain answer to this request can count, else nothing."""
    if offer.kind != "tts" or offer.inputs or offer.requires.engine or not set(params) <= _KEYS:
        return ()
    steps = params["steps"]
    return tuple(step["id"] for step in steps) if all(set(step) <= _STEP_KEYS for step in steps) else ()


def _check_marker(done: Done, steps: int, seconds: float) -> None:
    told = done.plain
    if told.steps_generated is not None and told.steps_generated != steps:
        raise MediaError(f"the marker counts {told.steps_generated} steps, there are {steps}")
    if told.total_duration is not None and abs(told.total_duration - seconds) > SECONDS_A_STEP * steps:
        raise MediaError(f"the marker says {told.total_duration:.2f} s, the clips last {seconds:.2f} s")


def load(run: str, folder: Path, verified: str) -> Result:
    """Return the accepted plain answer kept in `folder`."""
    files = {f"audio/{path.name}": path for path in sorted((folder / "audio").glob("step-*.wav"))}
    return Result(run=run, folder=folder, files=files, engine=None, summary={}, verified=verified)

"""From the steps of a tour to spoken clips: asks the client for what is not there yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dispatcher.assembly.timeline import Word
from dispatcher.client import Client
from dispatcher.jobs import Job, Progress, Result
from media.audio import check_wav
from protocol.kinds import tts


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """The narration of one step: a verified local WAV, its length, its word times and who spoke it."""

    step_id: str
    wav: Path
    seconds: float
    words: tuple[Word, ...]
    exact: bool  # word times come from the engine, not from an estimate
    engine: str  # for people: "espeak 1.52 (embedded)"


@dataclass(frozen=True, kw_only=True)
class Narration:
    """Every spoken clip of a tour, and what people must be told about how they were made."""

    clips: dict[str, Spoken]
    engine: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How to speak."""

    name: str
    speed: float
    language: str
    require_engine: str | None = None


def speech_job(texts: Sequence[tuple[str, str]], voice: Voice) -> Job:
    """Return the job that speaks these (step id, text) pairs."""
    steps = [{"id": step, "narration": text} for step, text in texts]
    params = {"voice": voice.name, "speed": voice.speed, "language": voice.language, "steps": steps}
    return Job(kind="tts", params=params, require_engine=voice.require_engine)


def narrate(
    client: Client,
    texts: Sequence[tuple[str, str]],
    voice: Voice,
    *,
    timeout_s: float | None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Narration:
    """Have these texts spoken and return the verified clips; a text that is empty gets none."""
    spoken = [(step, text) for step, text in texts if text.strip()]
    if not spoken:
        return Narration(clips={}, engine="none")
    result = client.submit(speech_job(spoken, voice)).wait(timeout_s, on_progress=on_progress)
    engine = _engine_text(result)
    clips = {step: _clip(result, step, text, engine) for step, text in spoken}
    return Narration(clips=clips, engine=engine, warnings=_warnings(result, voice))


def _clip(result: Result, step: str, text: str, engine: str) -> Spoken:
    wav = result.files[tts.wav_path(step)]
    seconds = check_wav(wav)
    words, exact = _words(result, step, text, seconds)
    return Spoken(step_id=step, wav=wav, seconds=seconds, words=words, exact=exact, engine=engine)


def _words(result: Result, step: str, text: str, seconds: float) -> tuple[tuple[Word, ...], bool]:
    """Return the word times of a clip; a plain answer has none, so they are spread evenly by length."""
    path = result.files.get(tts.words_path(step))
    if path is None:
        return _spread(text, seconds), False
    told: dict[str, Any] = json.loads(path.read_bytes())
    words = [Word(text=str(w), start_s=float(start), end_s=float(end)) for w, start, end in told["words"]]
    return tuple(words), bool(told["exact"])


def _spread(text: str, seconds: float) -> tuple[Word, ...]:
    words, at = text.split(), 0.0
    letters = sum(len(word) + 1 for word in words)
    made = []
    for word in words:
        length = seconds * (len(word) + 1) / letters
        made.append(Word(text=word, start_s=at, end_s=at + length))
        at += length
    return tuple(made)


def _engine_text(result: Result) -> str:
    if result.engine is None:
        return "an old worker (engine unknown)"
    return f"{result.engine.name} {result.engine.version} ({result.engine.tier}, {result.engine.device})"


def _warnings(result: Result, voice: Voice) -> tuple[str, ...]:
    """Return what must not go unsaid: another voice than asked for, an answer without hashes, silent steps."""
    said = []
    swapped = result.summary.get("substituted")
    if isinstance(swapped, dict):
        said.append(
            f"voice {swapped.get('voice')} is not there: spoken by {swapped.get('by')} of {swapped.get('engine')} "
            f"(--require-engine makes this an error)"
        )
    if result.verified == "legacy":
        said.append("the answer came in the simple form, without hashes: it was looked at twice, not verified")
    if silent := result.summary.get("silent_steps"):
        said.append(f"nothing to speak in step(s) {', '.join(map(str, silent))}")
    return tuple(said)

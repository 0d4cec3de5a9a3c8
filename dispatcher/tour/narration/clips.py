"""The narration of a tour: one verified clip for each step that is heard, and the job that asks for clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dispatcher.assembly.timeline import Word
from dispatcher.jobs.job import Job, Purpose, Result
from dispatcher.tour.narration.voice_reference import VoiceReference
from dispatcher.tour.spec import script
from protocol.kinds import tts
from protocol.messages import EngineRecord


@dataclass(frozen=True, kw_only=True)
class SpokenClip:
    """The narration of one step: a verified local WAV, its length in seconds, its word times and its engine."""

    step_id: str
    wav: Path
    seconds: float
    words: tuple[Word, ...]
    exact: bool  # the word times come from the engine; otherwise they are estimated
    engine: str  # as people read it: "espeak 1.52 (embedded, cpu)"


@dataclass(frozen=True, kw_only=True)
class Narration:
    """Every clip of a tour, and the warnings about how they were made."""

    clips: dict[str, SpokenClip]
    engine: str
    pauses: Mapping[str, float] = field(default_factory=dict)  # seconds of silence of steps that only pause
    cached: int = 0  # how many clips are from the cache
    warnings: tuple[str, ...] = ()

    @property
    def seconds(self) -> dict[str, float]:
        """Return how long each step's narration lasts; a step with neither speech nor pauses is left out."""
        return {**self.pauses, **{step: clip.seconds for step, clip in self.clips.items()}}


@dataclass(frozen=True, kw_only=True)
class NarrationVoice:
    """How to speak."""

    name: str
    speed: float
    language: str
    require_engine: str | None = None
    lexicon: Mapping[str, str] = field(default_factory=dict)
    reference: VoiceReference | None = None  # the recording whose voice is cloned; `name` is then ignored

    def params(self) -> dict[str, Any]:
        """Return the parameters of every request with this voice, without the lexicon."""
        plain = {"voice": self.name, "speed": self.speed, "language": self.language}
        return plain | {"voice": "default"} | self.reference.params() if self.reference else plain

    def inputs(self) -> dict[str, Path]:
        """Return the input files of a request."""
        return {tts.REF_AUDIO: self.reference.wav} if self.reference else {}

    def digests(self) -> dict[str, tuple[int, str]]:
        """Return size and SHA-256 of those files."""
        return {tts.REF_AUDIO: (self.reference.size, self.reference.sha256)} if self.reference else {}


def speech_job(texts: Sequence[tuple[str, str]], voice: NarrationVoice) -> Job:
    """Return the job that speaks these (step id, narration as written) pairs."""
    steps = [script.wire_step(step, text) for step, text in texts]
    params: dict[str, Any] = {**voice.params(), "steps": steps}
    if entries := script.used(voice.lexicon, (step["narration"] for step in steps)):
        params["lexicon"] = entries
    title = f"{len(steps)} step(s) of narration"
    return Job(
        kind="tts",
        params=params,
        inputs=voice.inputs(),
        require_engine=voice.require_engine,
        purpose=Purpose(title=title),
    )


def engine_text(engine: EngineRecord | None) -> str:
    """Return an engine as people read it: "espeak 1.52 (embedded, cpu)"."""
    if engine is None:
        return "an old worker (engine unknown)"
    return f"{engine.name} {engine.version} ({engine.tier}, {engine.device})"


def substituted(requested: str, actual: str) -> str:
    """Return the warning that another voice than the requested one was used."""
    return f"voice {requested} is not available: spoken by {actual} (--require-engine makes this an error)"


def warnings(result: Result, params: Mapping[str, Any]) -> list[str]:
    """Return the warnings about a new result: no hashes, ignored parameters, a better engine that was not used,
    silent and doubtful steps."""
    found = []
    if result.verified == "legacy":
        found.append("the result came in the simple form, without hashes: it was read twice, but not verified")
        if ignored := script.unsupported_features(params):
            found.append(f"the old worker does not support {', '.join(ignored)}; the text is spoken without")
    for reason in _listed(result, "passed_over"):
        found.append(f"a better engine was not used: {reason} (--require-engine makes this an error)")
    if silent := _listed(result, "silent"):
        found.append(f"nothing to speak in step(s) {', '.join(silent)}")
    if unstressed := _listed(result, "unstressed"):
        found.append(f"the engine does not support emphasis: step(s) {', '.join(unstressed)} are spoken without it")
    for step, reasons in doubtful(result).items():
        found.append(f"step {step} may not sound right, listen to it: {'; '.join(reasons)}")
    return found


def _listed(result: Result, name: str) -> tuple[str, ...]:
    """Return the texts that a worker lists under this name. They are unchecked: anything but a list is ignored."""
    texts = result.summary.get(name)
    return tuple(map(str, texts)) if isinstance(texts, list) else ()


def doubtful(result: Result) -> dict[str, tuple[str, ...]]:
    """Return why steps may not sound right, by step; anything malformed is ignored."""
    found = result.summary.get("doubtful")
    steps = found.items() if isinstance(found, dict) else ()
    return {step: tuple(map(str, reasons)) if isinstance(reasons, list) else () for step, reasons in steps}

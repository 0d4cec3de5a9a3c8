"""Speech: the glue between a narration and an engine. No model library is imported here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from colab.handlers.tts import bleed, check
from colab.handlers.tts.clip import ClipWriter
from colab.handlers.tts.engine import Emphasising, EngineVoice, SpeechEngine, SpokenText, VoiceRecording
from colab.handlers.tts.engines import ENGINES, SpeechTable, VoiceRequest
from colab.handlers.tts.script import Chunk, SpeechScript, otherwise, script
from colab.job_errors import closed_codes
from colab.models import Models
from colab.work import Work, WorkResult
from media.audio import check_wav, read_mono
from protocol.errors import JobFailed, MediaError
from protocol.integrity import sha256_of
from protocol.kinds.tts import MAX_REF_S, MIN_REF_S, REF_AUDIO, Params, read_times, wav_path, words_path
from protocol.messages import Choices, EngineRecord
from speech import lexicon


@dataclass(frozen=True, kw_only=True)
class TtsHandler:
    """Speaks every step into a WAV and its word times. The same request gives the same bytes."""

    table: SpeechTable = ENGINES
    kind: str = "tts"

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return the engines that can speak here, best first."""
        return tuple(engine.record() for engine in self.table.available(models))

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return the voices and languages of each engine."""
        return {engine.name: engine.choices() for engine in self.table.available(models)}

    def run(self, work: Work) -> WorkResult:
        """Speak the steps in order, publishing each when it is complete. Raises `JobFailed`, naming the step."""
        params = cast(Params, work.params)
        if wrong := lexicon.problems(params.lexicon):
            raise JobFailed(f"the lexicon, {'; '.join(wrong[:5])}", code="BAD_REQUEST")
        request = VoiceRequest(
            voice=params.voice,
            language=params.language,
            speed=params.speed,
            reference=reference(work.inputs, params),
        )
        choice = self.table.choose(work.models, request, work.engine)
        engine, voice = choice.engine, request.pick(choice.engine)
        record = engine.record(voice)
        narration = _Narration(work=work, engine=engine, voice=voice, params=params, reusable=work.begin(record))
        narration.speak()
        return WorkResult(engine=record, summary=narration.summary(choice.passed_over))


@dataclass(kw_only=True)
class _Narration:
    """One request being spoken."""

    work: Work
    engine: SpeechEngine
    voice: EngineVoice
    params: Params
    reusable: frozenset[str]  # outputs that an earlier attempt made just as this one would
    seconds: dict[str, float] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    doubtful: dict[str, list[str]] = field(default_factory=dict)
    done: int = 0
    total: int = 0

    def speak(self) -> None:
        steps = self.params.steps
        scripts = self._scripts()
        self.total = sum(max(1, len(written.chunks)) for written in scripts)
        for number, (step, written) in enumerate(zip(steps, scripts, strict=True), 1):
            note = f"step {step.id} ({number} of {len(steps)})"
            with _naming(step.id):
                self._speak_step(step.id, written, note)

    def unstressed(self) -> list[str]:
        """Return the steps whose emphasis is not heard, because the engine cannot."""
        return [] if isinstance(self.engine, Emphasising) else [step.id for step in self.params.steps if step.emphasis]

    def _scripts(self) -> list[SpeechScript]:
        spelled = lexicon.Lexicon(self.params.lexicon)
        return [
            script(
                step.narration,
                self.voice.language,
                self.voice.limit or self.engine.limit,
                lexicon=spelled,
                pauses=step.pauses,
                emphasis=step.emphasis,
            )
            for step in self.params.steps
        ]

    def _speak_step(self, step_id: str, written: SpeechScript, note: str) -> None:
        self.work.progress(self.done, self.total, note)
        if {wav_path(step_id), words_path(step_id)} <= self.reusable:
            self._count(step_id, read_times(self.work.output(words_path(step_id)).read_bytes()).model_dump())
            self._advance(f"{note}: reused from an earlier attempt", max(1, len(written.chunks)))
            return
        path = self.work.output(wav_path(step_id))
        with ClipWriter(path, written.words, self.params.speed, lead_s=written.lead_s) as clip:
            for chunk in written.chunks:
                self._speak_chunk(step_id, clip, chunk)
                self._advance(note)
            silent = clip.is_silent and bool(written.chunks or not written.lead_s)
            times = clip.finish() | ({"silent": True} if silent else {})
        if step_id in self.doubtful:
            times["doubtful"] = self.doubtful[step_id]
        self._count(step_id, times)
        self.work.output(words_path(step_id)).write_text(_json(times), encoding="utf-8")
        self.work.publish(wav_path(step_id))
        self.work.publish(words_path(step_id))
        if not written.chunks:
            self._advance(f"{note}: nothing to speak, {times['seconds']} s of silence")

    def _count(self, step_id: str, times: Mapping[str, Any]) -> None:
        """Take into the summary what the words file of a step tells."""
        self.seconds[step_id] = times["seconds"]
        if times.get("silent"):
            self.silent.append(step_id)
        if times.get("doubtful"):
            self.doubtful[step_id] = list(times["doubtful"])

    def _speak_chunk(self, step_id: str, clip: ClipWriter, chunk: Chunk) -> None:
        """Speak a chunk; one that does not sound as it should is tried once in another way, then it is said."""
        speech = self._say(chunk)
        found = self._findings(speech, chunk)
        if found:
            again = [(self._say(part), part) for part in otherwise(chunk)]
            if not any(self._findings(said, part) for said, part in again):
                for said, part in again:
                    clip.add(said, part)
                return
            self.doubtful.setdefault(step_id, []).extend(found)
        clip.add(speech, chunk)

    def _findings(self, speech: SpokenText, chunk: Chunk) -> tuple[str, ...]:
        found = check.findings(speech, chunk.text, self.params.speed)
        return found + (bleed.findings(speech, chunk.text, cloned) if (cloned := self.voice.reference) else ())

    def _say(self, chunk: Chunk) -> SpokenText:
        speed = self.params.speed
        if chunk.emphasis and isinstance(self.engine, Emphasising):
            return self.engine.speak_emphasised(chunk.text, self.voice, speed, chunk.emphasis)
        return self.engine.speak(chunk.text, self.voice, speed)

    def summary(self, passed_over: tuple[str, ...]) -> dict[str, Any]:
        """Return what the marker says: the simple form's fields, and whatever is not as it was asked."""
        voice, engine = self.voice, self.engine.name
        substituted = {"voice": self.params.voice, "by": voice.name, "engine": engine} if voice.substituted else None
        notes = {
            "substituted": substituted,
            "passed_over": list(passed_over),
            "silent": self.silent,
            "doubtful": self.doubtful,
            "unstressed": self.unstressed(),
        }
        return {
            "total_duration": round(sum(self.seconds.values()), 3),
            "steps_generated": len(self.seconds),
            "results": [{"step": step, "duration": seconds} for step, seconds in self.seconds.items()],
            **{key: value for key, value in notes.items() if value},
        }

    def _advance(self, note: str, units: int = 1) -> None:
        self.done += units
        self.work.progress(self.done, self.total, note)


def _json(times: dict[str, Any]) -> str:
    return json.dumps(times, ensure_ascii=False, separators=(",", ":")) + "\n"


@contextmanager
def _naming(step_id: str) -> Iterator[None]:
    """Say at which step it failed, and map what engines and disks raise to the closed codes."""
    try:
        with closed_codes(f"step {step_id} cannot be spoken"):
            yield
    except JobFailed as failed:
        raise JobFailed(str(failed), code=failed.code, step=step_id) from failed


RATE = 24_000
_SLACK_S = 0.05  # what a resampler at the other end may have added


def reference(inputs: Mapping[str, Path], params: Params) -> VoiceRecording | None:
    """Return the recording to clone, None where none is asked for.

    Raises `JobFailed`: BAD_REQUEST where recording and text do not come together or it is too short or too long,
    INPUT_CORRUPT for what is no whole WAV. Nothing but a WAV of plain samples gets to a decoder.
    """
    if unknown := sorted(set(inputs) - {REF_AUDIO}):
        raise JobFailed(f"speech takes no input {unknown[0]!r}, only {REF_AUDIO}", code="BAD_REQUEST")
    path = inputs.get(REF_AUDIO)
    if path is None or params.ref_text is None:
        if path is None and params.ref_text is None:
            return None
        missing = f"the input {REF_AUDIO} is missing" if path is None else "ref_text, what is said in it, is missing"
        raise JobFailed(f"a voice is cloned from a recording and its text: {missing}", code="BAD_REQUEST")
    try:
        seconds = check_wav(path)
        _check_length(seconds)
        samples = read_mono(path, RATE)
    except MediaError as error:
        raise JobFailed(
            f"the recording {REF_AUDIO} cannot be read: {error}; send a mono WAV", code="INPUT_CORRUPT"
        ) from error
    return VoiceRecording(
        samples=samples,
        rate=RATE,
        text=" ".join(params.ref_text.split()),
        sha256=sha256_of(path)[1],
        seed=params.seed,
        nfe_step=params.nfe_step,
        cfg_strength=params.cfg_strength,
    )


def _check_length(seconds: float) -> None:
    if not MIN_REF_S - _SLACK_S <= seconds <= MAX_REF_S + _SLACK_S:
        raise JobFailed(
            f"the recording {REF_AUDIO} lasts {seconds:.1f} s; a voice is cloned from {MIN_REF_S:g} to "
            f"{MAX_REF_S:g} s: cut it, and its text with it",
            code="BAD_REQUEST",
        )


HANDLER = TtsHandler()

"""Speech: the glue between a narration and an engine. No model library is imported here."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from colab.handlers.tts.clip import Clip
from colab.handlers.tts.engine import SpeechEngine, Voice
from colab.handlers.tts.engines import Chosen, available, open_engine
from colab.handlers.tts.script import Script, script
from colab.handlers.work import Result, Work
from colab.models import Models
from protocol.errors import JobFailed
from protocol.kinds.tts import Params, Step, wav_path, words_path
from protocol.messages import Choices, EngineRecord


class TtsHandler:
    """Speaks every step into a WAV and its word times. The same request gives the same bytes."""

    kind = "tts"

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return the engines that can speak here, best first."""
        return tuple(engine.record() for engine in available(models))

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return the voices and languages of each engine."""
        return {engine.name: engine.choices() for engine in available(models)}

    def run(self, work: Work) -> Result:
        """Speak the steps in order, publishing each when it is complete. Raises `JobFailed`, naming the step."""
        params = cast(Params, work.params)
        chosen = open_engine(work.models, work.engine, voice=params.voice, language=params.language)
        narration = _Narration(work=work, engine=chosen.engine, voice=chosen.voice, speed=params.speed)
        narration.speak(params.steps)
        return Result(engine=chosen.engine.record(chosen.voice), summary=_summary(params, chosen, narration))


@dataclass(kw_only=True)
class _Narration:
    """One request being spoken."""

    work: Work
    engine: SpeechEngine
    voice: Voice
    speed: float
    seconds: dict[str, float] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    done: int = 0
    total: int = 0

    def speak(self, steps: tuple[Step, ...]) -> None:
        scripts = [script(step.narration, self.voice.language, self.engine.limit) for step in steps]
        self.total = sum(max(1, len(written.chunks)) for written in scripts)
        for number, (step, written) in enumerate(zip(steps, scripts, strict=True), 1):
            note = f"step {step.id} ({number} of {len(steps)})"
            with _naming(step.id):
                self._speak_step(step.id, written, note)

    def _speak_step(self, step_id: str, written: Script, note: str) -> None:
        self.work.progress(self.done, self.total, note)
        with Clip(self.work.output(wav_path(step_id)), written.words, self.speed) as clip:
            for chunk in written.chunks:
                clip.add(self.engine.speak(chunk.text, self.voice, self.speed), chunk)
                self._advance(note)
            if clip.is_silent:
                self.silent.append(step_id)
            times = clip.finish()
        self.seconds[step_id] = times["seconds"]
        self.work.output(words_path(step_id)).write_text(_json(times), encoding="utf-8")
        self.work.publish(wav_path(step_id))
        self.work.publish(words_path(step_id))
        if not written.chunks:
            self._advance(f"{note}: nothing to speak, {times['seconds']} s of silence")

    def _advance(self, note: str) -> None:
        self.done += 1
        self.work.progress(self.done, self.total, note)


def _json(times: dict[str, Any]) -> str:
    return json.dumps(times, ensure_ascii=False, separators=(",", ":")) + "\n"


@contextmanager
def _naming(step_id: str) -> Iterator[None]:
    """Say at which step it failed, and map what engines and disks raise to the closed codes."""
    try:
        yield
    except JobFailed as failed:
        raise JobFailed(str(failed), code=failed.code, retryable=failed.retryable, step=step_id) from failed
    except MemoryError as problem:
        raise JobFailed(
            f"step {step_id}: not enough memory to speak it", code="OUT_OF_MEMORY", step=step_id
        ) from problem
    except OSError as problem:
        full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "no room left on the worker" if full else str(problem)
        raise JobFailed(
            f"step {step_id} cannot be written: {why}", code="STORAGE" if full else "INTERNAL", step=step_id
        ) from problem


def _summary(params: Params, chosen: Chosen, narration: _Narration) -> dict[str, Any]:
    """Return what the marker says: the plain form's fields, and whatever is not as it was asked."""
    summary: dict[str, Any] = {
        "total_duration": round(sum(narration.seconds.values()), 3),
        "steps_generated": len(narration.seconds),
        "results": [{"step": step, "duration": seconds} for step, seconds in narration.seconds.items()],
    }
    if chosen.voice.substituted:
        summary["substituted"] = {"voice": params.voice, "by": chosen.voice.name, "engine": chosen.engine.name}
    if chosen.passed_over:
        summary["passed_over"] = list(chosen.passed_over)
    if narration.silent:
        summary["silent"] = narration.silent
    return summary


HANDLER = TtsHandler()

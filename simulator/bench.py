"""The simulated engine: takes virtual time, makes small real outputs, and fails as engines do.

Its output is a function of the text and the voice, so that a checker knows what a result must be without knowing how
it travelled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from colab.bench import Abilities, Task
from protocol.kinds import tts
from protocol.messages import EngineRecord
from simulator.scheduler import Scheduler

VOICES = ("alto", "bass")

STEP_S = (2.0, 20.0)
"""How long one step takes."""


def engine(voice: str) -> EngineRecord:
    """Return the record of the engine with this voice."""
    return EngineRecord(name="simulated", version="1", voice=voice, provider="none", device="none", tier="embedded")


def made(path: str, text: str, voice: str) -> bytes:
    """Return this voice's output for a text: a WAV or its word times, recognisable by content."""
    seed = hashlib.sha256(f"{path}\n{text}\n{voice}".encode()).digest()
    if path.endswith(".json"):
        return json.dumps({"seconds": 0.001, "exact": True, "words": [[seed.hex(), 0, 0.001]]}).encode()
    samples = seed + seed[:16]
    head = b"WAVEfmt " + (16).to_bytes(4, "little") + _FORMAT + b"data" + len(samples).to_bytes(4, "little")
    return b"RIFF" + (len(head) + len(samples)).to_bytes(4, "little") + head + samples


_RATE = 24_000
_FORMAT = b"".join(
    number.to_bytes(size, "little") for number, size in ((1, 2), (1, 2), (_RATE, 4), (2 * _RATE, 4), (2, 2), (16, 2))
)


@dataclass(frozen=True, kw_only=True)
class Health:
    """What is wrong with a worker's engine: how often a step fails, and whether every job fails."""

    fails: float = 0.0
    broken: bool = False


class SimulatedBench:
    """One worker's bench."""

    def __init__(self, scheduler: Scheduler, chance: Random, voice: str, health: Health) -> None:
        self._scheduler, self._chance, self._voice, self._health = scheduler, chance, voice, health
        self._engine = engine(voice)
        self._events: list[tuple[float, Mapping[str, Any]]] = []
        self._ready = 0.0
        self.executions = 0
        self.loaded: set[str] = set()

    def abilities(self) -> Abilities:
        """Return the one engine there is."""
        return Abilities(engines={"tts": (self._engine,)}, choices={})

    def begin(self, task: Task) -> None:
        """Plan the events of a task: every step takes time, except those that can be reused."""
        self.executions += 1
        self._task = task
        self._texts = {step["id"]: step["narration"] for step in task.params["steps"]}
        record = self._engine.model_dump(mode="json", exclude_none=True)
        kept = [p for p, old in task.kept.items() if EngineRecord.model_validate(old["engine"]).is_equal(self._engine)]
        for path in kept:
            self._write(path, Path(task.kept[path]["local"]).read_bytes())
        self._events = [(0.0, {"event": "engine", "engine": record, "kept": kept})]
        for done, step in enumerate(self._texts, 1):
            if not self._plan_step(step, done, set(kept)):
                return
        self._events.append((0.0, {"event": "done", "engine": record, "summary": {}}))

    def _plan_step(self, step: str, done: int, kept: set[str]) -> bool:
        paths = [path for path in (tts.wav_path(step), tts.words_path(step)) if path not in kept]
        takes_s = self._chance.uniform(*STEP_S) if paths else 0.0
        if self._health.broken or self._chance.random() < self._health.fails:
            failed = {"event": "failed", "code": "ENGINE", "message": "it broke", "step": step}
            self._events.append((takes_s / 10, failed))
            return False
        self._events.append((takes_s, {"event": "progress", "done": done, "total": len(self._texts), "note": ""}))
        self._events += [(0.0, {"event": "publish", "path": path}) for path in paths]
        return True

    def event(self, timeout_s: float) -> dict[str, Any] | None:
        """Return the next event when its time has come, or None after `timeout_s`."""
        if not self._events:
            self._scheduler.sleep(timeout_s)
            return None
        takes_s, event = self._events[0]
        if takes_s > timeout_s:
            self._events[0] = takes_s - timeout_s, event
            self._scheduler.sleep(timeout_s)
            return None
        self._events.pop(0)
        if takes_s:
            self._scheduler.sleep(takes_s)
        if event["event"] == "publish":
            self._make(event["path"])
        return dict(event)

    def ask_to_stop(self) -> None:
        """Stop before the next step."""
        self._events = [(0.1, {"event": "stopped"})]

    def kill(self) -> None:
        """Forget the task."""
        self._events = []

    def close(self) -> None:
        """Forget it."""
        self.kill()

    def _make(self, path: str) -> None:
        step = path.removeprefix("audio/step-").rpartition(".")[0]
        self._write(path, made(path, self._texts[step], self._voice))

    def _write(self, path: str, data: bytes) -> None:
        target = Path(self._task.folder) / "out" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

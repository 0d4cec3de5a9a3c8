"""A production worker in this process: on a clock that the test turns, with a bench that the test scripts."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colab.attach import Attached
from colab.bench import Abilities, Task
from colab.config import WorkerSettings
from colab.disk import link
from colab.worker import Worker
from protocol import codec
from protocol.drop import Drop
from protocol.layout import DROP_CARD
from protocol.messages import DropCard, EngineRecord
from protocol.transports.host import Host

DROP_ID = "d" * 16
ENGINE = EngineRecord(name="fake", version="1", voice="v", provider="test", device="cpu", tier="embedded")


@dataclass
class Clock:
    """Time that passes only when somebody sleeps or the test says so. `between` is called before each sleep."""

    now: float = 1000.0
    between: Callable[[], None] = lambda: None
    count: int = 0

    def host(self, system: str = "this machine") -> Host:
        """Return a machine that lives in this time; another `system` is another machine."""
        return Host(
            monotonic=lambda: self.now,
            wall=lambda: 1.7e9 + self.now,
            sleep=self.sleep,
            token=self.token,
            system=lambda: system,
        )

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.between()
        self.now += seconds

    def token(self, size: int) -> str:
        """Return the next id."""
        self.count += 1
        return f"{self.count:0{2 * size}x}"


def whole(path: str) -> bytes:
    """Return what the fake engine makes for an output path."""
    return json.dumps({"made": path}).encode()


@dataclass
class FakeBench:
    """Makes every output of a task at once; `script` may say otherwise, event by event."""

    clock: Clock
    engine: EngineRecord = ENGINE
    paths: Callable[[Task], list[str]] = lambda task: ["echo.txt"]
    makes: Callable[[str], bytes] = whole
    script: Callable[[Task], list[Mapping[str, Any]]] | None = None  # None: publish everything, then done
    kind: str = "echo"
    loaded: set[str] = field(default_factory=set)
    begun: list[Task] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    events: list[Mapping[str, Any]] = field(default_factory=list)

    def abilities(self) -> Abilities:
        """Return the one engine."""
        return Abilities(engines={self.kind: (self.engine,)}, choices={})

    def begin(self, task: Task) -> None:
        """Keep what fits, and put the events of the task in line."""
        self.begun.append(task)
        kept = [p for p, old in task.kept.items() if EngineRecord.model_validate(old["engine"]).is_equal(self.engine)]
        for path in kept:
            target = self._target(task, path)
            link(Path(task.kept[path]["local"]), target)
        record = self.engine.model_dump(mode="json", exclude_none=True)
        left = [path for path in self.paths(task) if path not in kept]
        events: list[Mapping[str, Any]] = [{"event": "engine", "engine": record, "kept": kept}]
        events += self.script(task) if self.script else [{"event": "publish", "path": path} for path in left]
        self.events = [*events, {"event": "done", "engine": record, "summary": {}}]
        self.task = task

    def event(self, timeout_s: float) -> dict[str, Any] | None:
        """Return the next event; `wait` lets time pass instead."""
        if not self.events:
            self.clock.sleep(timeout_s)
            return None
        event = dict(self.events.pop(0))
        if event["event"] == "wait":
            self.clock.sleep(event["seconds"])
            return None
        if event["event"] in ("publish", "checkpoint"):
            self.made.append(event["path"])
            self._place(self.task, event["path"], self.makes(event["path"]))
        return event

    def ask_to_stop(self) -> None:
        """Stop at once."""
        self.events = [{"event": "stopped"}]

    def kill(self) -> None:
        """Forget what is left to do."""
        self.events = []

    def close(self) -> None:
        """End."""
        self.kill()

    def _place(self, task: Task, path: str, data: bytes) -> None:
        self._target(task, path).write_bytes(data)

    def _target(self, task: Task, path: str) -> Path:
        target = Path(task.folder) / "out" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target


def drop_in(drop: Drop) -> Drop:
    """Make an empty drop of a transport's empty place, and return it."""
    drop.put(DROP_CARD, codec.encode(DropCard(drop=DROP_ID, id=DROP_ID)))
    return drop


def worker_on(
    drop: Drop,
    clock: Clock,
    bench: FakeBench,
    name: str = "w",
    boot: str = "a" * 16,
    system: str = "this machine",
) -> Worker:
    """Return a worker that has announced itself and is ready for `step`."""
    at = Attached(drop=drop, drop_id=DROP_ID, worker=name, boot=boot, host=clock.host(system))
    made = Worker(
        at,
        WorkerSettings(drop="memory:test"),
        bench=lambda kinds, places: bench,
        beats=lambda beater, at: contextlib.nullcontext(),
    )
    made.begin()
    return made

"""Any number of production workers and an owner on one drop in memory, on a clock that the test turns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from colab.worker import Worker
from dispatcher.jobs.client import Client, Handle
from dispatcher.jobs.job import Result
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.drop import Capabilities
from protocol.kinds import tts
from protocol.layout import Attempt, WorkerNames
from protocol.messages import Beat, Held
from protocol.observation import JobReader, Observation
from protocol.transports.memory import MemoryDrop, MemoryStore
from tests.support import answers
from tests.support.media import tone
from tests.support.workers import DROP_ID, Clock, FakeBench, drop_in, worker_on

SLOW = Capabilities(local=False, settle_s=10, poll_s=5, beat_s=30)
"""A synced folder's pace."""


class Scene:
    """One store, any number of sides, one clock."""

    def __init__(self, tmp_path: Path) -> None:
        self.clock, self.store, self.folder = Clock(), MemoryStore(), tmp_path
        drop_in(self.side())
        self.workers: list[Worker] = []
        self.runs = RunStore.open(f"sqlite:///{tmp_path / 'runs.sqlite3'}")
        self.owner = self.side()
        self.client = Client(self.owner, store=self.runs, results=tmp_path / "results", host=self.clock.host())

    def side(self) -> MemoryDrop:
        """Return another side's view of the drop."""
        return MemoryDrop(self.store, capabilities=SLOW)

    def bench(self, **more: Any) -> FakeBench:
        """Return a bench for this scene's clock."""
        return FakeBench(self.clock, **more)

    def speaker(self, **more: Any) -> FakeBench:
        """Return a bench that speaks: real WAVs, one pair of files a step."""
        wav = self.folder / "tone.wav"
        tone(wav, 0.2)
        sound, words = wav.read_bytes(), json.dumps({"seconds": 0.2, "exact": True, "words": []}).encode()

        def made(path: str) -> bytes:
            return sound if path.endswith(".wav") else words

        return self.bench(
            kind="tts", paths=lambda task: list(tts.outputs(tts.Params(**task.params))), makes=made, **more
        )

    def worker(self, bench: Any, *, side: MemoryDrop | None = None, **who: str) -> Worker:
        """Return a worker that is ready for `step`."""
        self.workers.append(worker_on(side or self.side(), self.clock, bench, **who))
        return self.workers[-1]

    def look(self, handle: Handle) -> Observation:
        """Return what is in a job's folder."""
        return JobReader(self.side(), DROP_ID, self.runs.get(handle.run).job).look()

    def step(self, handle: Handle, after: float = 1.0) -> Result | None:
        """Let the owner look, some seconds later."""
        self.clock.now += after
        self.progress = handle._lifecycle.step(0, self.clock.now)
        return handle._lifecycle.result

    def claim(self, handle: Handle, nonce: str, n: int = 1, worker: str = "rival") -> Attempt:
        """Write the claim of another worker."""
        tried = Attempt(n, nonce, worker)
        answers.claim(self.side(), self.runs.get(handle.run).job, tried)
        return tried

    def beat(self, worker: str, seq: int, *held: Held) -> None:
        """Write another worker's beat."""
        names = WorkerNames(worker)
        self.side().make_folder(names.folder)
        beat = Beat(drop=DROP_ID, id=worker, worker=worker, boot=answers.BOOT, seq=seq, at=0, held=held)
        self.side().put(names.beat(answers.BOOT, seq), codec.encode(beat))

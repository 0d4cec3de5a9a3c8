"""A whole job on a real folder, in this process and on virtual time, with one fault at one operation of one side.

Both sides are production code. While one of them sleeps or hangs the others go on, and who is killed is started again,
as a user would. Nothing is decided here but who moves next.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colab.worker import Worker
from dispatcher.jobs.client import Client, Handle
from dispatcher.jobs.job import Job, Progress
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol.drop import Capabilities, Drop
from protocol.errors import ChannelError, EnvironmentNotReady
from protocol.observation import JobReader, Observation
from protocol.transports.folder import LOCAL, FolderDrop
from tests.support.faulty import Fault, FaultyDrop, Killed
from tests.support.workers import DROP_ID, Clock, FakeBench, drop_in, whole, worker_on

SLICE_S = 1.0
"""Everybody looks this often: too often for an observer to think that it was asleep itself."""

SECOND_WORKER_S = 25.0
"""A second session is started when the first has not brought the result by then."""

PATIENCE_S = 400.0
"""So long a user waits before ending the command and running it again."""

END_S = 5000.0


@dataclass
class SlicedClock(Clock):
    """Time that passes in slices, so that whoever sleeps keeps nobody else from looking."""

    def sleep(self, seconds: float) -> None:
        """Let time pass, and the others act meanwhile."""
        ends = self.now + seconds
        while self.now < ends:
            self.between()
            self.now = max(self.now, min(ends, self.now + SLICE_S))


@dataclass
class Session:
    """One side as its user runs it: started, stepped, and started again after it was killed or had to give up."""

    drop: Drop
    plain: Drop  # the same without the fault, for the next process
    starts: int = 0
    busy: bool = False

    def act(self) -> None:
        """Move once, unless this side is in the middle of a move."""
        if self.busy:
            return
        self.busy = True
        try:
            self.move()
        except Killed:
            self.stop()
            self.drop = self.plain
        finally:
            self.busy = False

    def move(self) -> None:
        """Do one thing."""
        raise NotImplementedError

    def stop(self) -> None:
        """Be gone."""
        raise NotImplementedError


@dataclass
class Owner(Session):
    """The submitting side: submit, wait, look at the result, and in the end clean."""

    clock: Clock = field(default_factory=Clock)
    store: RunStore = field(kw_only=True)
    results: Path = field(kw_only=True)
    job: Job = field(kw_only=True)
    client: Client | None = None
    handle: Handle | None = None
    since: float = 0.0
    progress: Progress | None = None
    runs: set[str] = field(default_factory=set)  # every run that a command was about
    handed_over: list[tuple[str | None, bytes]] = field(default_factory=list)  # nonce and content, each time
    cleans: bool = False
    cleaned: bool = False
    given_up: int = 0  # how often the command was run again because nothing came

    def move(self) -> None:
        """Go on where the command is; an error ends it, and it is run again."""
        try:
            if self.cleans:
                self.clean()
            elif self.handle is None:
                self.submit()
            elif not self.handed_over or self.starts > len(self.handed_over):
                self.wait()
        except (ChannelError, EnvironmentNotReady):
            self.stop()

    def submit(self) -> None:
        """Run the command."""
        self.starts += 1
        self.client = Client(self.drop, store=self.store, results=self.results, host=self.clock.host())
        self.handle = self.client.submit(self.job)
        self.runs.add(self.handle.run)
        self.since = self.clock.now

    def wait(self) -> None:
        """Look once; what is handed over is noted."""
        assert self.handle is not None
        self.progress = self.handle._lifecycle.step(0, self.clock.now)
        if (result := self.handle._lifecycle.result) is not None:
            self.handed_over.append((self.run.nonce, result.files["echo.txt"].read_bytes()))
        elif self.clock.now - self.since > PATIENCE_S:
            self.given_up += 1
            self.stop()

    def clean(self) -> None:
        """Remove what is over from the drop."""
        if not self.cleaned:
            client = self.client or Client(self.drop, store=self.store, results=self.results, host=self.clock.host())
            client.clean(older_than_s=-1)
            self.cleaned = True

    def stop(self) -> None:
        """End the command."""
        self.client = self.handle = None

    @property
    def run(self) -> Run:
        """The one run that all commands were about."""
        (run,) = self.runs
        return self.store.get(run)


@dataclass
class Colab(Session):
    """A worker's machine: sessions one after the other, beating while they work."""

    clock: Clock = field(kw_only=True)
    name: str = field(kw_only=True)
    bench: Callable[[], FakeBench] = field(kw_only=True)
    joins: float = 0.0
    worker: Worker | None = None
    ended: list[Worker] = field(default_factory=list)
    benches: list[FakeBench] = field(default_factory=list)

    def act(self) -> None:
        """Move, and beat; the beats go on while the worker is busy, for they come from a thread of their own."""
        if self.clock.now < self.joins:
            return
        super().act()
        with contextlib.suppress(Killed):
            if self.worker is not None:
                self.worker._beater.beat_if_due(self.clock.now)

    def move(self) -> None:
        """Start a session, or let it look once."""
        if self.worker is None:
            self.start()
        else:
            self.worker._safe_step()

    def start(self) -> None:
        """Start a session; one that cannot announce itself ends with an error, and somebody starts it again."""
        self.starts += 1
        self.benches.append(self.bench())
        boot = f"{self.name}-{self.starts}".encode().hex().ljust(16, "0")[:16]
        with contextlib.suppress(ChannelError):
            self.worker = worker_on(self.drop, self.clock, self.benches[-1], name=self.name, boot=boot)

    def stop(self) -> None:
        """End the session."""
        if self.worker is not None:
            self.ended.append(self.worker)
        self.worker = None

    def free(self) -> None:
        """Let go of what every session kept."""
        self.stop()
        for worker in self.ended:
            worker.end()


class Trial:
    """One job from submission to a clean drop, `side`'s `strike`-th operation meeting `fault`.

    `folder` is new, and its name makes the job another one than those of earlier trials in `store`.
    """

    def __init__(
        self,
        folder: Path,
        store: RunStore,
        *,
        side: str = "",
        fault: Fault = Fault.FAILS,
        strike: int = 0,
        pace: Capabilities = LOCAL,
        lossy: bool = False,
    ) -> None:
        """Make the trial; with `lossy`, no output of the first worker ever arrives whole."""
        self.clock = SlicedClock(count=zlib.crc32(folder.name.encode()) // 2)  # ids of its own
        root = folder / "drop"
        root.mkdir(parents=True)
        self.raw = drop_in(FolderDrop(root, capabilities=pace))
        self.faulty = FaultyDrop(self.raw, fault, strike, self.clock.sleep)
        self.root = root
        (folder / "in.bin").write_bytes(b"input" * 100)
        job = Job(
            kind="echo", params={"text": folder.name}, inputs={"in.bin": folder / "in.bin"}, stall_s=100, wall_s=600
        )
        self.owner = Owner(
            self.faulty if side == "owner" else self.raw,
            self.raw,
            clock=self.clock,
            store=store,
            results=folder / "results",
            job=job,
        )
        first = LossyDrop(self.raw) if lossy else self.raw
        self.workers = [
            Colab(self.faulty if side == "worker" else first, first, clock=self.clock, name="w1", bench=self.bench),
            Colab(
                self.raw,
                self.raw,
                clock=self.clock,
                name="w2",
                bench=self.bench,
                joins=self.clock.now + SECOND_WORKER_S,
            ),
        ]
        self.clock.between = self.everybody

    def bench(self) -> FakeBench:
        """Return a bench that works for some seconds: long enough for a beat and a part."""
        return FakeBench(self.clock, script=script)

    def everybody(self) -> None:
        """Let everybody act who is not in the middle of something."""
        for session in (self.owner, *self.workers):
            session.act()

    def run(self) -> Observation:
        """Run to the end, and return what the job's folder held before it was cleaned."""
        try:
            self.until(lambda: len(self.owner.handed_over) > 0 and self.owner.handle is not None)
            self.clock.sleep(5)
            seen = JobReader(self.raw, DROP_ID, self.owner.run.job).look()
            self.owner.cleans = True
            self.until(lambda: self.owner.cleaned)
            return seen
        finally:
            for worker in self.workers:
                worker.free()

    def until(self, condition: Callable[[], bool]) -> None:
        """Let time pass until something holds."""
        ends = self.clock.now + END_S
        while not condition():
            assert self.clock.now < ends, f"stuck: {self.owner.progress}"
            self.clock.sleep(SLICE_S)

    @property
    def made(self) -> list[str]:
        """What the benches made, over all sessions."""
        return [path for worker in self.workers for bench in worker.benches for path in bench.made]


class LossyDrop(FaultyDrop):
    """A side whose outputs are kept torn, as a success, each time."""

    def copy_in(self, local: Path, path: str) -> None:
        """Keep half."""
        data = local.read_bytes()
        self.put(path, data[: len(data) // 2])


def script(task: Any) -> list[dict[str, Any]]:
    """Publish the output, then work on for a while: a part is published and a beat is due."""
    return [
        {"event": "progress", "done": 0, "total": 1, "note": ""},
        {"event": "publish", "path": "echo.txt"},
        {"event": "wait", "seconds": 3},
        {"event": "progress", "done": 1, "total": 1, "note": ""},
    ]


RIGHT = whole("echo.txt")

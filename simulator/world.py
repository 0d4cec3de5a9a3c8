"""One schedule: the machines of a scenario, and the production programs that run on them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from colab.attach import Attached
from colab.config import WorkerSettings
from colab.known_jobs import KnownJobs
from colab.lease import Beater
from colab.worker import Worker
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job, Result
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.drop import ONE_MACHINE, SYNC_TOOL, Capabilities
from protocol.errors import ChannelError, JobError
from protocol.layout import DROP_CARD
from protocol.messages import ClaimTerms, DropCard
from protocol.transports.forecast import CLIMATES, WeatherForecast
from protocol.transports.memory import MemoryDrop, MemoryStore
from simulator.bench import SimulatedBench
from simulator.machine import SimulatedDrop, host
from simulator.scenario import Person, Scenario
from simulator.scheduler import Killed, Process, Scheduler

DROP_ID = "5" * 16
PATIENCE_S = 4 * 3600.0
"""The longest time that a job may take after the weather has healed."""

QUEUE_S = 1800.0
PHRASE = "the quick brown fox jumps over the lazy dog, " * 6
"""Narration is most of a real request, so it is most of what weather can damage."""

SLOW_S = {"calm": 0.02, "drive": 0.5, "harsh": 1.0, "sync": 0.02}
PACE = {
    "calm": Capabilities(local=False, settle_s=2, poll_s=2, beat_s=5),
    "drive": Capabilities(local=False, settle_s=30, poll_s=5, beat_s=30),
    "harsh": Capabilities(local=False, settle_s=30, poll_s=10, beat_s=30),
    "sync": Capabilities(local=False, settle_s=30, poll_s=5, beat_s=30, limits=SYNC_TOOL),
}
UNMARKED = Capabilities(local=True, settle_s=0, poll_s=5, beat_s=10, limits=ONE_MACHINE, folder="simulated")
"""A folder that a tool shares without a trace: it looks like one of this machine, and no party proves to be on it."""

TELL_UPLOADS = frozenset({"calm", "drive", "harsh"})
"""In these weathers a barrier knows of pending uploads, like that of a mount with a remote control."""


@dataclass(frozen=True)
class HandedOver:
    """One result that a dispatcher handed to its user."""

    job: str
    at: float
    voice: str  # "" for a plain answer, which does not name its engine
    files: dict[str, bytes]


@dataclass
class Outcome:
    """What the checkers get from one schedule."""

    scenario: Scenario
    texts: dict[str, dict[str, str]] = field(default_factory=dict)  # job → step → narration
    handed_over: list[HandedOver] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)  # job → how it ended without a result
    waiting: set[str] = field(default_factory=set)  # jobs that some process still waits for
    commits: list[tuple[str, str]] = field(default_factory=list)  # (run, status) of every successful commit
    executions: int = 0
    operations: int = 0
    trace: list[str] = field(default_factory=list)

    def digest(self) -> str:
        """Return a digest of the trace: equal for equal seeds, in any process."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]


class FrankJobs(KnownJobs):
    """The jobs of a worker that does not continue after an internal error: the schedule turns red instead."""

    def leave_alone(self, job: str, mistake: Exception, now: float) -> None:
        """End the schedule."""
        raise mistake


class World:
    """Builds and runs one scenario. `stores` gives the run database of the n-th dispatcher, empty."""

    def __init__(self, scenario: Scenario, stores: Callable[[int, Outcome], RunStore], scratch: Path) -> None:
        self.scenario, self._stores, self.scratch = scenario, stores, scratch
        self.scheduler = Scheduler()
        self.store = MemoryStore()
        self.forecast = WeatherForecast(
            CLIMATES[scenario.weather],
            Random(f"weather {scenario.seed}"),  # noqa: S311 - a schedule must be repeatable
            lambda: self.scheduler.now,
            heals_at=scenario.heals_s,
            sleep=self.scheduler.sleep,
        )
        self.outcome = Outcome(scenario)
        self._machines: list[Machine] = []
        self._waits: set[tuple[str, str]] = set()  # (dispatcher, job) that are not over yet

    def run(self) -> Outcome:
        """Run until every job has ended for every process that waits for it, or the time is up."""
        MemoryDrop(self.store).put(DROP_CARD, codec.encode(DropCard(drop=DROP_ID, id=DROP_ID)))
        for number, person in enumerate(self.scenario.dispatchers):
            self._employ(person, 0 if self.scenario.shared else number)
        for person in self.scenario.workers:
            self._machines.append(Machine(self, person, self._work))
        for machine in self._machines:
            machine.boot(machine.person.starts_s)
        self.scheduler.run(until=self.scenario.heals_s + PATIENCE_S, done=lambda: not self._waits)
        self.outcome.waiting = {job for _, job in self._waits}
        for machine in self._machines:
            machine.shut_down()
            self.outcome.operations += machine.operations
        return self.outcome

    def tell(self, who: str, what: str) -> None:
        """Write a line of the trace."""
        self.outcome.trace.append(f"{self.scheduler.now:10.3f} {who}: {what}")

    def _employ(self, person: Person, owner: int) -> None:
        """Make a dispatcher with its jobs: its own, or those of the first where both share a database."""
        store = self._stores(owner, self.outcome)
        jobs = [f"j{owner}{k}" for k in range(self.scenario.jobs)]
        self._waits |= {(person.name, job) for job in jobs}
        for job in jobs:
            self.outcome.texts[job] = {f"s{k}": f"{job} says {k}: {PHRASE}" for k in range(self.scenario.steps)}
        self._machines.append(Machine(self, person, lambda machine: self._dispatch(machine, jobs, store, owner)))

    def _dispatch(self, machine: Machine, jobs: list[str], store: RunStore, owner: int) -> None:
        """Be a script that submits jobs and waits for them, each in its own thread."""
        for job in jobs:
            if (machine.person.name, job) in self._waits:
                run = _bind(self._wait_for, machine, job, store, owner)
                self.scheduler.start(machine.process, job, run)

    def _wait_for(self, machine: Machine, job: str, store: RunStore, owner: int) -> None:
        """Submit a job, wait, and hand its result over; like a patient user, retry when the drop is unreachable."""
        steps = [{"id": step, "narration": text} for step, text in self.outcome.texts[job].items()]
        asked = Job(kind="tts", params={"steps": steps}, queue_s=QUEUE_S)
        while True:
            try:
                client = Client(
                    machine.drop(),
                    store=store,
                    results=self.scratch / f"results-{owner}",
                    terms=self._terms(),
                    host=machine.host,
                )
                result = client.submit(asked).wait()
                break
            except ChannelError as error:
                self.tell(machine.process.name, f"{job}: {type(error).__name__} {error}")
                self.scheduler.sleep(10)
            except JobError as error:
                self.tell(machine.process.name, f"{job}: {type(error).__name__} {error}")
                self.outcome.ended[job] = f"{type(error).__name__}: {error}"
                self._waits.discard((machine.person.name, job))
                return
        self._hand_over(machine, job, result)

    def _hand_over(self, machine: Machine, job: str, result: Result) -> None:
        files = {path: local.read_bytes() for path, local in result.files.items()}
        voice = str(result.engine.voice) if result.engine else ""
        self.outcome.handed_over.append(HandedOver(job, self.scheduler.now, voice, files))
        self._waits.discard((machine.person.name, job))
        self.tell(machine.process.name, f"{job}: handed over, by {voice}")

    def _terms(self) -> ClaimTerms | None:
        if self.scenario.mode == "settle":
            return None  # the client's default
        pace = _pace(self.scenario)
        prefer = self.scenario.workers[0].name if self.scenario.mode == "prefer" else None
        return ClaimTerms(
            mode=self.scenario.mode, settle_s=pace.settle_s, lease_s=8 * pace.beat_s, prefer=prefer, grace_s=60
        )

    def _work(self, machine: Machine) -> None:
        """Be a worker until killed."""
        person, drop = machine.person, machine.drop()
        at = Attached(drop=drop, drop_id=DROP_ID, worker=person.name, boot=machine.host.nonce(), host=machine.host)
        bench = SimulatedBench(self.scheduler, machine.chance, person.voice, person.health)
        settings = WorkerSettings(drop="memory:", idle_exit_s=None)
        while True:
            worker = Worker(at, settings, bench=lambda kinds, places: bench, beats=machine.beats, jobs=FrankJobs)
            try:
                worker.serve()
            except ChannelError as error:  # it could not even write its card: its owner restarts it
                self.tell(machine.process.name, f"{type(error).__name__} {error}")
                self.scheduler.sleep(30)
            finally:
                self.outcome.executions += bench.executions
                bench.executions = 0


class Machine:
    """One machine: it runs a program, is hit by the scenario's blows, and starts again."""

    def __init__(self, world: World, person: Person, program: Callable[[Machine], None]) -> None:
        self._world, self.person, self._program = world, person, program
        self.chance = Random(f"{person.name} {world.scenario.seed}")  # noqa: S311 - a schedule must be repeatable
        self.host = host(world.scheduler, person.skew, self.chance, person.name)
        self.process = Process(person.name)
        self._blows = list(person.blows)
        self._lives = 0
        self._moves = 0
        self.operations = 0

    def boot(self, after_s: float) -> None:
        """Start the program in a new process."""
        self._lives += 1
        self.process = process = Process(f"{self.person.name}.{self._lives}")
        self._world.scheduler.start(process, "main", lambda: self._program(self), after_s=after_s)

    def shut_down(self) -> None:
        """End the program for good."""
        self.operations += self.process.operations
        if self.process.alive:
            self._world.scheduler.kill(self.process)

    def drop(self) -> SimulatedDrop:
        """Return the running process's view of the drop."""
        scenario = self._world.scenario
        weather, pace = self._world.forecast.side(self._observer), _pace(scenario)
        inner = MemoryDrop(self._world.store, weather, capabilities=pace)
        slow_s, tells = SLOW_S[scenario.weather], scenario.weather in TELL_UPLOADS
        observer = self._observer
        return SimulatedDrop(
            inner,
            self._world.scheduler,
            self.process,
            self.chance,
            slow_s=slow_s,
            struck=self._struck,
            uploads_s=(lambda: self._world.forecast.arrived_s(observer)) if tells else None,
        )

    @contextlib.contextmanager
    def beats(self, beater: Beater, at: Attached) -> Iterator[None]:
        """Run a worker's beats beside it, in its process."""
        ended = False

        def run() -> None:
            while not ended:
                due = beater.beat_if_due(at.host.monotonic())
                self._world.scheduler.sleep(min(due - at.host.monotonic(), at.drop.capabilities.beat_s))

        self._world.scheduler.start(self.process, "beats", run)
        yield
        ended = True

    @property
    def _observer(self) -> str:
        """The name by which the channel knows this machine; a new one after it was lost."""
        return f"{self.person.name}-{self._moves}"

    def _struck(self, process: Process) -> None:
        """Apply the next blow to the process once it has made enough operations."""
        if not self._blows or self.operations + process.operations < self._blows[0].at:
            return
        blow = self._blows.pop(0)
        self._world.tell(process.name, f"{'stopped' if blow.stops_s else 'killed'}, {blow}")
        if blow.stops_s:
            process.frozen_until = self._world.scheduler.now + blow.stops_s
            return
        if blow.machine:
            self._world.forecast.machine_lost(self._observer)
            self._moves += 1
        self.operations += process.operations
        self._world.scheduler.kill(process)
        self.boot(blow.back_s)
        raise Killed(process.name)


def _pace(scenario: Scenario) -> Capabilities:
    """Return the capabilities of a scenario's folder."""
    return UNMARKED if scenario.unmarked else PACE[scenario.weather]


def _bind(run: Callable[..., None], *arguments: object) -> Callable[[], None]:
    return lambda: run(*arguments)

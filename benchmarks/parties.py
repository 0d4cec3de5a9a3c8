"""The candidates of the dispatch benchmark, each with a worker: gpudrop, huey's file queue, Celery's broker."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from dispatcher.drops.setup import init_drop
from dispatcher.jobs.client import Client, Handle
from dispatcher.jobs.job import Job
from dispatcher.runs.store import RunStore
from dispatcher.workers.process import ChildProcess, LocalWorker
from protocol import codec
from protocol.layout import Attempt, JobNames
from protocol.messages import Accepted, Claim, ClaimTerms, Limits, Offer, Request, Requires
from protocol.observation import read_drop_id
from protocol.transports import open_drop

READY_S = 120.0
CELERY_POLL_S = 0.01
"""When it polls every millisecond, its worker soon reads a half-written message, and stops serving after that."""

GONE_S = 20.0
"""How long to wait for the answer of a job when workers are killed."""

_HUEY = """
import os
from huey import FileHuey
huey = FileHuey("bench", path={queue!r})

@huey.task()
def echo(text):
    with open({done!r}, "a") as log:
        log.write(text + "\\n")
    return text
"""
_CELERY = """
from celery import Celery
app = Celery("bench", broker="filesystem://", backend="file://" + {results!r})
app.conf.update(
    broker_transport_options={{
        "data_folder_in": {queue!r}, "data_folder_out": {queue!r}, "control_folder": {control!r},
        **{options!r},
    }},
    worker_send_task_events=False, broker_connection_retry_on_startup=True,
)

@app.task
def echo(text):
    with open({done!r}, "a") as log:
        log.write(text + "\\n")
    return text
"""


@dataclass
class Party:
    """A running candidate: how to send a text and wait for it, and its worker's process."""

    system: str
    arm: str
    send: Callable[[str], Callable[[float], str]]  # text → how to wait for its answer
    start: Callable[[], ChildProcess]
    process: ChildProcess
    executed: Callable[[], Counter[str]]  # text → how often it was executed
    close: Callable[[], None] = lambda: None

    def pids(self) -> list[int]:
        """Return the worker's processes."""
        return [self.process.pid, *_below(self.process.pid)]

    def kill(self) -> None:
        """Kill the worker with all its children, as a power cut would, and start another."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.stop()
        self.process = self.start()


def ours(folder: Path, arm: str, finished: int) -> Party:
    """Return gpudrop; "durable" flushes every decision to disk, "equal" does not, like the others."""
    init_drop(folder / "drop")
    if finished:
        _finish_many(folder / "drop", finished)
    store = RunStore.open(f"sqlite:///{folder / 'runs.sqlite3'}", durability="full" if arm == "durable" else "relaxed")
    client = Client(folder / "drop", store=store, results=folder / "results")
    handles: list[tuple[str, str]] = []

    def send(text: str) -> Callable[[float], str]:
        handle: Handle = client.submit(Job(kind="echo", params={"text": text}))
        handles.append((text, store.get(handle.run).job))
        return lambda timeout_s: handle.wait(timeout_s).files["echo.txt"].read_text()

    def executed() -> Counter[str]:
        return Counter({text: len(list((folder / "drop" / job).glob("*.done.marker"))) for text, job in handles})

    def close() -> None:
        client.close()
        store.close()

    def start() -> ChildProcess:
        return LocalWorker(folder / "drop", folder / "worker.log")

    return Party("gpudrop", arm, send, start, start(), executed, close)


def _finish_many(root: Path, count: int) -> None:
    """Leave finished jobs in a drop, as a dispatcher that never cleans would."""
    drop = open_drop(root)
    drop_id = read_drop_id(drop, str(root))
    for number in range(count):
        job, nonce, boot = f"old-{number:06}", f"{number:016x}", "b" * 16
        params = {"text": f"old {number}"}
        digest = codec.digest("echo", params, {}, {})
        attempt, names = Attempt(1, nonce, "old"), JobNames(job)
        offer = Offer(
            drop=drop_id, id=job, dispatcher="0" * 16, kind="echo", digest=digest, inputs={}, requires=Requires(),
            claim=ClaimTerms(settle_s=0, lease_s=16), limits=Limits(),
        )  # fmt: skip
        claim = Claim(drop=drop_id, id=job, attempt=1, nonce=nonce, worker="old", boot=boot, digest=digest)
        drop.make_folder(job)
        drop.put(names.request, codec.encode(Request(params=params, job=offer)))
        drop.put(names.claim(attempt), codec.encode(claim))
        drop.put(names.accepted(1), codec.encode(Accepted(drop=drop_id, id=job, k=1, nonce=nonce, done_seal="0" * 64)))
    drop.close()


def huey(folder: Path, arm: str, finished: int) -> Party:
    """Return huey's file queue, with its defaults or "tuned" to poll every millisecond."""
    folder.mkdir(parents=True)
    done = folder / "done.txt"
    tasks = _module(folder, _HUEY.format(queue=str(folder / "queue"), done=str(done)))
    command = ["env", f"PYTHONPATH={folder}", sys.executable, "-m", "huey.bin.huey_consumer", f"{tasks.__name__}.huey"]
    command += ["-w", "1", "-n", *(["-d", "0.001", "-m", "0.001"] if arm == "tuned" else [])]
    waits = {"backoff": 1, "max_delay": 0.001} if arm == "tuned" else {}

    def send(text: str) -> Callable[[float], str]:
        result = tasks.echo(text)
        return lambda timeout_s: str(result.get(blocking=True, timeout=timeout_s, preserve=True, **waits))

    def start() -> ChildProcess:
        return ChildProcess(command, folder / "consumer.log")

    party = Party("filehuey", arm, send, start, start(), lambda: _lines(done))
    _drain(party, finished)
    return party


def celery(folder: Path, arm: str, finished: int) -> Party:
    """Return Celery's filesystem broker, with its defaults or "tuned" to poll every ten milliseconds."""
    for name in ("queue", "results", "control"):
        (folder / name).mkdir(parents=True)
    done, places = folder / "done.txt", {name: str(folder / name) for name in ("queue", "results", "control")}
    options = {"polling_interval": CELERY_POLL_S} if arm == "tuned" else {}
    tasks = _module(folder, _CELERY.format(**places, done=str(done), options=options))
    command = ["env", f"PYTHONPATH={folder}", sys.executable, "-m", "celery", "-A", tasks.__name__, "worker"]
    command += ["--pool=solo", "--loglevel=ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    waits = {"interval": 0.001} if arm == "tuned" else {}

    def send(text: str) -> Callable[[float], str]:
        result = tasks.echo.delay(text)
        return lambda timeout_s: str(result.get(timeout=timeout_s, **waits))

    def start() -> ChildProcess:
        return ChildProcess(command, folder / "worker.log")

    party = Party("celery", arm, send, start, start(), lambda: _lines(done))
    _drain(party, finished)
    return party


def _drain(party: Party, count: int) -> None:
    """Let a candidate finish many jobs whose results stay in its folder."""
    for wait in [party.send(f"old {number}") for number in range(count)]:
        wait(READY_S)


def _module(folder: Path, source: str) -> ModuleType:
    """Write and import a module of tasks, under a name that only the two sides of this candidate use."""
    name = f"tasks_{secrets.token_hex(4)}"
    (folder / f"{name}.py").write_text(source)
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _lines(path: Path) -> Counter[str]:
    return Counter(path.read_text().splitlines()) if path.exists() else Counter()


def _below(pid: int) -> Iterator[int]:
    """Yield the descendants of a process."""
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield int(child)
            yield from _below(int(child))


def cpu_s(pids: list[int]) -> float:
    """Return the CPU seconds that these processes have used."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


MAKERS: dict[str, tuple[Callable[[Path, str, int], Party], tuple[str, ...]]] = {
    "gpudrop": (ours, ("durable", "equal")),
    "filehuey": (huey, ("default", "tuned")),
    "celery": (celery, ("default", "tuned")),
}
"""`{system: (how to start it, its variants)}`."""


def wait_until_up(party: Party) -> None:
    """Return as soon as a first job has come back."""
    ends = time.monotonic() + READY_S
    while True:
        with contextlib.suppress(Exception):
            answer: Any = party.send(f"up {secrets.token_hex(4)}")(READY_S)
            if str(answer).startswith("up "):
                return
        assert time.monotonic() < ends, f"{party.system} {party.arm} does not come up"

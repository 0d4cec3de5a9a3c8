"""Attaching to a drop: open it, read its id, and create this worker's identity."""

from __future__ import annotations

import contextlib
import functools
import logging
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from colab.bench import Abilities
from protocol import codec
from protocol.drop import Drop, TimeLimits
from protocol.errors import EnvironmentNotReady, NameTaken
from protocol.fields import Message
from protocol.layout import Attempt, WorkerNames, is_worker_id
from protocol.messages import Done, Failure, Whereabouts, WorkerCard
from protocol.neighbours import Neighbours
from protocol.observation import read_drop_id
from protocol.plain import PlainDone, PlainFailure
from protocol.signing import ANONYMOUS, Identity
from protocol.transports import open_drop
from protocol.transports.host import SYSTEM, Host, may_run

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Attached:
    """An open drop, and this worker's identity there. `boot` is new at every start."""

    drop: Drop
    drop_id: str
    worker: str
    boot: str
    host: Host = SYSTEM
    identity: Identity = ANONYMOUS

    @functools.cached_property
    def neighbours(self) -> Neighbours:
        """Tells which other parties are on this machine."""
        return Neighbours(self.drop.capabilities, self.drop_id, self.host.system())

    def waits(self, where: Whereabouts | None) -> TimeLimits:
        """Return how long to wait for a party that says where it is; one that does not say may be on this machine."""
        if where is None:
            return self.drop.capabilities.limits
        return self.neighbours.limits(is_here=self.neighbours.is_here(where))

    def envelope(self, job: str, attempt: Attempt) -> dict[str, Any]:
        """Return the fields that every message about an attempt of this session has."""
        return {
            "drop": self.drop_id,
            "id": job,
            "attempt": attempt.n,
            "nonce": attempt.nonce,
            "worker": attempt.worker,
            "boot": self.boot,
        }

    def put(self, path: str, message: Message | Done | Failure | PlainDone | PlainFailure) -> None:
        """Write one of this worker's messages into the drop. A different file of that name raises NameTaken.

        The same message there already is fine: an earlier call seemed to fail, but did not.
        """
        data = codec.encode(message, self.identity.key)
        try:
            self.drop.put(path, data)
        except NameTaken:
            if self.drop.get(path, limit=codec.MAX_BYTES) != data:
                raise


def attach(address: str, worker: str | None = None, host: Host = SYSTEM, identity: Identity = ANONYMOUS) -> Attached:
    """Open the drop at `address`. One without a readable `_drop.json` raises EnvironmentNotReady with the hint."""
    drop = open_drop(address)
    with contextlib.ExitStack() as failing:
        failing.callback(drop.close)
        at = Attached(
            drop=drop,
            drop_id=read_drop_id(drop, address),
            worker=_checked_worker(worker) if worker else _new_worker_id(host),
            boot=host.nonce(),
            host=host,
            identity=identity,
        )
        failing.pop_all()  # nothing failed: it stays open
    return at


def _checked_worker(worker: str) -> str:
    if not is_worker_id(worker):
        raise EnvironmentNotReady(f"{worker!r} is not a worker name: use at most 16 letters, digits, '.', '_' and '-'")
    return worker


def _new_worker_id(host: Host) -> str:
    node = re.sub(r"[^A-Za-z0-9-]", "", platform.node().split(".")[0])[:11].strip("-") or "worker"
    return f"{node}-{host.token(2)}"


def announce(at: Attached, abilities: Abilities, beat_s: float, session_s: float | None = None) -> WorkerCard:
    """Write and return this worker's card: what it can do, on which device, and how long it expects to run."""
    card = WorkerCard(
        drop=at.drop_id,
        id=at.worker,
        worker=at.worker,
        boot=at.boot,
        kinds=tuple(abilities.engines),
        engines=abilities.engines,
        choices=abilities.choices,
        gpu=_gpu(),
        versions={"gpudrop": version("gpudrop"), "python": platform.python_version(), "os": platform.platform()},
        time_left_s=session_s,
        beat_s=beat_s,
        where=at.neighbours.here,
    )
    at.drop.make_folder(WorkerNames(at.worker).folder)
    at.put(WorkerNames(at.worker).hello(at.boot), card)
    served = ", ".join(f"{kind} ({'/'.join(it.name for it in engines)})" for kind, engines in card.engines.items())
    log.info("worker %s serves %s", at.worker, served)
    return card


def _gpu() -> str | None:
    """Return the GPU's name by its driver, or None if there is no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    asked = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        found = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return None
    return found.stdout.splitlines()[0].strip()[:200] if found.returncode == 0 and found.stdout.strip() else None


def parent_is_gone(pid: int | None) -> bool:
    """Say whether the process with which this worker has to end is gone."""
    return pid is not None and not may_run(pid)

"""A way to workers: a private drop with a worker of this machine, or the drop that is shared with others."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from dispatcher.config import Settings
from dispatcher.drops.default import Choice, adopt, choose
from dispatcher.drops.setup import check_apart, init_drop
from dispatcher.jobs.client import Client, Owner
from dispatcher.runs.store import RunStore
from dispatcher.workers.process import ResidentWorker, has_gone
from protocol.errors import EnvironmentNotReady, UsageError
from protocol.layout import WORKERS
from protocol.messages import EngineRecord, WorkerCard
from protocol.signing import ANONYMOUS, Identity
from usertext.problems import not_one_of

log = logging.getLogger(__name__)

Backend = Literal["local", "colab"]
BACKENDS: tuple[str, ...] = get_args(Backend)

START_S = 15.0
"""How long the worker of this machine may take to show its card."""

STALE_S = 3600.0
"""What a worker that was not heard of for so long has left is cleared from the private drop, whoever it was."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """An open drop. Call `keep` now and then: it starts our own worker again if that has died."""

    backend: str
    client: Client
    keep: Callable[[], None]
    cards: tuple[WorkerCard, ...]  # of the workers that were seen here; of ours alone where one was started

    def engines(self, kind: str) -> tuple[EngineRecord, ...]:
        """Return the engines for a kind: first what each worker uses unless told otherwise, neural ones before others.

        Then those that they could fetch. Empty where no worker was seen.
        """
        offers = [records for card in self.cards if (records := card.engines.get(kind))]
        usual = sorted((records[0] for records in offers), key=lambda record: record.tier != "neural")
        found: dict[str, EngineRecord] = {}
        for record in (*usual, *(record for records in offers for record in records[1:])):
            found.setdefault(record.name, record)
        return tuple(found.values())


@dataclass(frozen=True, kw_only=True)
class Private:
    """Where a worker of this machine is served from: a drop that nobody else uses, and what the worker says."""

    drop: Path
    log: Path


@contextlib.contextmanager
def connect(
    backend: str = "local",
    drop: str | Path | None = None,
    *,
    settings: Settings | None = None,
    kinds: str = "",
    private: Private | None = None,
    group: str | None = None,
    idle: Callable[[Client], bool] = lambda _client: False,
) -> Iterator[Connection]:
    """Open the way to workers for the length of a block.

    `local` starts a worker on this machine and ends it with the block; nothing else need run. `colab` goes through the
    shared folder `drop`, or the usual one. `kinds` says what the local worker is for, comma-separated; all if empty.
    `private` is where it is served from, unless that is this machine's usual place, which the end of the block clears
    of what has ended. `group` is what the runs are for. Where `idle` says that there is nothing to do here, no worker
    is started. Raises UsageError for an unknown backend and EnvironmentNotReady without a drop.
    """
    here = settings or Settings()
    if backend not in BACKENDS:
        raise UsageError(f"backend: {not_one_of(backend, BACKENDS)}")
    if backend == "local" and drop is not None:
        raise UsageError("a drop was named, but the work is done on this machine: ask for the backend colab too")
    usual = Private(drop=here.private_drop, log=here.private_log)
    owner = Owner(user=here.user, machine=here.machine, backend=backend, group=group)
    opened = _local(here, kinds, private or usual, owner, idle) if backend == "local" else _shared(drop, here, owner)
    with opened as connection:
        yield connection
        if backend == "local" and private is None:
            connection.client.clean(older_than_s=0)  # nobody else looks at this drop; who brings his own may want to


@contextlib.contextmanager
def _local(
    settings: Settings, kinds: str, private: Private, owner: Owner, idle: Callable[[Client], bool]
) -> Iterator[Connection]:
    init_drop(private.drop)
    _clear_stale(private.drop / WORKERS)
    with _client(private.drop, settings, owner, identity=ANONYMOUS) as client:
        if idle(client):
            yield Connection(backend="local", client=client, keep=lambda: None, cards=())
            return
        before = set(client.cards())
        with ResidentWorker(private.drop, private.log, beat_s=settings.beat_s, kinds=kinds) as worker:
            client.serving = cards = _await_cards(client, before, worker)
            yield Connection(backend="local", client=client, keep=worker.keep, cards=cards)


@contextlib.contextmanager
def _shared(named: str | Path | None, settings: Settings, owner: Owner) -> Iterator[Connection]:
    drop = _shared_drop(named, settings)
    with _client(drop, settings, owner, identity=settings.identity(drop)) as client:
        cards = tuple(client.cards().values())
        yield Connection(backend="colab", client=client, keep=lambda: None, cards=cards)


@contextlib.contextmanager
def _client(drop: str | Path, settings: Settings, owner: Owner, *, identity: Identity) -> Iterator[Client]:
    with RunStore.open(settings.database, durability=settings.durability) as store:
        client = Client(
            drop,
            store=store,
            results=settings.results,
            poll_s=settings.poll_s,
            beat_s=settings.beat_s,
            identity=identity,
            owner=owner,
        )
        with contextlib.closing(client):
            yield client


def _await_cards(client: Client, before: set[str], worker: ResidentWorker) -> tuple[WorkerCard, ...]:
    """Return the cards that appeared since `before`, waiting until there is one. None is no error: the job will say."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if new := {boot: card for boot, card in client.cards().items() if boot not in before}:
            return tuple(new.values())
        worker.keep()
        client.wait_for_news(0.1)
    return ()


def require_drop(named: str | Path | None, settings: Settings) -> Choice:
    """Return the shared drop, named or usual, without opening it. Raises EnvironmentNotReady where there is none."""
    choice = choose(named, settings)
    if choice is None:
        raise EnvironmentNotReady(
            "no drop was found. Make one with: gpudrop init, or name one with --drop or GPUDROP_DROP"
        )
    return choice


def _shared_drop(named: str | Path | None, settings: Settings) -> str | Path:
    """Return the shared drop, named or usual. A folder that may become a drop by itself is made one."""
    choice = require_drop(named, settings)
    check_apart(choice.address, settings.data_dir)
    if made := adopt(choice, settings):
        log.warning("%s", made)
    return choice.address


def _clear_stale(workers: Path) -> None:
    """Remove from our own disk what workers of earlier commands left: jobs would wait for them as if they lived."""
    if workers.is_dir():
        for folder in workers.iterdir():
            if has_gone(folder.name) or time.time() - _touched(folder) > STALE_S:
                shutil.rmtree(folder, ignore_errors=True)


def _touched(folder: Path) -> float:
    return max((path.stat().st_mtime for path in folder.iterdir()), default=folder.stat().st_mtime)

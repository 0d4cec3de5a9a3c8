"""Connecting to workers: a worker of this machine on a private drop, or the workers of a shared drop."""

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
from dispatcher.drops.session import DropSession
from dispatcher.drops.setup import check_apart, init_drop
from dispatcher.jobs.client import Client, Owner
from dispatcher.runs.store import RunStore
from dispatcher.workers.process import ResidentWorker, has_gone
from protocol.errors import EnvironmentNotReady, UsageError
from protocol.layout import WORKERS
from protocol.messages import EngineRecord, WorkerCard
from usertext.problems import not_one_of

log = logging.getLogger(__name__)

Backend = Literal["local", "colab"]
BACKENDS: tuple[str, ...] = get_args(Backend)

START_S = 15.0
"""How long the worker of this machine may take to write its card."""

STALE_S = 3600.0
"""Files of a worker that has been silent for this long are removed from a private drop."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """An open drop. Call `keep` regularly: it restarts this machine's own worker if that has died."""

    backend: str
    client: Client
    keep: Callable[[], None]
    cards: tuple[WorkerCard, ...]  # of the workers seen here; with a worker of this machine, only its own

    def engines(self, kind: str) -> tuple[EngineRecord, ...]:
        """Return the engines for a kind: the default of each worker, neural ones first, then the others.

        Empty if no worker was seen.
        """
        offers = [records for card in self.cards if (records := card.engines.get(kind))]
        usual = sorted((records[0] for records in offers), key=lambda record: record.tier != "neural")
        found: dict[str, EngineRecord] = {}
        for record in (*usual, *(record for records in offers for record in records[1:])):
            found.setdefault(record.name, record)
        return tuple(found.values())

    def clean(self) -> None:
        """Remove ended jobs from a private drop at once: no other machine reads them. A shared drop stays as it is."""
        if self.client.session.is_private:
            self.client.clean(older_than_s=0)


def worker_log(private_drop: Path) -> Path:
    """Return the log of the worker that serves a private drop."""
    return private_drop.with_name("worker.log")


@contextlib.contextmanager
def connect(
    backend: str = "local",
    drop: str | Path | None = None,
    *,
    settings: Settings | None = None,
    kinds: str = "",
    private: Path | None = None,
    group: str | None = None,
    idle: Callable[[Client], bool] = lambda _client: False,
) -> Iterator[Connection]:
    """Connect to workers for the length of a block.

    `local` starts a worker on this machine and stops it with the block. `colab` uses the shared folder `drop`, or the
    default one. `kinds` are those that the local worker does, comma-separated; all if empty. `private` is the drop that
    it serves, if not this machine's default private drop, from which the end of the block removes ended jobs. `group`
    is the group of the runs. If `idle` returns True, no worker is started. Raises UsageError for an unknown backend and
    EnvironmentNotReady without a drop.
    """
    here = settings or Settings()
    if backend not in BACKENDS:
        raise UsageError(f"backend: {not_one_of(backend, BACKENDS)}")
    if backend == "local" and drop is not None:
        raise UsageError("the backend local takes no drop: give the backend colab as well")
    owner = Owner(user=here.user, machine=here.machine, backend=backend, group=group)
    local = backend == "local"
    opened = _local(here, kinds, private or here.private_drop, owner, idle) if local else _shared(drop, here, owner)
    with opened as connection:
        yield connection
        if private is None:  # a caller with its own drop may want to read what is in it
            connection.clean()


@contextlib.contextmanager
def _local(
    settings: Settings, kinds: str, drop: Path, owner: Owner, idle: Callable[[Client], bool]
) -> Iterator[Connection]:
    init_drop(drop)
    _clear_stale(drop / WORKERS)
    with _client(DropSession.open_private(drop), settings, owner) as client:
        if idle(client):
            yield Connection(backend="local", client=client, keep=lambda: None, cards=())
            return
        before = set(client.cards())
        with ResidentWorker(drop, worker_log(drop), beat_s=settings.beat_s, kinds=kinds) as worker:
            client.own_workers = cards = _await_cards(client, before, worker)
            yield Connection(backend="local", client=client, keep=worker.keep, cards=cards)


@contextlib.contextmanager
def _shared(named: str | Path | None, settings: Settings, owner: Owner) -> Iterator[Connection]:
    drop = _shared_drop(named, settings)
    with _client(DropSession.open(drop, settings.identity(drop)), settings, owner) as client:
        cards = tuple(client.cards().values())
        yield Connection(backend="colab", client=client, keep=lambda: None, cards=cards)


@contextlib.contextmanager
def _client(session: DropSession, settings: Settings, owner: Owner) -> Iterator[Client]:
    with contextlib.closing(session), RunStore.open(settings.database, durability=settings.durability) as store:
        client = Client(
            session,
            store=store,
            results=settings.results,
            poll_s=settings.poll_s,
            beat_s=settings.beat_s,
            owner=owner,
        )
        with contextlib.closing(client):
            yield client


def _await_cards(client: Client, before: set[str], worker: ResidentWorker) -> tuple[WorkerCard, ...]:
    """Wait for cards that are not in `before` and return them; none is no error: the progress of a job reports it."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if new := {boot: card for boot, card in client.cards().items() if boot not in before}:
            return tuple(new.values())
        worker.keep()
        client.wait_for_news(0.1)
    return ()


def require_drop(named: str | Path | None, settings: Settings) -> Choice:
    """Return the shared drop, given or default, without opening it. Raises EnvironmentNotReady without one."""
    choice = choose(named, settings)
    if choice is None:
        raise EnvironmentNotReady(
            "no drop was found. Make one with: gpudrop init, or name one with --drop or GPUDROP_DROP"
        )
    return choice


def _shared_drop(named: str | Path | None, settings: Settings) -> str | Path:
    """Return the shared drop, given or default. A folder that may be turned into a drop without asking is made one."""
    choice = require_drop(named, settings)
    check_apart(choice.address, settings.data_dir)
    if made := adopt(choice, settings):
        log.warning("%s", made)
    return choice.address


def _clear_stale(workers: Path) -> None:
    """Remove files of earlier workers from a private drop: jobs would wait for them as if they were alive."""
    if workers.is_dir():
        for folder in workers.iterdir():
            if has_gone(folder.name) or time.time() - _touched(folder) > STALE_S:
                shutil.rmtree(folder, ignore_errors=True)


def _touched(folder: Path) -> float:
    return max((path.stat().st_mtime for path in folder.iterdir()), default=folder.stat().st_mtime)

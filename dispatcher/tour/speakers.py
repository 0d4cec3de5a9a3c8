"""Who speaks: the drop that a backend calls for, a worker on it where we start it, and what is offered there."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dispatcher.client import Client
from dispatcher.config import Settings
from dispatcher.drops import adopt, check_apart, init_drop
from dispatcher.drops import find as find_drop
from dispatcher.runs.store import RunStore
from dispatcher.workers.process import ResidentWorker
from protocol.errors import EnvironmentNotReady, UsageError
from protocol.messages import WorkerCard
from protocol.signing import ANONYMOUS

log = logging.getLogger(__name__)

BACKENDS = ("local", "colab", "colab-f5")
SHARED = ("colab", "colab-f5")
"""Those that speak through the folder that is shared with Colab."""

START_S = 15.0
"""How long the worker of this machine may take to show its card."""


@dataclass(frozen=True, kw_only=True)
class Speakers:
    """An open drop. Call `keep` now and then: it starts our own worker again if that has died."""

    client: Client
    keep: Callable[[], None]
    cards: tuple[WorkerCard, ...]

    def engines(self) -> tuple[str, ...]:
        """Return the speech engines of the workers seen here; empty where none was seen.

        First what they speak with unless told otherwise, neural ones before others; then what they could fetch.
        """
        offers = [records for card in self.cards if (records := card.engines.get("tts"))]
        usual = sorted((records[0] for records in offers), key=lambda record: record.tier != "neural")
        others = [record for records in offers for record in records[1:]]
        return tuple(dict.fromkeys(record.name for record in (*usual, *others)))


@contextlib.contextmanager
def open_speakers(
    backend: str, shared: str | Path | None, private: Path, log: Path, settings: Settings
) -> Iterator[Speakers]:
    """Open the shared drop for SHARED, or for `local` a private one with a worker of this machine.

    Raises UsageError for an unknown backend and EnvironmentNotReady without a drop.
    """
    if backend not in BACKENDS:
        raise UsageError(f"unknown --tts-backend {backend!r}; there are: {', '.join(BACKENDS)}")
    shares = backend in SHARED
    with contextlib.ExitStack() as stack:
        store = RunStore.open(settings.database, durability=settings.durability)
        stack.callback(store.close)
        drop = _shared_drop(shared, settings) if shares else _private_drop(private)
        client = Client(
            drop,
            store=store,
            results=settings.results,
            poll_s=settings.poll_s,
            beat_s=settings.beat_s,
            identity=settings.identity(drop) if shares else ANONYMOUS,  # the private drop is ours alone
        )
        stack.callback(client.close)
        if shares:
            yield Speakers(client=client, keep=lambda: None, cards=tuple(client.cards().values()))
            return
        before = set(client.cards())
        worker = stack.enter_context(ResidentWorker(private, log, beat_s=settings.beat_s))
        yield Speakers(client=client, keep=worker.keep, cards=_new_cards(client, before, worker))


def _new_cards(client: Client, before: set[str], worker: ResidentWorker) -> tuple[WorkerCard, ...]:
    """Return the cards that appeared since `before`, waiting until there is one. None is no error: the job will say."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if new := {boot: card for boot, card in client.cards().items() if boot not in before}:
            return tuple(new.values())
        worker.keep()
        client.wait_for_news(0.1)
    return ()


def _private_drop(path: Path) -> Path:
    init_drop(path)
    return path


def _shared_drop(named: str | Path | None, settings: Settings) -> str | Path:
    drop = find_drop(named, settings.drop, settings.home)
    if drop is None:
        raise EnvironmentNotReady(
            "no drop was found. Say where it is with --colab-drive-path or COLAB_TTS_DRIVE_PATH, or run: gpudrop init"
        )
    check_apart(drop, settings.data_dir)
    if adopt(drop):
        log.warning("%s has served the simple form only; it is a drop now, and old workers go on as before", drop)
    return drop

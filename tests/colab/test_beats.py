"""The beats of a worker, by their own thread."""

from __future__ import annotations

import logging

import pytest

from colab.attach import Attached
from colab.config import WorkerSettings
from colab.ending import NOTHING_LEFT
from colab.lease import Beater, BeatThread
from colab.worker import Worker
from protocol.layout import WorkerNames
from protocol.observation import WorkerReader
from protocol.transports.memory import MemoryDrop, MemoryStore
from tests.support.drops import wait_for
from tests.support.workers import DROP_ID, Clock, FakeBench, drop_in


class Mistaken(MemoryDrop):
    """A drop that makes a mistake nobody thought of, as often as it is told to."""

    mistakes = 2

    def put(self, path: str, data: bytes) -> None:
        if self.mistakes:
            self.mistakes -= 1
            raise RuntimeError("nobody thought of this")
        super().put(path, data)


def test_a_mistake_ends_no_beats(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a beat meets, it is logged with its trace, and the next one follows: a lease hangs on them."""
    drop = Mistaken(MemoryStore())
    at = Attached(drop=drop, drop_id="d" * 16, worker="w", boot="b" * 16)
    drop.make_folder(WorkerNames("w").folder)
    with caplog.at_level(logging.WARNING, "colab.lease"), BeatThread(Beater(at, 0.01), at):
        wait_for(lambda: len(drop.list(WorkerNames("w").folder)) > 1, 20)
    assert len([record for record in caplog.records if record.exc_info]) == 2


def test_a_worker_that_ends_says_so_in_its_last_beat() -> None:
    """Nobody has to wait for its silence: the last beat of the session says that it is the last, and holds nothing."""
    drop = drop_in(MemoryDrop(MemoryStore()))
    clock = Clock()
    at = Attached(drop=drop, drop_id=DROP_ID, worker="w", boot="b" * 16, host=clock.host())
    worker = Worker(at, WorkerSettings(drop="memory:x", once=True), bench=lambda kinds, places: FakeBench(clock))
    assert worker.serve() is NOTHING_LEFT
    [last] = WorkerReader(drop, DROP_ID, "w").look().beats.values()
    assert (last.last, last.held) == (True, ())

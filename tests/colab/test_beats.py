"""The beats of a worker, by their own thread."""

from __future__ import annotations

import logging

import pytest

from colab.attach import Attached
from colab.lease import Beater, BeatThread
from protocol.layout import WorkerNames
from protocol.transports.memory import MemoryDrop, MemoryStore
from tests.support.drops import wait_for


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

"""A worker leaves nothing of its drop behind: no helper process, no rclone, however it ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

import colab.attach
from colab.attach import Attached, attach
from colab.config import WorkerSettings
from colab.serving import make_worker
from colab.worker import Worker
from protocol import codec
from protocol.errors import ChannelError, ChannelLost, EnvironmentNotReady, GpudropError, UsageError
from protocol.layout import DROP_CARD
from protocol.messages import DropCard
from protocol.transports.memory import MemoryDrop, MemoryStore, MemoryWatch
from tests.support.workers import DROP_ID, Clock, FakeBench


class Closable(MemoryDrop):
    """A drop that counts how often it was closed."""

    closed = 0
    watches = True

    def watch(self) -> MemoryWatch:
        if not self.watches:
            raise ChannelLost("the mount is gone")
        return super().watch()

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def drop(monkeypatch: pytest.MonkeyPatch) -> Closable:
    """Let every address open this drop."""
    made = Closable(MemoryStore())
    made.put(DROP_CARD, codec.encode(DropCard(drop=DROP_ID, id=DROP_ID)))
    monkeypatch.setattr(colab.attach, "open_drop", lambda address: made)
    return made


def unreachable(drop: Closable) -> None:
    drop.weather.fails = lambda operation, path: ChannelError("no")


@pytest.mark.parametrize(
    ("settings", "spoil", "error"),
    [
        ({}, lambda drop: drop.delete(DROP_CARD), EnvironmentNotReady),
        ({}, unreachable, ChannelError),
        ({"name": "no/name"}, lambda drop: None, EnvironmentNotReady),
        ({"kinds": ("nonsense",)}, lambda drop: None, UsageError),
    ],
    ids=["no drop yet", "unreachable", "a bad name", "a bad kind"],
)
def test_a_worker_that_cannot_begin_closes_its_drop(
    drop: Closable, settings: dict[str, object], spoil: Callable[[Closable], None], error: type[GpudropError]
) -> None:
    """Running the notebook's last cell again and again piles nothing up."""
    spoil(drop)
    with pytest.raises(error):
        make_worker(WorkerSettings(drop="somewhere", **settings))
    assert drop.closed == 1


@pytest.mark.parametrize("trouble", ["none", "no watch", "no announcement", "interrupted"])
def test_a_worker_that_ends_closes_its_drop(drop: Closable, trouble: str) -> None:
    """Once, and after everything else: when it is done, when the drop fails at the start, when it is interrupted."""
    clock = Clock()
    at = Attached(drop=drop, drop_id=DROP_ID, worker="w", boot="a" * 16, host=clock.host())
    bench = FakeBench(clock)
    drop.watches = trouble != "no watch"
    if trouble == "no announcement":
        unreachable(drop)
    ends: list[int] = []
    worker = Worker(
        at,
        WorkerSettings(drop="memory:test", once=trouble == "none"),
        bench=lambda kinds, places: bench,
        beats=lambda beater, at: _interrupting() if trouble == "interrupted" else contextlib.nullcontext(),
    )
    bench.kill = lambda: ends.append(drop.closed)  # type: ignore[method-assign]
    with contextlib.suppress(ChannelError, KeyboardInterrupt):
        worker.serve()
    assert drop.closed == 1
    assert ends == ([] if trouble == "no watch" else [0])


@contextlib.contextmanager
def _interrupting():  # type: ignore[no-untyped-def]
    raise KeyboardInterrupt
    yield


def test_what_is_attached_stays_open(drop: Closable) -> None:
    """Only what failed is closed."""
    assert attach("somewhere").drop is drop
    assert not drop.closed

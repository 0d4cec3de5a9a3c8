"""Looking at one worker's folder again and again."""

from __future__ import annotations

import pytest

from protocol import codec
from protocol.layout import WorkerNames
from protocol.messages import Beat
from protocol.observation import WorkerReader
from protocol.transports.memory import MemoryDrop, MemoryStore

DROP, BOOT, NAMES = "d" * 16, "b" * 16, WorkerNames("w")


class Counting(MemoryDrop):
    """A drop that counts what is read."""

    reads = 0

    def get(self, path: str, *, limit: int, copy: int = 0) -> bytes:
        self.reads += 1
        return super().get(path, limit=limit, copy=copy)


@pytest.fixture
def drop() -> Counting:
    made = Counting(MemoryStore())
    made.make_folder(NAMES.folder)
    return made


def beat(drop: MemoryDrop, seq: int) -> None:
    """Write a beat, and delete the ninth before it."""
    told = Beat(drop=DROP, id="w", worker="w", boot=BOOT, seq=seq, at=0)
    drop.put(NAMES.beat(BOOT, seq), codec.encode(told))
    drop.delete(NAMES.beat(BOOT, seq - 8))


def test_a_reader_holds_no_more_than_there_is(drop: Counting) -> None:
    """Of a night of beats those are remembered that still lie there, and the newest is known all the time."""
    reader = WorkerReader(drop, DROP, "w")
    for seq in range(1, 200):
        beat(drop, seq)
        assert reader.look().beats[BOOT].seq == seq
    assert len(reader._reader._good) <= 8
    drop.weather.hides = lambda path: "beat" in path
    assert reader.look().beats[BOOT].seq == 199  # one blank listing is no evidence (R12)


def test_a_beat_that_went_while_it_was_read_costs_one_look(drop: Counting) -> None:
    """What could not be read is tried again as long as it is there; afterwards an unchanged folder is not read anew."""
    reader = WorkerReader(drop, DROP, "w")
    drop.put(NAMES.beat(BOOT, 1), b"torn")
    for _ in range(2):
        before = drop.reads
        assert reader.look().beats == {}
        assert drop.reads == before + 1
    drop.delete(NAMES.beat(BOOT, 1))
    beat(drop, 9)
    assert reader.look() is reader.look()

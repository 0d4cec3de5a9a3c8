"""Beats beside whatever a test does on a drop, by the thread that a worker uses for them."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from colab.lease import KEPT_BEATS
from protocol.drop import Drop


@dataclass
class Beats:
    """What a thread has written: `count` beats, of which the newest `kept` are there."""

    drop: Drop
    folder: str
    kept: int = KEPT_BEATS
    count: int = 0
    failed: list[BaseException] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)  # one was deleted: the worker has beaten for long

    @property
    def names(self) -> list[str]:
        """The beats that must be there."""
        return [f"beat-{seq}" for seq in range(max(1, self.count - self.kept + 1), self.count + 1)]

    def beat(self) -> None:
        """Write a beat and delete the one that is too old."""
        seq = self.count + 1
        self.drop.put(f"{self.folder}/beat-{seq}", b"x")
        if seq > self.kept:
            self.drop.delete(f"{self.folder}/beat-{seq - self.kept}")
        self.count = seq
        if seq > self.kept:
            self.enough.set()


@contextlib.contextmanager
def beating(drop: Drop, folder: str, *, every_s: float = 0.0) -> Iterator[Beats]:
    """Beat for the length of a block, which begins when the first beat was deleted: every so often, or all the time.

    What goes wrong in the thread is raised here. Threads take turns much more often than usual meanwhile.
    """
    drop.make_folder(folder)
    beats, ended = Beats(drop, folder), threading.Event()

    def run() -> None:
        try:
            while not ended.wait(every_s if beats.enough.is_set() else 0):
                beats.beat()
        except BaseException as error:
            beats.failed.append(error)
            beats.enough.set()

    thread, before = threading.Thread(target=run, name="beats"), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread.start()
    try:
        assert beats.enough.wait(60)
        yield beats
    finally:
        ended.set()
        thread.join(60)
        sys.setswitchinterval(before)
    for error in beats.failed:
        raise error

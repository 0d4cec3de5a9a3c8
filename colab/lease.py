"""Taking a job and holding it: the claim, and the beats that keep it."""

from __future__ import annotations

import logging
import secrets
import threading
import time

from colab.attach import Attached
from protocol import codec
from protocol.claims import IDLE_FACTOR, LEASE_BEATS
from protocol.errors import ChannelError, NameTaken
from protocol.layout import Attempt, JobNames, WorkerNames
from protocol.messages import Beat, Claim, Held

KEPT_BEATS = 8

log = logging.getLogger(__name__)


def beat_every(beat_s: float, lease_s: float) -> float:
    """Return the pace of beats for a lease: the drop's own, or faster where the request wants a short lease."""
    return min(beat_s, lease_s / LEASE_BEATS)


def take(at: Attached, job: str, n: int, digest: str) -> tuple[Attempt, Claim] | None:
    """Claim attempt `n`, or return None when another worker of this machine has its turn already."""
    attempt = Attempt(n, secrets.token_hex(8), at.worker)
    names = JobNames(job)
    if at.drop.capabilities.local:
        try:
            at.drop.put(names.turn(n), attempt.nonce.encode())
        except NameTaken:
            return None
    claim = Claim(
        drop=at.drop_id, id=job, attempt=n, nonce=attempt.nonce, worker=at.worker, boot=at.boot, digest=digest
    )
    at.drop.put(names.claim(attempt), codec.encode(claim))
    return attempt, claim


class Beater:
    """Beats for the whole worker from a thread of its own, faster while a job is held."""

    def __init__(self, at: Attached, beat_s: float) -> None:
        self._at, self._idle_s = at, beat_s * IDLE_FACTOR
        self._beat_s = beat_s
        self._seq = 0
        self._held: tuple[Held, ...] = ()
        self._every_s = self._idle_s
        self._wake = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="beats", daemon=True)

    def __enter__(self) -> Beater:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._wake.set()
        self._thread.join(30)

    def hold(self, held: Held, lease_s: float) -> None:
        """From now on say that this attempt is held, at the pace of its lease."""
        self._held = (held,)
        self._every_s = beat_every(self._beat_s, lease_s)
        self._wake.set()

    def progress(self, held: Held) -> None:
        """Say how far the held attempt is, with the next beat."""
        self._held = (held,)

    def release(self) -> None:
        """Hold nothing any more."""
        self._held = ()
        self._every_s = self._idle_s

    def _run(self) -> None:
        due = time.monotonic() + self._every_s
        while not self._ended:
            self._wake.wait(max(0.0, due - time.monotonic()))
            if self._wake.is_set():
                self._wake.clear()
                due = min(due, time.monotonic() + self._every_s)
            elif not self._ended:
                self._beat()
                due = time.monotonic() + self._every_s

    def _beat(self) -> None:
        at, seq = self._at, self._seq + 1
        beat = Beat(
            drop=at.drop_id, id=at.worker, worker=at.worker, boot=at.boot, seq=seq, at=time.time(), held=self._held
        )
        names = WorkerNames(at.worker)
        self._seq = seq
        try:
            at.drop.put(names.beat(at.boot, seq), codec.encode(beat))
            if seq > KEPT_BEATS:
                at.drop.delete(names.beat(at.boot, seq - KEPT_BEATS))
        except ChannelError as error:
            log.warning("beat %d did not get through: %s", seq, error)

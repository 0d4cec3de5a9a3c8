"""Taking and holding a job: the claim, and the heartbeats that keep it."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from collections.abc import Sequence

from colab.attach import Attached
from colab.persist import persist
from protocol.claims import IDLE_FACTOR, LEASE_BEATS
from protocol.drop import Entry
from protocol.errors import ChannelError, NameMissing, NameTaken
from protocol.layout import PROBES, Attempt, JobNames, WorkerNames, parse_probe
from protocol.messages import Beat, Claim, Failure, FailureJob, Held
from protocol.plain import PlainFailure

KEPT_BEATS = 8
GIVE_UP_S = 60.0
AFTER_MISTAKE_S = 1.0

log = logging.getLogger(__name__)


def beat_every(beat_s: float, lease_s: float) -> float:
    """Return the interval of heartbeats for a lease: the drop's own, or shorter if the request has a short lease."""
    return min(beat_s, lease_s / LEASE_BEATS)


def take(at: Attached, job: str, n: int, digest: str) -> Attempt | None:
    """Claim attempt `n`, or return None if another worker of this machine has taken the turn."""
    attempt = Attempt(n, at.host.nonce(), at.worker)
    names = JobNames(job)
    if at.drop.capabilities.local:
        try:
            at.drop.put(names.turn(n), attempt.nonce.encode())
        except NameTaken:
            return None
    at.put(names.claim(attempt), Claim(**at.envelope(job, attempt), digest=digest))
    return attempt


def give_up(at: Attached, job: str, attempt: Attempt, digest: str) -> None:
    """Release an attempt that is not worked on, so that no one has to wait for its lease to lapse."""
    code = FailureJob(**at.envelope(job, attempt), digest=digest, code="RELEASED", retryable=True)
    marker = Failure(plain=PlainFailure(error="this attempt is not worked on"), job=code)
    path = JobNames(job).error(attempt)
    with contextlib.suppress(NameTaken):  # it has ended in another way, which is not visible yet
        persist(at.host, path, lambda: at.put(path, marker), for_s=GIVE_UP_S)


class Beater:
    """Sends heartbeats for the whole worker, faster while a job is held. Its caller calls `beat_if_due` repeatedly."""

    def __init__(self, at: Attached, beat_s: float) -> None:
        self._at, self._beat_s = at, beat_s
        self._every_s = beat_s * IDLE_FACTOR
        self._last = at.host.monotonic()
        self._seq = 0
        self._held: tuple[Held, ...] = ()
        self._probe: str | None = None
        self.hurried = threading.Event()  # the interval has changed: a thread that waits must ask again

    def hold(self, held: Held, lease_s: float) -> None:
        """From now on report that this attempt is held, at the interval of its lease."""
        self._held = (held,)
        self._every_s = beat_every(self._beat_s, lease_s)
        self.hurried.set()

    def echo(self, probe: str | None) -> None:
        """Report a probe, at once and with every heartbeat until there is another one or none."""
        if probe != self._probe:
            self._probe = probe
            if probe is not None:
                self._last = -math.inf
                self.hurried.set()

    def progress(self, held: Held) -> None:
        """Report the progress of the held attempt with the next heartbeat."""
        self._held = (held,)

    def release(self) -> None:
        """Hold nothing any more."""
        self._held = ()
        self._every_s = self._beat_s * IDLE_FACTOR

    def beat_if_due(self, now: float) -> float:
        """Send a heartbeat if it is time, and return when the next one is due, by the same clock as `now`."""
        if now >= self._last + self._every_s:
            self._last = now
            self._beat()
        return self._last + self._every_s

    def say_last(self) -> None:
        """Announce the end of this session, so that no one waits for this worker until its lease lapses."""
        self._held = ()
        self._beat(last=True)

    def _beat(self, *, last: bool = False) -> None:
        at, seq = self._at, self._seq + 1
        beat = Beat(
            drop=at.drop_id,
            id=at.worker,
            worker=at.worker,
            boot=at.boot,
            seq=seq,
            at=at.host.wall(),
            held=self._held,
            probe=self._probe,
            last=True if last else None,
        )
        names = WorkerNames(at.worker)
        self._seq = seq
        try:
            at.put(names.beat(at.boot, seq), beat)
            if seq > KEPT_BEATS:
                at.drop.delete(names.beat(at.boot, seq - KEPT_BEATS))
        except ChannelError as error:
            log.warning("heartbeat %d could not be written: %s", seq, error)


class BeatThread:
    """Sends heartbeats in a thread beside the work, so that a busy main thread does not lose the lease."""

    def __init__(self, beater: Beater, at: Attached) -> None:
        self._beater, self._host = beater, at.host
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="beats", daemon=True)

    def __enter__(self) -> BeatThread:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._beater.hurried.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._ended:
            due = self._beat_if_due(self._host.monotonic())
            self._beater.hurried.wait(max(0.0, due - self._host.monotonic()))
            self._beater.hurried.clear()

    def _beat_if_due(self, now: float) -> float:
        """Send a heartbeat and return when the next one is due; a bug must not silently end the heartbeats."""
        try:
            return self._beater.beat_if_due(now)
        except Exception:
            log.exception("a heartbeat could not be written; trying again")
            return now + AFTER_MISTAKE_S


def newest_probe(at: Attached, root: Sequence[Entry]) -> str | None:
    """Return the newest probe in the drop, by the listing of its root; usually there is no folder, and no cost."""
    if not any(entry.name == PROBES and entry.is_folder for entry in root):
        return None
    try:
        found = [(entry.modified or 0, probe) for entry in at.drop.list(PROBES) if (probe := parse_probe(entry.name))]
    except NameMissing:
        return None
    return max(found, key=lambda it: (it[0], int(it[1].rpartition("-")[2])))[1] if found else None

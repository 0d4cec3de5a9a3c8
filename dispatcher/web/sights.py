"""The latest look at the workers and at what is wrong. A drop may take seconds to answer, and no page waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from protocol.errors import GpudropError

log = logging.getLogger(__name__)

FRESH_S = 8.0
"""A look this young is shown without a new one."""

CLOSE_S = 25.0

FIRST_S = 1.5
"""So long the first page waits for the first look."""


@dataclass(frozen=True, kw_only=True)
class WorkersAndFaults:
    """What was seen, and when; `error` says why a look failed."""

    at: float
    workers: Sequence[Any] = ()
    faults: Sequence[Any] = ()
    error: str = ""


class StatusPoller:
    """Looks when somebody asks, in a thread of its own, one look at a time."""

    def __init__(
        self,
        workers: Callable[[float], Sequence[Any]],
        faults: Callable[[float], Sequence[Any]],
        clock: Callable[[], float],
    ) -> None:
        self._workers, self._faults, self._clock = workers, faults, clock
        self._turn = threading.Lock()
        self._first = threading.Event()
        self._latest: WorkersAndFaults | None = None

    def latest(self) -> WorkersAndFaults | None:
        """Return what was seen last, and look anew if that is old; None where the first look takes long."""
        if self._latest is None or self._clock() - self._latest.at > FRESH_S:
            self._begin()
        self._first.wait(FIRST_S)
        return self._latest

    def forget(self) -> None:
        """Let the next page look anew."""
        if self._latest is not None:
            self._latest = WorkersAndFaults(at=0, workers=self._latest.workers, faults=self._latest.faults)

    def close(self) -> None:
        """Look no more; a look under way is waited for, as long as a drop may take to answer."""
        self._turn.acquire(timeout=CLOSE_S)

    def _begin(self) -> None:
        if self._turn.acquire(blocking=False):
            threading.Thread(target=self._look, name="dashboard-sights", daemon=True).start()

    def _look(self) -> None:
        try:
            now = self._clock()
            self._latest = WorkersAndFaults(at=now, workers=self._workers(now), faults=self._faults(now))
        except GpudropError as error:
            self._latest = WorkersAndFaults(at=self._clock(), error=str(error))
        except Exception:
            log.exception("looking at the workers failed")
            self._latest = WorkersAndFaults(
                at=self._clock(), error="looking at the workers failed: the terminal says how"
            )
        finally:
            self._first.set()
            self._turn.release()

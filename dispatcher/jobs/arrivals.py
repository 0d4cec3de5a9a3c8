"""How the data of attempts arrives: how much of it is here, when it last grew, and how fast it comes.

A sync tool brings small files at once and large ones slowly, under a name of its own until they are whole. As long as
something grows nobody has to do anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocol.layout import Attempt, parse_job_name
from protocol.messages import OutputFile
from protocol.observation import Observation


def on_the_way(seen: Observation, files: Iterable[OutputFile]) -> tuple[int, int]:
    """Return how many bytes of these outputs have arrived, in any file, and how many there will be."""
    wanted: dict[str, int] = {}
    for file in files:
        wanted[file.in_] = max(wanted.get(file.in_, 0), (file.at or 0) + file.size)
    here = sum(min(size, seen.coming.get(name, 0)) for name, size in wanted.items())
    return here, sum(wanted.values())


@dataclass
class _Data:
    """The outputs of one attempt at the last look. Times are of this machine's monotonic clock."""

    since: float  # when they were first looked at
    grew: float  # when they last changed
    here: dict[str, int]  # output → bytes that have arrived
    at_first: int = 0  # bytes at the first look of this process


class Arrivals:
    """Measures how the outputs of every attempt at one job arrive."""

    def __init__(self) -> None:
        self._before: Observation | None = None
        self._data: dict[Attempt, _Data] = {}

    def look(self, seen: Observation, now: float) -> list[Attempt]:
        """Record a look; return the attempts whose data has grown since the last one."""
        before, self._before = self._before, seen
        if seen is before:
            return []
        grown = []
        for attempt, here in _by_attempt(seen).items():
            if before is None:  # it may have arrived long ago
                self._data[attempt] = _Data(now, now, here, sum(here.values()))
                continue
            data = self._data.setdefault(attempt, _Data(now, now, {}))
            if here != data.here:
                data.here, data.grew = here, now
                grown.append(attempt)
        return grown

    def grew_at(self, attempt: Attempt, now: float) -> float:
        """Return when data of an attempt last arrived; the first call starts the wait for it."""
        return self._data.setdefault(attempt, _Data(now, now, {})).grew

    def last_grew(self) -> float | None:
        """Return when data of any attempt last arrived, None if none has."""
        return max((data.grew for data in self._data.values() if data.grew > data.since), default=None)

    def bytes_per_s(self, attempt: Attempt) -> float | None:
        """Return the rate at which an attempt's data has arrived so far, None before any has."""
        data = self._data.get(attempt)
        if data is None or data.grew <= data.since:
            return None
        gained = sum(data.here.values()) - data.at_first
        return gained / (data.grew - data.since) if gained > 0 else None


def _by_attempt(seen: Observation) -> dict[Attempt, dict[str, int]]:
    found: dict[Attempt, dict[str, int]] = {}
    for output, size in seen.coming.items():
        name = parse_job_name(output)
        assert name is not None and name.attempt is not None  # noqa: PT018 - only outputs are there, which have one
        found.setdefault(name.attempt, {})[output] = size
    return found

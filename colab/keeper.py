"""Results that were delivered and are kept until their owner has taken them (FORMAT.md R10)."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from colab.publish import Delivered
from protocol.observation import Observation
from protocol.transports.host import Host

KEEP_S = 1800.0
"""How long a result is kept at least; then the oldest go, where room is short."""

ROOM_BYTES = 2 << 30

log = logging.getLogger(__name__)


class Keeper:
    """Keeps delivered results, publishes parts of them again when they are missed, and lets them go when taken."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._kept: dict[str, Delivered] = {}

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs whose owner has not said yet whether it has the result."""
        return tuple(self._kept)

    def keep(self, job: str, delivered: Delivered) -> None:
        """Keep a result; one of an earlier attempt at the job is no longer of use."""
        self.drop(job)
        delivered.at = self._host.monotonic()
        self._kept[job] = delivered
        self._make_room()

    def drop(self, job: str) -> None:
        """Let a result go."""
        if (known := self._kept.pop(job, None)) is not None:
            known.folder.cleanup()

    def serve(self, job: str, seen: Observation) -> None:
        """Do what a look at a job calls for: let it go when it is over, publish again what is missed."""
        delivered = self._kept.get(job)
        if delivered is None:
            return
        if seen.accepted or seen.cancelled or delivered.attempt.nonce in seen.rejected:
            self.drop(job)
            return
        for need in seen.needs:
            if need.nonce == delivered.attempt.nonce and need.k not in delivered.answered:
                log.info("job %s misses %d file(s): they are published again", job, len(need.missing))
                delivered.publisher.again(need.missing)
                delivered.answered.add(need.k)

    def close(self) -> None:
        """Let everything go."""
        for job in self.jobs:
            self.drop(job)

    def _make_room(self) -> None:
        """Let the oldest results go that were kept long enough, while the disk is nearly full."""
        for job, delivered in sorted(self._kept.items(), key=lambda item: item[1].at):
            if self._host.monotonic() - delivered.at < KEEP_S or _free(Path(delivered.folder.name)) > ROOM_BYTES:
                return
            log.warning("the result of job %s is no longer kept here: the disk is nearly full", job)
            self.drop(job)


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free

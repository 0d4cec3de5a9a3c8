"""Delivered results, which are kept until their owner has accepted them (FORMAT.md R10)."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from colab.publish import Delivered
from protocol.observation import Observation
from protocol.transports.host import Host

KEEP_S = 1800.0
"""The minimum time for which a result is kept; after that the oldest go if the disk is nearly full."""

ROOM_BYTES = 2 << 30

log = logging.getLogger(__name__)


class Keeper:
    """Keeps delivered results, publishes missing parts of them again, and deletes them once they are accepted."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._kept: dict[str, Delivered] = {}

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs whose owner has not accepted or rejected the result yet."""
        return tuple(self._kept)

    def keep(self, job: str, delivered: Delivered) -> None:
        """Keep a result; that of an earlier attempt at the job is deleted."""
        self.drop(job)
        delivered.at = self._host.monotonic()
        self._kept[job] = delivered
        self._make_room()

    def drop(self, job: str) -> None:
        """Delete a result."""
        if (known := self._kept.pop(job, None)) is not None:
            known.folder.cleanup()

    def serve(self, job: str, seen: Observation) -> None:
        """React to what a job's folder holds: delete the result when the job is over, publish missing files again."""
        delivered = self._kept.get(job)
        if delivered is None:
            return
        if seen.accepted or seen.cancelled or delivered.attempt.nonce in seen.rejected:
            self.drop(job)
            return
        for need in seen.needs:
            if need.nonce == delivered.attempt.nonce and need.k not in delivered.answered:
                log.info("job %s: %d file(s) did not arrive, publishing them again", job, len(need.missing))
                delivered.publisher.again(need.missing)
                delivered.answered.add(need.k)

    def close(self) -> None:
        """Delete everything."""
        for job in self.jobs:
            self.drop(job)

    def _make_room(self) -> None:
        """While the disk is nearly full, delete the oldest results that were kept long enough."""
        for job, delivered in sorted(self._kept.items(), key=lambda item: item[1].at):
            if self._host.monotonic() - delivered.at < KEEP_S or _free(Path(delivered.folder.name)) > ROOM_BYTES:
                return
            log.warning("job %s: its result is deleted here, because the disk is nearly full", job)
            self.drop(job)


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free

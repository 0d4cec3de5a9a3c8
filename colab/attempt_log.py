"""What is logged of an attempt: a few lines in the worker's own log, and all of it in the log that is published."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from protocol.transports.host import Host
from usertext.redaction import redact

EVERY_S = 30.0
"""Between two lines of progress: a cell that has served all night can still be read."""

_ENDS = {
    "RELEASED": "handed back, for another worker or the next session",
    "CANCELLED": "ended, it is not wanted any more",
}

log = logging.getLogger(__name__)


@dataclass
class AttemptLog:
    """The log of one attempt that is published with its result. It is for people, so times are the worker's own."""

    host: Host
    lines: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add a line, without secrets."""
        self.lines.append(f"{time.strftime('%H:%M:%S', time.localtime(self.host.wall()))} {redact(text)}")

    def text(self) -> str:
        """Return the log so far."""
        return "\n".join(self.lines) + "\n"


class JobLines:
    """The lines of one attempt in the worker's own log: at its start, every 30 s while it goes on, at its end."""

    def __init__(self, host: Host, job: str, kind: str, n: int) -> None:
        self._host, self._job = host, job
        self._started = self._told = host.monotonic()
        again = f" (attempt {n})" if n > 1 else ""
        log.info("job %s: started, %s%s", job, kind, again)

    def progress(self, done: int, total: int, note: str) -> None:
        """Say how far it is, unless that was said a moment ago."""
        now = self._host.monotonic()
        if total <= 0 or now - self._told < EVERY_S:
            return
        self._told = now
        more = f", {redact(note)}" if note else ""
        log.info("job %s: %d %% after %s%s", self._job, 100 * done // total, self._age(), more)

    def delivered(self) -> None:
        """Say that the result is in the drop."""
        log.info("job %s: done in %s, the result is in the drop", self._job, self._age())

    def failed(self, code: str, why: str) -> None:
        """Say that there is no result, and why."""
        if code in _ENDS:
            log.info("job %s: %s (%s, after %s)", self._job, _ENDS[code], redact(why), self._age())
        else:
            log.error("job %s: failed after %s with %s: %s", self._job, self._age(), code, redact(why))

    def _age(self) -> str:
        seconds = self._host.monotonic() - self._started
        if seconds < 60:
            return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"

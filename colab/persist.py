"""Retrying while the channel fails: an hour of GPU work is not lost to one I/O error."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from protocol.errors import ChannelError, NameMissing, NameTaken, StorageFull
from protocol.transports.host import Host

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
PUBLISH_FOR_S = 1800.0
"""How long publishing a result is retried (FORMAT.md R10)."""

FOLDER_FOR_S = 60.0
"""How long a job's folder may seem to be gone before publishing stops, where nothing else is known."""

T = TypeVar("T")

log = logging.getLogger(__name__)


def persist(
    host: Host, what: str, act: Callable[[], T], *, for_s: float = PUBLISH_FOR_S, gone_s: float = FOLDER_FOR_S
) -> T:
    """Return what `act` returns, retrying with growing pauses while the channel fails in ways that may pass.

    Permanent errors (no room, a taken name, denied access) are raised at once, others after `for_s` seconds, and a
    missing folder after `gone_s` if that is sooner.
    """
    gone_s = min(for_s, gone_s)
    started, wait_s = host.monotonic(), FIRST_WAIT_S
    while True:
        try:
            return act()
        except (NameTaken, StorageFull):
            raise
        except ChannelError as error:
            limit_s = gone_s if isinstance(error, NameMissing) else for_s
            if not error.retryable or host.monotonic() - started + wait_s > limit_s:
                raise
            log.warning("%s: %s. Trying again in %.1f s", what, str(error).rstrip("."), wait_s)
        host.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)

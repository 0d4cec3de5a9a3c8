"""What this machine gives a program beside its files: time, sleep and randomness.

Both sides take a `Host` and use nothing else, so that the whole of their code can be run on another one: virtual time,
a clock that is a day off, ids that can be foretold.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

NONCE_BYTES = 8


@dataclass(frozen=True, kw_only=True)
class Host:
    """One machine's clock and chance. All times in seconds."""

    monotonic: Callable[[], float] = time.monotonic  # for waiting and leases: never set back, compared with no other's
    wall: Callable[[], float] = time.time  # Unix time, for people and records
    sleep: Callable[[float], None] = time.sleep
    token: Callable[[int], str] = secrets.token_hex  # this many random bytes, in hex

    def nonce(self) -> str:
        """Return what names an attempt, a boot or a drop: 16 lowercase hex digits that nobody has used."""
        return self.token(NONCE_BYTES)


SYSTEM = Host()


def may_run(pid: int) -> bool:
    """Say whether a process of this machine runs, or may run: on Windows nobody can ask without ending it."""
    if sys.platform == "win32":  # there signal 0 is Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""What a machine gives a program besides files: time, sleep, randomness, and an id of the machine.

Both sides use only a `Host` for these, so that all their code can run on a simulated one: virtual time, a clock that is
a day off, predictable ids.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NONCE_BYTES = 8

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@functools.cache
def running_system() -> str | None:
    """Return what identifies this machine until it is restarted, the same in every process; None if nothing does.

    It is a secret: only keyed hashes of it leave this machine (`protocol.neighbours`). Containers of one kernel share
    it, as they share the disk. Windows has a number for each start of one installation; it was never run there.
    """
    if sys.platform == "win32":
        return _windows_system()
    with contextlib.suppress(OSError):
        if sys.platform == "darwin":
            asked = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
            return subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False).stdout.strip() or None
        return BOOT_ID.read_text().strip() or None
    return None


def _windows_system() -> str | None:
    if sys.platform != "win32":
        return None
    import winreg

    values = (
        (r"SOFTWARE\Microsoft\Cryptography", "MachineGuid"),
        (r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters", "BootId"),
    )
    found = []
    with contextlib.suppress(OSError):
        for path, name in values:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
                found.append(str(winreg.QueryValueEx(key, name)[0]))
    return " ".join(found) if len(found) == len(values) else None


@dataclass(frozen=True, kw_only=True)
class Host:
    """One machine's clocks and randomness. All times in seconds."""

    monotonic: Callable[[], float] = time.monotonic  # for waiting and leases: never set back, compared with no other's
    wall: Callable[[], float] = time.time  # Unix time, for people and records
    sleep: Callable[[float], None] = time.sleep
    token: Callable[[int], str] = secrets.token_hex  # this many random bytes, in hex
    system: Callable[[], str | None] = running_system  # which running machine this is: secret, see there

    def nonce(self) -> str:
        """Return a new id for an attempt, a boot or a drop: 16 random lowercase hex digits."""
        return self.token(NONCE_BYTES)


SYSTEM = Host()


def may_run(pid: int) -> bool:
    """Say whether a process of this machine runs, or may run: on Windows that cannot be checked without ending it."""
    if sys.platform == "win32":  # there signal 0 is Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

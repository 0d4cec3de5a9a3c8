"""A really small disk: what fills up in a test fills up as a disk does."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

AS_ROOT = ([], ["sudo", "-n"])
FILES = 200
"""A disk takes so many names."""


@contextlib.contextmanager
def small_disk(at: Path, kib: int) -> Iterator[Path]:
    """Mount a disk of so many KiB at `at`. Where nobody may mount, the test is skipped, but never on CI."""
    at.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k,nr_inodes={FILES},mode=1777", "tmpfs", str(at)]
    complaints = []
    for becoming in AS_ROOT:
        complaint = _complaint([*becoming, *mount])
        if complaint is None:
            break
        complaints.append(complaint)
    else:
        told = f"no small disk can be made here: {'; '.join(complaints)}"
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)
    try:
        yield at
    finally:
        subprocess.run([*becoming, "umount", "-l", str(at)], check=True)


def take_all_room(disk: Path) -> bytes:
    """Write into `ballast` until the disk takes no more, and return an output of one byte: a handler may call it."""
    with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as out:
        while True:
            out.write(bytes(4096))
    return b"x"


def take_every_name(disk: Path) -> list[Path]:
    """Make empty files until the disk takes no further name, and return them."""
    made: list[Path] = []
    with contextlib.suppress(OSError):
        while True:
            (disk / str(len(made))).touch()
            made.append(disk / str(len(made)))
    return made


def _complaint(command: list[str]) -> str | None:
    """Run a command; return what it complains of, None where all goes well."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return None if done.returncode == 0 else done.stderr.strip()

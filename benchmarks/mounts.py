"""How soon one rclone mount shows what was written on another: `python -m benchmarks.mounts [FILES]`.

Serves a temporary folder by WebDAV, mounts it twice, and needs rclone and FUSE. What a real remote adds is not in it.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

from protocol.drop import Drop
from protocol.errors import ChannelError
from protocol.transports import open_drop
from tests.support.drops import make_drop
from tests.support.rclone import Mount, mounted, serve

GOOD = ("--vfs-write-back=1s", "--dir-cache-time=30s", "--poll-interval=10s")
SETUPS = (("--rc, good flags", True, GOOD), ("no --rc, good flags", False, GOOD), ("--rc, default flags", True, ()))
BYTES = 1000
EVERY_S = 0.05
PATIENCE_S = 400.0


def main(files: int) -> None:
    """Measure every setup."""
    for label, rc, flags in SETUPS:
        with tempfile.TemporaryDirectory() as made:
            print(f"{label}: {measure(Path(made), rc, flags, files)}", flush=True)


def measure(place: Path, rc: bool, flags: tuple[str, ...], files: int) -> str:
    """Write files on one mount and wait for each on the other; return the medians and the worst."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serve("webdav", place / "served"))
        make_drop(server.folder / "drop")
        both = [Mount(server.remote, place / name, place / f"cache-{name}", rc=rc, flags=flags) for name in "ab"]
        here, there = (
            stack.enter_context(contextlib.closing(open_drop(stack.enter_context(mounted(mount)).at / "drop")))
            for mount in both
        )
        here.make_folder("job")
        timed(here, there, "job/first")  # until then the other mount does not know the folder
        rows = [timed(here, there, f"job/{number}") for number in range(files)]
    put, barrier, seen = (list(column) for column in zip(*rows, strict=True))
    return (
        f"put {statistics.median(put) * 1000:.1f} ms, barrier {statistics.median(barrier):.2f} s, "
        f"seen after {statistics.median(seen):.2f} s, at worst {max(seen):.2f} s ({files} files)"
    )


def timed(here: Drop, there: Drop, path: str) -> tuple[float, float, float]:
    """Return the time of the put, of its barrier, and from the start until the other side had read all of the file."""
    started = time.monotonic()
    here.put(path, b"x" * BYTES)
    written = time.monotonic()
    here.barrier()
    confirmed = time.monotonic()
    while not is_whole(there, path):
        if time.monotonic() > started + PATIENCE_S:
            raise SystemExit(f"{path} was not seen within {PATIENCE_S:.0f} s")
        time.sleep(EVERY_S)
    return written - started, confirmed - written, time.monotonic() - started


def is_whole(there: Drop, path: str) -> bool:
    """Poll as a reader does: list the folder, then read what is listed."""
    folder, name = path.split("/")
    try:
        listed = any(entry.name == name for entry in there.list(folder))
        return listed and len(there.get(path, limit=BYTES)) == BYTES
    except ChannelError:
        return False


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)

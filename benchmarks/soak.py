"""Jobs over real rclone, with everything that can be killed killed: what is lost, what is doubled, how long it takes.

    .venv/bin/python -m benchmarks.soak [--jobs 3] [--only TEXT] [--json FILE]

For each ground (two mounts of one served remote: WebDAV and SFTP, every cache mode, slow lines, a tiny cache disk; or
no mount at all) jobs go from a client on one side to a worker on the other, while one thing at a time is struck: the
worker killed, a mount killed and mounted again, a mount stopped for some seconds, the server killed and started again.
Every result is verified by the client; it is compared with what was asked for once more here. Needs rclone and FUSE.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dispatcher.client import Client
from dispatcher.jobs import Job
from dispatcher.runs.store import RunStore
from protocol.errors import ChannelError, JobError
from protocol.messages import ClaimTerms
from tests.support.drops import make_drop, start_worker
from tests.support.rclone import Mount, Server, mounted, serve

JOB_S = 240.0
STOPPED_S = 8.0
TERMS = ClaimTerms(settle_s=3, lease_s=20)


@dataclass(frozen=True)
class Ground:
    """What the jobs go over."""

    name: str
    kind: str  # what is served
    mode: str | None = "full"  # of the mounts' cache; None: no mount
    flags: tuple[str, ...] = ()
    tiny_cache: bool = False


GROUNDS = (
    *(Ground(f"{kind}, cache {mode}", kind, mode) for kind in ("webdav", "sftp") for mode in ("off", "writes", "full")),
    Ground("webdav, 4 calls a second", "webdav", flags=("--tpslimit=4",)),
    Ground("webdav, 200 kB a second", "webdav", flags=("--bwlimit=200k",)),
    Ground("webdav, cache disk of 16 MB", "webdav", tiny_cache=True),
    Ground("webdav, no mount", "webdav", None),
    Ground("sftp, no mount", "sftp", None),
)
STRIKES = ("nothing", "worker killed", "mount killed", "mount stopped", "server killed")


@dataclass
class Scene:
    """Everything that runs for one ground."""

    server: Server
    mounts: list[Mount]
    here: str
    there: str
    folder: Path
    environment: dict[str, str]
    worker: subprocess.Popen[bytes] | None = field(default=None)

    def start_worker(self) -> None:
        """Start a worker on the far side."""
        self.worker = start_worker(self.folder / "worker", "--drop", self.there, "--beat", "2", env=self.environment)

    def strike(self, what: str) -> None:
        """Strike one of them, and put it on its feet again."""
        mount = random.choice(self.mounts) if self.mounts else None
        if what == "worker killed" and self.worker is not None:
            self.worker.kill()
            self.worker.wait()
            self.start_worker()
        elif what == "mount killed" and mount is not None:
            mount.kill()
            time.sleep(2)
            mount.detach()
            mount.start()
        elif what == "mount stopped" and mount is not None:
            mount.pause()
            time.sleep(STOPPED_S)
            mount.resume()
        elif what == "server killed":
            self.server.kill()
            time.sleep(2)
            self.server.start()


def main() -> None:
    """Run, print a line a ground and strike, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2, help="jobs for each ground and strike")
    parser.add_argument("--only", default="", help="only grounds whose name holds this")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for ground in [it for it in GROUNDS if options.only in it.name]:
        with tempfile.TemporaryDirectory(prefix="gpudrop-soak-") as folder, _scene(ground, Path(folder)) as scene:
            for strike in STRIKES:
                if ground.mode is not None or not strike.startswith("mount"):
                    rows.append(_run(scene, ground, strike, options.jobs))
                    print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    total = {name: sum(row[name] for row in rows) for name in ("jobs", "lost", "wrong", "attempts")}
    print(total)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"rows": rows, "total": total}, indent=1) + "\n")
    raise SystemExit(bool(total["lost"] or total["wrong"]))


@contextlib.contextmanager
def _scene(ground: Ground, folder: Path) -> Iterator[Scene]:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serve(ground.kind, folder / "served"))
        make_drop(server.folder / "drop")
        (folder / "rclone.conf").write_text(server.config("far"))
        environment = {**os.environ, "RCLONE_CONFIG": str(folder / "rclone.conf")}
        os.environ["RCLONE_CONFIG"] = environment["RCLONE_CONFIG"]
        mounts, here, there = [], "rclone:far:drop", "rclone:far:drop"
        if ground.mode is not None:
            if ground.tiny_cache:
                stack.enter_context(_tiny_disk(folder / "cache-a"))
            mounts = [_mount(server, ground, folder, name) for name in ("a", "b")]
            for mount in mounts:
                stack.enter_context(mounted(mount))
            here, there = (str(mount.at / "drop") for mount in mounts)
        scene = Scene(server, mounts, here, there, folder, environment)
        stack.callback(lambda: scene.worker and (scene.worker.kill(), scene.worker.wait()))
        scene.start_worker()
        yield scene


def _mount(server: Server, ground: Ground, folder: Path, name: str) -> Mount:
    mount = Mount(server.remote, folder / name, folder / f"cache-{name}", mode=ground.mode or "full")
    mount.flags = (*mount.flags, *ground.flags)
    return mount


@contextlib.contextmanager
def _tiny_disk(at: Path) -> Iterator[None]:
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(at)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=False)


def _run(scene: Scene, ground: Ground, strike: str, jobs: int) -> dict[str, Any]:
    """Send jobs one after the other, striking once during each."""
    lost = wrong = attempts = 0
    started = time.monotonic()
    with RunStore.open(scene.folder / "runs.sqlite3") as store:
        client = Client(scene.here, store=store, results=scene.folder / "results", terms=TERMS, poll_s=0.5, beat_s=2)
        for number in range(jobs):
            text = f"{ground.name} {strike} {number}"
            blow = threading.Timer(random.uniform(0.5, 5), _safely(lambda: scene.strike(strike)))
            blow.start()
            try:
                handle = client.submit(Job(kind="echo", params={"text": text, "units": 3, "unit_s": 1.0}))
                result = handle.wait(JOB_S)
                wrong += result.files["echo.txt"].read_text() != text
                attempts += handle.attempts
            except (JobError, ChannelError) as error:
                lost += 1
                print(f"lost: {text}: {error}", flush=True)
            blow.join()
        client.close()
    return {
        "ground": ground.name, "struck": strike, "jobs": jobs, "lost": lost, "wrong": wrong, "attempts": attempts,
        "seconds_a_job": round((time.monotonic() - started) / jobs, 1),
    }  # fmt: skip


def _safely(act: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        try:
            act()
        except (OSError, AssertionError) as error:
            print(f"the strike itself failed: {error}", flush=True)

    return run


if __name__ == "__main__":
    main()

"""Jobs over real mounts and sync tools while processes are killed: what is lost, what is done twice, how long it takes.

    .venv/bin/python -m benchmarks.soak [--jobs 3] [--only TEXT] [--json FILE]

For each ground (two mounts of one served remote: WebDAV and SFTP, every cache mode, slow lines, a tiny cache disk; or
no mount at all; two plain folders that Syncthing or an rsync loop carries at 250 kB a second) jobs go from a client on
one side to a worker on the other, while one thing at a time is struck: the worker killed, a mount killed and mounted
again, a mount or sync tool stopped for some seconds, the server killed and started again. Over the sync tools an encode
of 30 MB and a narration of 12 steps go as well: `uploads` counts their output files, `repeats` what was done, asked for
or rejected in vain. Every result is verified by the client; it is compared with what was asked for once more here.
Needs rclone, FUSE, Syncthing and rsync.
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

from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from dispatcher.runs.store import RunStore
from protocol.errors import ChannelError, JobError
from protocol.messages import ClaimTerms
from tests.support.carried import encode_job, narration_job, travel
from tests.support.drops import make_drop, start_worker, wait_for
from tests.support.rclone import Mount, Server, mounted, serve
from tests.support.sync_tools import RsyncLoop, Tool, syncthing

JOB_S = 400.0
STOPPED_S = 8.0
TERMS = ClaimTerms(settle_s=3, lease_s=20)

LARGE_S = 1200.0
LARGE_FILM_S = 47  # about 30 MB
CARRIED_KB_PER_S = 250
CARRIERS = ("syncthing", "rsync")


@dataclass(frozen=True)
class Ground:
    """What carries the jobs."""

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
    *(Ground(f"{tool}, {CARRIED_KB_PER_S} kB a second", tool, None) for tool in CARRIERS),
)
STRIKES = ("nothing", "worker killed", "mount killed", "mount stopped", "server killed", "tool stopped")


@dataclass
class Scene:
    """Everything that runs for one kind of folder."""

    server: Server | None
    mounts: list[Mount]
    here: str
    there: str
    folder: Path
    environment: dict[str, str]
    tool: Tool | None = None
    worker: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def strikes(self) -> list[str]:
        """What can be killed or stopped here."""
        what = {"mount": self.mounts, "server": self.server, "tool": self.tool}
        return [strike for strike in STRIKES if what.get(strike.partition(" ")[0], True)]

    def start_worker(self) -> None:
        """Start a worker on the far side."""
        self.worker = start_worker(self.folder / "worker", "--drop", self.there, "--beat", "2", env=self.environment)

    def strike(self, what: str) -> None:
        """Kill or stop one of them, and start it again."""
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
        elif what == "tool stopped" and self.tool is not None:
            self.tool.pause()
            time.sleep(STOPPED_S)
            self.tool.resume()
        elif what == "server killed" and self.server is not None:
            self.server.kill()
            time.sleep(2)
            self.server.start()


def main() -> None:
    """Run, print a line per kind of folder and disturbance, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2, help="jobs for each ground and strike")
    parser.add_argument("--only", default="", help="only grounds whose name holds this")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for ground in [it for it in GROUNDS if options.only in it.name]:
        with tempfile.TemporaryDirectory(prefix="gpudrop-soak-") as folder, _scene(ground, Path(folder)) as scene:
            for row in _rows(scene, ground, options.jobs):
                rows.append(row)
                print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    total = {name: sum(row[name] for row in rows) for name in ("jobs", "lost", "wrong", "attempts")}
    print(total)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"rows": rows, "total": total}, indent=1) + "\n")
    repeats = sum(row.get("repeats", 0) for row in rows)
    raise SystemExit(bool(total["lost"] or total["wrong"] or repeats))


def _rows(scene: Scene, ground: Ground, jobs: int) -> Iterator[dict[str, Any]]:
    for strike in scene.strikes:
        yield _run(scene, ground, strike, jobs)
    if scene.tool is not None:
        for name, job in (("30 MB", encode_job(scene.folder, LARGE_FILM_S)), ("12 steps", narration_job())):
            yield _large(scene, ground, name, job)


def _large(scene: Scene, ground: Ground, name: str, job: Job) -> dict[str, Any]:
    """Send one job whose data takes far longer than its marker; count what was done more than once."""
    lost = repeats = attempts = uploads = 0
    megabytes, started = 0.0, time.monotonic()
    with RunStore.open(scene.folder / "runs.sqlite3") as store:
        client = Client(scene.here, store=store, results=scene.folder / "results")
        try:
            journey = travel(client, Path(scene.here), job, LARGE_S)
            repeats, attempts, uploads = int(not journey.is_smooth), journey.attempts, len(journey.outputs)
            megabytes = sum(path.stat().st_size for path in journey.result.files.values()) / 1e6
        except (JobError, ChannelError) as error:
            lost = 1
            print(f"lost: {ground.name} {name}: {error}", flush=True)
        client.close()
    return {
        "ground": ground.name, "struck": "nothing", "job": name, "jobs": 1, "lost": lost, "wrong": 0,
        "attempts": attempts, "uploads": uploads, "repeats": repeats, "megabytes": round(megabytes, 1),
        "seconds_a_job": round(time.monotonic() - started, 1),
    }  # fmt: skip


@contextlib.contextmanager
def _scene(ground: Ground, folder: Path) -> Iterator[Scene]:
    """Set up one kind of folder, with a worker on its far side."""
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(_carried(ground, folder) if ground.kind in CARRIERS else _served(ground, folder))
        stack.callback(lambda: made.worker and (made.worker.kill(), made.worker.wait()))
        made.start_worker()
        yield made


@contextlib.contextmanager
def _carried(ground: Ground, folder: Path) -> Iterator[Scene]:
    """Let a sync tool carry a drop from one folder to another."""
    near, far = folder / "near", folder / "far"
    far.mkdir()
    make_drop(near / "drop")
    tool = syncthing(folder / "tool", near, far, CARRIED_KB_PER_S) if ground.kind == "syncthing" else None
    with tool or RsyncLoop(near, far, CARRIED_KB_PER_S) as running:
        wait_for((far / "drop" / "_drop.json").exists)
        yield Scene(None, [], str(near / "drop"), str(far / "drop"), folder, dict(os.environ), running)


@contextlib.contextmanager
def _served(ground: Ground, folder: Path) -> Iterator[Scene]:
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
        yield Scene(server, mounts, here, there, folder, environment)


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
    """Send jobs one after another, with one disturbance during each."""
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

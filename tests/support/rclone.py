"""Real rclone for tests: remotes that it serves from a folder, and mounts of them, ended by whoever started them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

needs_rclone = pytest.mark.skipif(
    shutil.which("rclone") is None and os.environ.get("CI") != "true", reason="rclone is not installed"
)
"""Skips where rclone is missing; in CI its absence is a failure."""

needs_mounts = pytest.mark.skipif(
    (shutil.which("fusermount3") is None or not Path("/dev/fuse").exists()) and os.environ.get("CI") != "true",
    reason="there is no FUSE here",
)

USER, PASSWORD = "gpudrop", "a-test"
SERVED = (f"--user={USER}", f"--pass={PASSWORD}", "--dir-cache-time=0s", "--config=/dev/null")
START_S = 20.0


def free_port() -> int:
    """Return a loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """`rclone serve` of a folder: the remote that all mounts and transports of a test share."""

    kind: str
    folder: Path
    port: int = field(default_factory=free_port)
    limits: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def remote(self) -> str:
        """Return the remote as a connection string."""
        if self.kind == "webdav":
            return f":webdav,url='http://127.0.0.1:{self.port}',user={USER},pass={obscured()},vendor=rclone:"
        return f":sftp,host=127.0.0.1,port={self.port},user={USER},pass={obscured()}:"

    def config(self, name: str) -> str:
        """Return the remote as a section of a configuration file."""
        kind, _, options = self.remote.removesuffix(":").removeprefix(":").partition(",")
        lines = [f"[{name}]", f"type = {kind}", *(option.replace("=", " = ", 1) for option in options.split(","))]
        return "\n".join(lines).replace("'", "") + "\n"

    def start(self) -> None:
        """Serve, and return when it answers."""
        self.process = subprocess.Popen(
            ["rclone", "serve", self.kind, str(self.folder), f"--addr=127.0.0.1:{self.port}", *SERVED, *self.limits],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port, self.process)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@dataclass
class Mount:
    """`rclone mount` of a remote at a folder."""

    remote: str
    at: Path
    cache: Path
    mode: str = "full"
    rc: bool = True
    flags: tuple[str, ...] = ("--vfs-write-back=1s", "--dir-cache-time=30s", "--poll-interval=10s")
    port: int = field(default_factory=free_port)
    config: str = "/dev/null"
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Mount, and return when the folder shows the remote."""
        self.at.mkdir(exist_ok=True)
        rc = ["--rc", f"--rc-addr=127.0.0.1:{self.port}", f"--rc-user={USER}", f"--rc-pass={PASSWORD}"]
        cached = [f"--vfs-cache-mode={self.mode}", f"--cache-dir={self.cache}", f"--config={self.config}"]
        self.process = subprocess.Popen(
            ["rclone", "mount", self.remote, str(self.at), *cached, *self.flags, *(rc if self.rc else [])],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ends = time.monotonic() + START_S
        while not os.path.ismount(self.at):
            assert self.process.poll() is None, "rclone mount ended"
            assert time.monotonic() < ends, "rclone mount does not come up"
            time.sleep(0.05)

    def pause(self) -> None:
        """Let every call on the mount hang: returns when each of its threads has stopped."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def resume(self) -> None:
        """Let it answer again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash would: the mount point answers "not connected" from now on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Unmount, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            if self.process.poll() is None:
                self.kill()
        self.detach()

    def detach(self) -> None:
        """Take a dead mount away, so that it can be mounted again."""
        subprocess.run(["fusermount3", "-uz", str(self.at)], capture_output=True, check=False)


@contextlib.contextmanager
def serve(kind: str, folder: Path, *limits: str) -> Iterator[Server]:
    """Serve a folder for the length of a block."""
    folder.mkdir(exist_ok=True)
    server = Server(kind, folder, limits=limits)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def mounted(mount: Mount) -> Iterator[Mount]:
    """Mount for the length of a block."""
    try:
        mount.start()
        yield mount
    finally:
        mount.end()


def obscured() -> str:
    """Return the test's password as rclone's configuration wants it."""
    told = subprocess.run(["rclone", "obscure", PASSWORD], capture_output=True, text=True, check=True)
    return told.stdout.strip()


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when something listens."""
    ends = time.monotonic() + START_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, "the server ended"
        assert time.monotonic() < ends, "the server does not come up"
        time.sleep(0.05)

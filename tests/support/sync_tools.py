"""Real sync tools between two folders of this machine: Syncthing, and rsync again and again, both on a slow line.

Neither talks to anybody outside: Syncthing listens on loopback, with discovery, relays, NAT and reports off.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from xml.sax.saxutils import escape

import pytest

from tests.support.rclone import free_port

needs_syncthing = pytest.mark.skipif(
    shutil.which("syncthing") is None and os.environ.get("CI") != "true", reason="syncthing is not installed"
)
needs_rsync = pytest.mark.skipif(
    shutil.which("rsync") is None and os.environ.get("CI") != "true", reason="rsync is not installed"
)
"""Skip where the tool is missing; in CI its absence is a failure."""

START_S = 60.0
API_KEY = "a-test"
FOLDER = "drop"


class Tool(Protocol):
    """What keeps two folders in step."""

    def pause(self) -> None:
        """Stop for a while."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...


@dataclass
class Instance:
    """One Syncthing with one folder."""

    home: Path
    folder: Path
    port: int = field(default_factory=free_port)
    gui: int = field(default_factory=free_port)
    device: str = ""
    process: subprocess.Popen[bytes] | None = None

    def generate(self) -> None:
        """Make its keys, which name it."""
        made = ["syncthing", "generate", f"--home={self.home}", "--no-default-folder"]
        subprocess.run(made, check=True, capture_output=True)
        told = subprocess.run(
            ["syncthing", "--device-id", f"--home={self.home}"], check=True, capture_output=True, text=True
        )
        self.device = told.stdout.strip()

    def configure(self, other: Instance, kib_per_s: int) -> None:
        """Write its configuration: this folder, that other device, and nobody else."""
        devices = "".join(
            f'<device id="{it.device}" name="{it.home.name}" compression="never">'
            f"<address>tcp://127.0.0.1:{it.port}</address></device>"
            for it in (self, other)
        )
        shared = f'<device id="{self.device}"/><device id="{other.device}"/>'
        (self.home / "config.xml").write_text(
            f"""<configuration version="36">
<folder id="{FOLDER}" path="{escape(str(self.folder))}" type="sendreceive" fsWatcherEnabled="true"
 fsWatcherDelayS="1" rescanIntervalS="30">{shared}</folder>{devices}
<gui enabled="true"><address>127.0.0.1:{self.gui}</address><apikey>{API_KEY}</apikey></gui>
<options><listenAddress>tcp://127.0.0.1:{self.port}</listenAddress>
<globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>
<relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><urAccepted>-1</urAccepted>
<autoUpgradeIntervalH>0</autoUpgradeIntervalH><crashReportingEnabled>false</crashReportingEnabled>
<startBrowser>false</startBrowser><reconnectionIntervalS>2</reconnectionIntervalS>
<limitBandwidthInLan>true</limitBandwidthInLan><maxSendKbps>{kib_per_s}</maxSendKbps></options>
</configuration>
"""
        )

    def start(self) -> None:
        """Start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            ["syncthing", "serve", f"--home={self.home}", "--no-browser", "--no-restart", "--no-upgrade"],
            env={**os.environ, "STNOUPGRADE": "1", "STMONITORED": "yes"},  # one process: no monitor that starts another
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def is_connected(self) -> bool:
        """Say whether it has the other one on the line."""
        url = f"http://127.0.0.1:{self.gui}/rest/system/connections"
        request = urllib.request.Request(url, headers={"X-API-Key": API_KEY})
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=5) as answer:
            return b'"connected": true' in answer.read()
        return False

    def signal(self, number: int) -> None:
        """Send a signal to it and to what it has started."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


@dataclass
class Syncthing:
    """Two instances that know each other."""

    near: Instance
    far: Instance

    def pause(self) -> None:
        """Let the far one stand still."""
        self.far.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.far.signal(signal.SIGCONT)


@contextlib.contextmanager
def syncthing(home: Path, near: Path, far: Path, kib_per_s: int) -> Iterator[Syncthing]:
    """Keep two folders in step for the length of a block; either side sends at most so fast."""
    pair = Syncthing(Instance(home / "near", near), Instance(home / "far", far))
    both = pair.near, pair.far
    for instance in both:
        instance.generate()
    pair.near.configure(pair.far, kib_per_s)
    pair.far.configure(pair.near, kib_per_s)
    try:
        for instance in both:
            instance.start()
        ends = time.monotonic() + START_S
        while not all(it.is_connected() for it in both):
            assert time.monotonic() < ends, "the two instances do not find each other"
            time.sleep(0.2)
        yield pair
    finally:
        for instance in both:
            if instance.process is not None:
                instance.signal(signal.SIGCONT)
                instance.signal(signal.SIGKILL)
                instance.process.wait()


class RsyncLoop:
    """Copies what is new from one folder to the other and back, one after the other, and never deletes anything."""

    def __init__(self, near: Path, far: Path, kb_per_s: int) -> None:
        self._near, self._far, self._kb_per_s = near, far, kb_per_s
        self._ended, self._running = threading.Event(), threading.Event()
        self._running.set()
        self._thread = threading.Thread(target=self._run, name="rsync", daemon=True)

    def __enter__(self) -> RsyncLoop:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._running.set()
        self._thread.join(120)

    def pause(self) -> None:
        """Begin no further copy."""
        self._running.clear()

    def resume(self) -> None:
        """Go on."""
        self._running.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            for source, target in ((self._near, self._far), (self._far, self._near)):
                self._running.wait()
                copy = ["rsync", "-a", f"--bwlimit={self._kb_per_s}", "--exclude=.*.??????", f"{source}/", f"{target}/"]
                # A file that goes away meanwhile (24) is taken next time.
                done = subprocess.Popen(copy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                while done.poll() is None and not self._ended.wait(0.1):
                    pass
                if done.poll() is None:
                    done.kill()
                    done.wait()
            self._ended.wait(1.0)

"""`gpudrop worker` and `gpudrop models` in a real process: whatever ends it leaves nothing of it behind."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.jobs.job import Job
from dispatcher.workers.process import GRACE_S
from media import ffmpeg
from protocol.observation import JobReader, read_drop_id
from protocol.transports import open_drop
from tests.support.drops import OFFLINE, ROOT, client, make_drop, wait_for

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found through /proc")

GPUDROP = [sys.executable, "-c", "from dispatcher.cli import main; main()"]
LONG = Job(kind="echo", params={"text": "long", "units": 600, "unit_s": 0.1})
FILM = Path(__file__).parents[2] / "examples" / "media" / "bikes.mp4"


class Started:
    """A command of `gpudrop`, and every process that came of it: they all have its mark in their environment."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.mark = f"GPUDROP_TEST_MARK={secrets.token_hex(8)}"
        name, _, value = self.mark.partition("=")
        self.log = folder / "command.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*GPUDROP, *arguments], stdout=log, stderr=log, cwd=ROOT, env={**OFFLINE, **environment, name: value}
            )

    def processes(self) -> dict[int, str]:
        """Return what still runs of it: process id → command line."""
        found = {}
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):  # it ended while it was looked at
                if folder.name.isdigit() and self.mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        return {pid: command for pid, command in found.items() if command}  # one that has ended has none

    def end(self) -> None:
        """End whatever is left."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(20)


@contextlib.contextmanager
def started(folder: Path, *arguments: str, **environment: str) -> Iterator[Started]:
    """Start a command for the length of a block."""
    command = Started(folder, *arguments, **environment)
    try:
        yield command
    finally:
        command.end()


@pytest.fixture
def hangups() -> Iterator[None]:
    """Let commands be ended by a hangup, also where the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_releases_the_job_and_leaves_no_process(tmp_path: Path, number: signal.Signals, hangups: None) -> None:
    """The signal reaches the worker: RELEASED in the drop, its exit code, nothing left within the stop time."""
    drop = make_drop(tmp_path / "drop")
    with client(drop, tmp_path / "data") as c, started(tmp_path, "worker", "--drop", str(drop)) as worker:
        handle = c.submit(LONG)
        reader = JobReader(open_drop(drop), read_drop_id(open_drop(drop), ""), c.store.get(handle.run).job)
        wait_for(lambda: any(beat.held for _, beat in _beats(c)))
        worker.process.send_signal(number)
        assert worker.process.wait(GRACE_S) == 0, worker.log.read_text()
        wait_for(lambda: not worker.processes(), GRACE_S)
        assert [error.job.code for error in reader.look().errors.values()] == ["RELEASED"]
        assert f"stopped by {number.name}" in worker.log.read_text()


def _beats(c):
    c.workers.look(0.0)
    return [item for shown in c.workers.seen.values() for item in shown.beats.items()]


def test_a_killed_worker_leaves_neither_its_engine_nor_what_that_runs(tmp_path: Path) -> None:
    """kill -9 in the middle of an encode: the bench and its ffmpeg are gone as well."""
    drop = make_drop(tmp_path / "drop")
    film = tmp_path / "long.mp4"
    ffmpeg.find().run(["-stream_loop", "20", "-i", FILM, "-c", "copy", film])
    slow = Job(
        kind="encode",
        params={"encoder": "x265", "codec": "hevc", "preset": "slow", "height": 2160},
        inputs={"source": film},
    )
    with client(drop, tmp_path / "data") as c, started(tmp_path, "worker", "--drop", str(drop)) as worker:
        c.submit(slow)
        wait_for(lambda: any("libx265" in command for command in worker.processes().values()))
        assert len(worker.processes()) > 2
        worker.process.kill()
        worker.process.wait(10)
        wait_for(lambda: not worker.processes(), 4)


def test_wrong_options_end_it_with_their_own_code(tmp_path: Path) -> None:
    """The worker's exit code and words are the command's: 6 for a folder that is no drop, 2 for a wrong kind."""
    drop = make_drop(tmp_path / "drop")
    for code, words, more in ((6, "is not a drop", str(tmp_path)), (2, "no kind of work called nonsense", str(drop))):
        with started(tmp_path, "worker", "--drop", more, "--kinds", "nonsense" if code == 2 else "") as worker:
            assert worker.process.wait(60) == code
            assert words in worker.log.read_text()
            assert "Traceback" not in worker.log.read_text()


def test_the_default_drop_is_served(tmp_path: Path) -> None:
    """Without --drop the default drop is served, and named; where there is none, the error says what to type."""
    drop = make_drop(tmp_path / "drop")
    with started(tmp_path, "worker", "--once", GPUDROP_DROP=str(drop)) as worker:
        assert worker.process.wait(60) == 0, worker.log.read_text()
        assert f"using the drop {drop} (set by GPUDROP_DROP)" in worker.log.read_text()
    with started(tmp_path, "worker", GPUDROP_DROP="", GPUDROP_HOME=str(tmp_path)) as worker:
        assert worker.process.wait(60) == 6
        assert "gpudrop worker --drop PATH" in worker.log.read_text()


def test_a_hangup_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """Under nohup a closed terminal does not end the worker; SIGTERM does."""
    drop = make_drop(tmp_path / "drop")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with started(tmp_path, "worker", "--drop", str(drop)) as worker:
            wait_for(lambda: any(drop.glob("_workers/*/hello-*")))
            worker.process.send_signal(signal.SIGHUP)
            with pytest.raises(subprocess.TimeoutExpired):
                worker.process.wait(2)
            worker.process.send_signal(signal.SIGTERM)
            assert worker.process.wait(GRACE_S) == 0
    finally:
        signal.signal(signal.SIGHUP, before)

"""Shared by the examples: one command that records a tour, reports progress on stderr, and stops what it started.

The film's path is the last line on stdout; the exit code is the recorder's, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from dispatcher.workers.process import ChildProcess

ROOT = Path(__file__).resolve().parent.parent
READY_S = 120.0  # the first start on a slow machine compiles everything it imports
FAREWELL_S = 30.0
INTERRUPTED = 130

Filmed = Callable[[Path, Path, contextlib.ExitStack], int]
"""Makes the video: takes the output folder, a scratch folder, and the stack that stops what it starts."""


def run(make: Filmed, film: str, description: str, output: Path, arguments: Sequence[str] | None = None) -> int:
    """Make an example's video in its output folder, which is emptied first; return the recorder's exit code."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--output", type=Path, default=output, help="where the film and the logs go")
    output = parser.parse_args(arguments).output.absolute()
    signal.signal(signal.SIGTERM, _terminated)
    started = time.monotonic()
    try:
        code = _made(make, output)
    except KeyboardInterrupt:
        code = INTERRUPTED
    ended = {0: "done", INTERRUPTED: "interrupted"}.get(code, f"failed with exit code {code}; logs are in {output}")
    say(ended, since=started)
    if code == 0:
        sys.stdout.write(f"{output / film}\n")
    return code


def _terminated(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)


def say(text: str, *, since: float | None = None) -> None:
    """Print what the demo is doing."""
    took = "" if since is None else f" ({time.monotonic() - since:.0f} s)"
    sys.stderr.write(f"demo: {text}{took}\n")
    sys.stderr.flush()


def _made(make: Filmed, output: Path) -> int:
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="gpudrop-demo-", ignore_cleanup_errors=True)
        return make(output, Path(stack.enter_context(folder)), stack)


def record(tour: Path, film: Path, data: Path, *options: str) -> int:
    """Run the recorder with a run database of its own, so that nothing is reused from an earlier recording."""
    command = ["env", f"GPUDROP_DATA_DIR={data}", sys.executable, str(ROOT / "record_tour.py"), str(tour), *options]
    command += ["--work-dir", str(film.parent / "work"), "--output", str(film)]
    recorder = subprocess.Popen(command, stdout=sys.stderr)
    try:
        return recorder.wait()
    finally:
        _end(recorder)


def _end(recorder: subprocess.Popen[bytes]) -> None:
    """Let the recorder close its browser. On Ctrl-C the terminal has signalled it already; twice is harmless."""
    if recorder.poll() is not None:
        return
    recorder.send_signal(signal.SIGINT)
    try:
        recorder.wait(FAREWELL_S)
    except subprocess.TimeoutExpired:
        recorder.kill()
        recorder.wait()


@contextlib.contextmanager
def static_site(folder: Path, log: Path) -> Iterator[str]:
    """Serve a folder to this machine only, with Python's own server; yield its address once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    with ChildProcess(command, log) as server:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(server, url, "the site")
        yield url


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(server: ChildProcess, url: str, name: str) -> None:
    """Wait until a server answers. If it has ended or never answers, the demo ends and prints its log."""
    end = time.monotonic() + READY_S
    while not _answers(url):
        if not server.alive() or time.monotonic() > end:
            last = "\n".join(server.log.read_text(errors="replace").splitlines()[-5:])
            raise SystemExit(f"demo: {name} did not start; the end of {server.log}:\n{last}")
        time.sleep(0.2)


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy to this machine
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False

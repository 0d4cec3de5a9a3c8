"""Silence on real folders: workers that are started, stopped and killed, folders that go and come back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatcher.jobs.client import Client, Handle
from dispatcher.jobs.job import Job, Progress, Why
from protocol.errors import JobTimeout
from tests.support.drops import ROOT, client, make_drop, start_worker, worker

LONG = Job(kind="echo", params={"text": "long", "units": 200, "unit_s": 0.1}, lease_s=4)
SPEECH = Job(kind="tts", params={"voice": "default", "steps": [{"id": "one", "narration": "Hello."}]})
QUICK = ("--beat", "0.2", "--poll", "0.1")


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    """A drop on a real folder."""
    return make_drop(tmp_path / "drop")


@pytest.fixture
def here(drop: Path, tmp_path: Path) -> Iterator[Client]:
    """A client on it."""
    with client(drop, tmp_path / "data") as made:
        yield made


class _EnoughError(Exception):
    pass


def until(handle: Handle, what: Callable[[Progress], bool], seconds: float = 150) -> Progress:
    """Wait until something is said, and return it."""
    said: list[Progress] = []

    def look(progress: Progress) -> None:
        said.append(progress)
        if what(progress):
            raise _EnoughError

    with pytest.raises(_EnoughError):
        handle.wait(seconds, on_progress=look)
    return said[-1]


def test_it_is_said_at_once_that_no_worker_was_ever_seen(here: Client) -> None:
    """The first line comes with the submission, not after a minute."""
    started = time.monotonic()
    said = until(here.submit(SPEECH), lambda progress: True)
    assert time.monotonic() - started < 30
    assert said.why is Why.NO_WORKER_SEEN


def test_a_worker_that_went_hours_ago(drop: Path, here: Client) -> None:
    """The files that it left tell when: by their own times, as this machine sees them."""
    with worker(drop, "--name", "t4-1", "--once") as process:
        process.wait(150)
    ago = time.time() - 3 * 3600
    for path in drop.glob("_workers/t4-1/*"):
        os.utime(path, (ago, ago))
    said = until(here.submit(SPEECH), lambda progress: True)
    assert said.why is Why.WORKERS_GONE
    assert re.search(r"t4-1 was here, last heartbeat 3 h ago \(.*\d\d:\d\d", said.text)


def test_a_worker_for_another_kind(drop: Path, here: Client) -> None:
    """It lives and does not do this: that is the reason, not silence."""
    with worker(drop, "--name", "echoer", "--kinds", "echo"):
        said = until(here.submit(SPEECH), lambda progress: progress.why is not Why.NO_WORKER_SEEN)
    assert said.why is Why.KIND_MISSING
    assert "echoer does echo, not tts" in said.text


def test_a_worker_that_is_busy(drop: Path, here: Client) -> None:
    """A second job learns which one is before it, and how far that is."""
    with worker(drop, "--name", "w", *QUICK):
        first = here.submit(LONG)
        until(first, lambda progress: progress.why is Why.WORKING and progress.done > 3)
        second = here.submit(SPEECH)
        said = until(second, lambda progress: progress.why is Why.WORKER_BUSY)
        first.cancel()
        assert second.wait(150).files
    assert f"w is busy with job {here.store.get(first.run).job}" in said.text
    assert "of 200)" in said.text


def test_a_worker_that_freezes(drop: Path, here: Client) -> None:
    """SIGSTOP at work: silent at that step, then lapsed; SIGCONT and the job is done after all."""
    frozen = start_worker(drop, "--name", "w", *QUICK)
    try:
        handle = here.submit(Job(kind="echo", params={"text": "x", "units": 80, "unit_s": 0.1}, lease_s=4))
        until(handle, lambda progress: progress.why is Why.WORKING and progress.done > 3)
        os.kill(frozen.pid, signal.SIGSTOP)
        silent = until(handle, lambda progress: progress.why is Why.WORKER_SILENT)
        gone = until(handle, lambda progress: str(progress.state) == "stale")
        os.kill(frozen.pid, signal.SIGCONT)
        assert handle.wait(150).files
    finally:
        frozen.send_signal(signal.SIGCONT)
        frozen.terminate()
        frozen.wait(60)
    assert "took the job and has been silent for" in silent.text
    assert "of 80" in silent.text
    assert "no heartbeat from w" in gone.text
    assert "No other worker is here" in gone.hint


def test_a_killed_worker_at_the_timeout(drop: Path, here: Client) -> None:
    """The error at the timeout tells who was at it, at what, and when it was heard of last."""
    dying = start_worker(drop, "--name", "w", *QUICK)
    handle = here.submit(LONG)
    until(handle, lambda progress: progress.why is Why.WORKING and progress.done > 3)
    dying.kill()
    dying.wait(60)
    until(handle, lambda progress: str(progress.state) == "stale")
    with pytest.raises(JobTimeout) as timeout:
        handle.wait(0)
    assert timeout.value.why == Why.WORKER_SILENT
    assert "took the job and fell silent at" in str(timeout.value)
    assert "Workers: w: last heartbeat" in str(timeout.value)


@pytest.mark.parametrize(
    ("instead", "why"),
    [("nothing", Why.DROP_UNREACHABLE), ("empty", Why.DROP_EMPTY), ("drop", Why.DROP_CHANGED)],
)
def test_a_drop_that_goes_and_comes_back(drop: Path, here: Client, instead: str, why: Why) -> None:
    """Unmounted, empty, or another drop in its place: said with the path, waited for, and then the job is done."""
    handle = here.submit(SPEECH)
    until(handle, lambda progress: True)
    drop.rename(drop.with_name("away"))
    if instead == "empty":
        drop.mkdir()
    elif instead == "drop":
        make_drop(drop)
    said = until(handle, lambda progress: progress.why is not Why.NO_WORKER_SEEN)
    assert said.why is why
    assert str(drop) in said.text
    assert said.hint
    if drop.exists():
        drop.rename(drop.with_name("beneath"))
    drop.with_name("away").rename(drop)
    with worker(drop):
        assert handle.wait(150).files


def command(drop: Path, data: Path, *more: str) -> tuple[list[str], dict[str, str]]:
    """Return the recording command on a drop, and its environment."""
    spec = data / "tour.json"
    data.mkdir(exist_ok=True)
    steps = [{"id": "one", "url": "https://example.org", "narration": "Hello there."}]
    spec.write_text(json.dumps({"meta": {"title": "T"}, "steps": steps}))
    arguments = ["--dry-run", "--tts-backend", "colab", "--colab-drive-path", str(drop), *more]
    environment = {**os.environ, "GPUDROP_DATA_DIR": str(data / "data"), "GPUDROP_POLL_S": "0.2"}
    return [sys.executable, str(ROOT / "record_tour.py"), str(spec), *arguments], environment


def run(drop: Path, data: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the recording command to its end."""
    arguments, environment = command(drop, data, *more)
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=250, cwd=ROOT)


def test_a_log_says_it_at_once_and_ends_with_the_hint(drop: Path, tmp_path: Path) -> None:
    """Not a terminal: one plain line for the situation, not one a poll; exit 124 with everything to go on with."""
    ended = run(drop, tmp_path / "d", "--colab-timeout", "2")
    lines = ended.stderr.splitlines()
    assert ended.returncode == 124
    assert ended.stdout == ""
    assert sum("no worker was ever seen" in line for line in lines) == 2, lines
    after = lines[lines.index("narration …") + 1]
    assert after.startswith("narration: 0 % no worker was ever seen on this drop. Start the notebook")
    assert lines[-2].startswith("error: no verified result after 2 s: no worker was ever seen on this drop. Start")
    assert "run the same command to resume waiting. Workers: none" in lines[-1]


def events_of(text: str) -> list[dict[str, Any]]:
    """Return the events, every line of which must be one."""
    return [json.loads(line) for line in text.splitlines()]


def test_events_tell_the_same_to_programs(drop: Path, tmp_path: Path) -> None:
    """Every line on stderr is an event; the last is the error with its code and exit code."""
    ended = run(drop, tmp_path / "d", "--colab-timeout", "2", "--json")
    events = [event for event in events_of(ended.stderr) if event["event"] != "message"]
    assert [event["event"] for event in events] == ["stage", "progress", "stage", "error"]
    said = events[1]
    assert (said["stage"], said["state"], said["why"]) == ("narration", "offered", "NO_WORKER_SEEN")
    assert {"text", "hint", "done", "total", "waited_s", "run"} <= set(said)
    assert (events[2]["state"], events[3]["type"]) == ("failed", "JobTimeout")
    assert (events[3]["why"], events[3]["exit_code"], ended.returncode) == ("NO_WORKER_SEEN", 124, 124)
    assert events[3]["run"] == said["run"]


def test_events_of_a_run_that_ends_well(drop: Path, tmp_path: Path) -> None:
    """The result alone is on stdout; the command picks up the run that another one waited for in vain."""
    run(drop, tmp_path / "d", "--colab-timeout", "1", "--json")
    with worker(drop):
        ended = run(drop, tmp_path / "d", "--colab-timeout", "150", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["narration"]["one"]["seconds"] > 0.3
    events = events_of(ended.stderr)
    assert {"stage", "progress", "message"} <= {event["event"] for event in events}
    assert "FINISHED" in [event.get("why") for event in events]
    assert len(list(drop.glob("*/request.json"))) == 1


def test_an_unreachable_drop_does_not_end_the_command(drop: Path, tmp_path: Path) -> None:
    """The command itself waits while the drop is away, says so, and goes on when it is back."""
    arguments, environment = command(drop, tmp_path / "d", "--colab-timeout", "150", "--json")
    with subprocess.Popen(
        arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        guard = threading.Timer(240, process.kill)
        guard.start()
        assert process.stderr is not None
        seen = []
        for line in process.stderr:
            seen.append(json.loads(line).get("why"))
            if seen[-1] == "NO_WORKER_SEEN" and not drop.with_name("away").exists():
                drop.rename(drop.with_name("away"))
            elif seen[-1] == "DROP_UNREACHABLE":
                drop.with_name("away").rename(drop)
                break
        with worker(drop):
            seen += [json.loads(line).get("why") for line in process.stderr]
            process.wait(60)
        guard.cancel()
        assert process.stdout is not None
        assert json.load(process.stdout)["narration"]
    assert process.returncode == 0
    assert "FINISHED" in seen

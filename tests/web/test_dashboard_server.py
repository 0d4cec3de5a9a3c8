"""`gpudrop dashboard` as a process: its link, its end, and the runs that it finishes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dispatcher.config import Settings
from dispatcher.drops.setup import init_drop
from dispatcher.jobs.client import Client, Owner
from dispatcher.jobs.job import Job
from dispatcher.monitor.monitor import Monitor
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from dispatcher.web import building
from dispatcher.web.live import WAITING, Live, Message, Watcher
from protocol.errors import EnvironmentNotReady
from tests.support import history
from tests.support.dashboards import Dashboard

ENDS_S = 60


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the command over an empty database; it ends with the test."""
    environment = {**os.environ, "GPUDROP_DATA_DIR": str(tmp_path / "data"), "HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "dispatcher.cli", "dashboard", "--no-browser", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as running:
        yield running
        running.kill()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_with_streams_open(process: subprocess.Popen[str], how: signal.Signals) -> None:
    """With pages that listen, Ctrl-C and SIGTERM end the command at once, as a success, without a traceback."""
    assert process.stdout is not None
    assert process.stderr is not None
    link = process.stdout.readline().strip()
    with httpx.Client(follow_redirects=True, timeout=30) as client:
        assert client.get(link).status_code == 200
        base = link.partition("/?")[0]
        with client.stream("GET", f"{base}/events") as one, client.stream("GET", f"{base}/events") as other:
            assert one.headers["content-type"].startswith("text/event-stream")
            lines = [one.iter_lines(), other.iter_lines()]
            assert all(next(each).startswith((":", "retry")) for each in lines)
            process.send_signal(how)
            assert process.wait(ENDS_S) == 0
            assert "Traceback" not in "".join("".join(each) for each in lines)
    said = process.stderr.read()
    assert "Traceback" not in said
    assert "only you can open the dashboard" in said


def test_its_monitor_brings_home_what_was_left(process: subprocess.Popen[str], tmp_path: Path) -> None:
    """A run that was submitted by a command that has ended is finished by the dashboard's own monitor."""
    assert process.stdout is not None
    process.stdout.readline()
    settings = Settings(data_dir=tmp_path / "data", home=tmp_path)
    with RunStore.open(settings.database) as store:
        run = _left(store, settings)
        ends = time.monotonic() + 200
        while store.get(run.id).is_open:
            assert time.monotonic() < ends, store.get(run.id)
            time.sleep(0.1)
        assert store.get(run.id).status == "completed"
        process.send_signal(signal.SIGINT)
        assert process.wait(ENDS_S) == 0


def test_the_runs_are_followed_on_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw is logged, and the next look is taken all the same."""
    looks, ends = [], threading.Event()

    def step(_: Monitor) -> list[object]:
        looks.append(1)
        if len(looks) == 3:
            ends.set()
        raise KeyError("of no sense") if len(looks) == 1 else EnvironmentNotReady("the database is locked")

    monkeypatch.setattr(Monitor, "step", step)
    monkeypatch.setattr(building, "AGAIN_S", 0.01)
    settings = Settings(data_dir=tmp_path, home=tmp_path)
    with RunStore.open(settings.database) as store:
        building.following(settings, store)(ends)
    assert len(looks) == 3


def _left(store: RunStore, settings: Settings) -> Run:
    """Submit a job for this machine's own worker and leave it, as a command does that ends."""
    settings.private_drop.mkdir(parents=True, exist_ok=True)
    init_drop(settings.private_drop)
    owner = Owner(user="ana", machine=settings.machine, backend="local")
    client = Client(settings.private_drop, store=store, results=settings.results, owner=owner)
    try:
        return store.get(client.submit(Job(kind="echo", params={"text": "left"})).run)
    finally:
        client.close()


def test_a_look_finds_what_changed(dashboard: Dashboard) -> None:
    """New runs, changes, ends and removals are each told once; what stays as it was is not."""
    store, now = dashboard.store, time.time()
    runs = [history.run_of(n, now - 5, "echo") for n in range(3)]
    store.add_or_find(runs[0])
    watcher = Watcher(store, now)
    assert watcher.look(now) == ([], [])
    store.add_or_find(history.run_of(7, now + 1, "echo"))
    store.progress(runs[0].id, at=now, status="running", done=1, total=2)
    changed, gone = watcher.look(now + 2)
    assert {(run.title, run.status) for run in changed} == {(runs[0].title, "running"), ("old tape", "pending")}
    assert gone == []
    assert watcher.look(now + 3) == ([], [])
    store.commit(runs[0].id, "completed", at=now + 3)
    changed, _ = watcher.look(now + 100)
    assert [(run.id, run.status) for run in changed] == [(runs[0].id, "completed")]
    assert watcher.look(now + 101) == ([], [])


def test_nobody_listens_nobody_looks(dashboard: Dashboard) -> None:
    """The database is looked at while a page listens, and not after the last one has gone."""
    live = dashboard.built.state.live
    with dashboard.client.stream("GET", "/events") as stream:
        lines = stream.iter_lines()  # held: an iterator that nobody holds closes the stream
        next(lines)
        _until(lambda: live.listeners == 1)
    _until(lambda: live.listeners == 0)
    assert not live._wanted.is_set()


def test_a_page_that_is_behind_asks_again_and_no_other_does(dashboard: Dashboard) -> None:
    """Whichever of the pages is told first."""

    async def told() -> list[list[object]]:
        live = Live(dashboard.store, time.time)
        boxes = [asyncio.Queue[Message | None]() for _ in range(3)]
        live._boxes.update(boxes)
        slow = next(iter(live._boxes))  # the one that is told before the others
        for number in range(WAITING):
            slow.put_nowait({"runs": [], "gone": [str(number)]})
        live._put({"runs": [], "gone": ["a"]})
        return [[box.get_nowait() for _ in range(box.qsize())] for box in (slow, *(live._boxes - {slow}))]

    assert asyncio.run(told()) == [[{"again": True}], *2 * [[{"runs": [], "gone": ["a"]}]]]


def _until(condition) -> None:  # type: ignore[no-untyped-def]
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_damaged_database_is_said_with_its_hint(dashboard: Dashboard) -> None:
    """Every page says that the file is damaged and what to do; nothing is written over it."""
    path = Path(dashboard.store.database.where)
    dashboard.store.close()
    path.write_bytes(b"this is no database" * 400)
    for beside in path.parent.glob("*-wal"):
        beside.unlink()
    for page in ("/", "/runs", "/runs/x", "/tours"):
        answer = dashboard.client.get(page)
        assert answer.status_code == 503
        assert "gpudrop runs reindex" in answer.text
    assert path.read_bytes().startswith(b"this is no database")

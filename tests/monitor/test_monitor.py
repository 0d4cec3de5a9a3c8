"""The monitor attends to what nobody attends to, with a real worker, and leaves the rest alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dispatcher.client import Client, Owner
from dispatcher.config import Settings
from dispatcher.jobs import Job, Purpose
from dispatcher.monitor.monitor import Monitor
from dispatcher.runs.leases import Holder
from dispatcher.runs.record import Delivery
from dispatcher.runs.store import RunStore
from protocol.kinds import KINDS
from tests.support.drops import make_drop, worker

PATIENCE_S = 60.0
[OUTPUT] = KINDS["echo"].outputs(KINDS["echo"].params(text="x"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", machine="here", poll_s=0.05)


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    return make_drop(tmp_path / "drop")


@pytest.fixture
def store(settings: Settings) -> Iterator[RunStore]:
    with RunStore.open(settings.database) as opened:
        yield opened


def submitted(drop: Path, store: RunStore, settings: Settings, text: str = "x", **purpose: Any) -> str:
    """Ask for something and leave it to others; return the run."""
    client = Client(drop, store=store, results=settings.results, owner=Owner(machine="here"))
    with closing(client):
        job = Job(kind="echo", params={"text": text}, purpose=Purpose(**purpose))
        return client.submit(job).run


def step_until(monitor: Monitor, condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        monitor.step()
        monitor.wait(0.05)


def test_what_was_left_is_brought_home(drop: Path, store: RunStore, settings: Settings, tmp_path: Path) -> None:
    """Result, place and log, whoever asked; afterwards there is nothing left to do."""
    target = tmp_path / "mine" / "out.txt"
    run_id = submitted(drop, store, settings, deliveries=[Delivery(name=OUTPUT, target=str(target))])
    with worker(drop), Monitor(settings, store) as monitor:
        step_until(monitor, lambda: not store.search.unsettled("here"))
        assert monitor.step() == []
    run = store.get(run_id)
    assert (run.status, run.monitor) == ("completed", None)
    assert target.read_bytes() == b"x"
    assert [each.placed_at is not None for each in store.trace.deliveries(run_id)] == [True]
    [attempt] = store.trace.attempts(run_id)
    assert Path(attempt.log or "").is_file()
    assert [change.status for change in store.trace.changes(run_id)][:2] == ["pending", "queued"]


def test_a_place_that_is_taken_is_told_and_kept(
    drop: Path, store: RunStore, settings: Settings, tmp_path: Path
) -> None:
    """What lies there stays, the run is completed all the same, and its history says why."""
    taken = tmp_path / "out.txt"
    taken.write_text("somebody's")
    run_id = submitted(drop, store, settings, text="y", deliveries=[Delivery(name=OUTPUT, target=str(taken))])
    with worker(drop), Monitor(settings, store) as monitor:
        step_until(monitor, lambda: not store.search.unsettled("here"))
    assert taken.read_text() == "somebody's"
    [delivery] = store.trace.deliveries(run_id)
    assert "is there already" in str(delivery.error_text)
    assert any("was not written" in change.text for change in store.trace.changes(run_id))


def test_what_another_attends_to_is_left_alone(drop: Path, store: RunStore, settings: Settings) -> None:
    """A monitor neither looks at it nor opens its drop, until the other's turn ends."""
    run_id = submitted(drop, store, settings)
    other = Holder(machine="there", pid=1, token="1")
    assert store.leases.take(run_id, other, now=time.time())
    with worker(drop), Monitor(settings, store) as monitor:
        assert monitor.step() == []
        store.leases.let_go(run_id, other)
        step_until(monitor, lambda: not store.get(run_id).is_open)


def test_runs_of_other_machines_are_left_alone(drop: Path, store: RunStore, settings: Settings) -> None:
    """Their files are not here."""
    submitted(drop, store, settings)
    with Monitor(Settings(data_dir=settings.data_dir, machine="there"), store) as monitor:
        assert monitor.step() == []


def test_a_drop_that_is_gone_is_news_and_no_end(
    drop: Path, store: RunStore, settings: Settings, tmp_path: Path
) -> None:
    """The run stays as it is; another drop's run is attended to all the same."""
    lost = submitted(make_drop(tmp_path / "lost"), store, settings)
    (tmp_path / "lost").rename(tmp_path / "away")
    kept = submitted(drop, store, settings)
    with worker(drop), Monitor(settings, store) as monitor:
        first = monitor.step()
        assert any(news.trouble for news in first if news.run.id == lost)
        step_until(monitor, lambda: not store.get(kept).is_open)
    assert store.get(lost).is_open


def test_a_deadline_cancels_on_both_sides(drop: Path, store: RunStore, settings: Settings) -> None:
    """Nobody has taken it: the database says so, and so does the drop."""
    run_id = submitted(drop, store, settings, deadline_s=0.2)
    with Monitor(settings, store) as monitor:
        step_until(monitor, lambda: not store.search.unsettled("here"))
    assert (store.get(run_id).status, store.get(run_id).error_text) == ("cancelled", "it was not done within 0 s")
    assert list((drop / run_id).glob("*cancel*"))

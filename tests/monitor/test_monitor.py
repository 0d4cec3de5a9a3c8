"""The monitor attends to what nobody attends to, with a real worker, and leaves the rest alone."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from dispatcher.config import Settings
from dispatcher.jobs.client import Client, Owner
from dispatcher.jobs.handle import Handle
from dispatcher.jobs.job import Job, Progress, Purpose
from dispatcher.monitor import background
from dispatcher.monitor.monitor import Monitor
from dispatcher.operations import targets
from dispatcher.operations.settling import held_up
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


def blocked(tmp_path: Path) -> Path:
    """Return a place that cannot be written now: a file stands where its folder would be."""
    (tmp_path / "stick").write_text("not mounted")
    return tmp_path / "stick" / "deep" / "out.txt"


def test_a_place_that_cannot_be_written_waits_and_stops_nobody(
    drop: Path, store: RunStore, settings: Settings, tmp_path: Path
) -> None:
    """Its run is completed and says what helps, others are attended to, and it is placed when the disk is there."""
    target, other = blocked(tmp_path), tmp_path / "other.txt"
    run_id = submitted(drop, store, settings, deliveries=[Delivery(name=OUTPUT, target=str(target))])
    with worker(drop), Monitor(settings, store) as monitor:
        troubles: list[str] = []
        until = time.monotonic() + PATIENCE_S
        while not troubles:
            assert time.monotonic() < until
            troubles = [news.trouble for news in monitor.step() if news.trouble]
            monitor.wait(0.05)
        assert str(target) in troubles[0]
        assert "Is its disk there" in troubles[0]
        later = submitted(drop, store, settings, text="z", deliveries=[Delivery(name=OUTPUT, target=str(other))])
        step_until(monitor, lambda: store.get(later).settled_at is not None)
        run = store.get(run_id)
        assert (run.status, run.settled_at) == ("completed", None)
        assert held_up(store, run) == troubles[0]
        assert run.monitor is not None
        [delivery] = store.trace.deliveries(run_id)
        assert (delivery.placed_at, delivery.error_text) == (None, None)
        (tmp_path / "stick").unlink()
        step_until(monitor, lambda: store.get(run_id).settled_at is not None)
    assert target.read_bytes() == b"x"
    assert held_up(store, store.get(run_id)) == ""
    assert store.get(run_id).monitor is None


def test_what_waits_for_its_place_is_tried_seldom_and_said_once(
    drop: Path, store: RunStore, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each wait is twice as long as the one before; the history has one line of it, from however many monitors."""
    tries: list[float] = []
    kept = targets.place

    def counted(*files: Any, **how: Any) -> None:
        tries.append(time.monotonic())
        kept(*files, **how)

    monkeypatch.setattr(targets, "place", counted)
    run_id = submitted(drop, store, settings, deliveries=[Delivery(name=OUTPUT, target=str(blocked(tmp_path)))])
    with worker(drop), Monitor(settings, store, first_retry_s=0.2) as monitor:
        step_until(monitor, lambda: len(tries) == 4)
    waits = [later - before for before, later in itertools.pairwise(tries)]
    assert waits[0] >= 0.2
    assert waits[1] >= 0.4
    assert waits[2] >= 0.8
    with Monitor(settings, store) as another:
        step_until(another, lambda: len(tries) == 5)
    assert sum("Is its disk there" in line.text for line in store.trace.changes(run_id)) == 1


def test_an_error_that_nobody_foresaw_is_the_trouble_of_one_run(
    drop: Path, store: RunStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told and remembered with the hint, the other runs come home, and so does this one when it has passed."""
    odd, plain = submitted(drop, store, settings, text="odd"), submitted(drop, store, settings, text="plain")
    look, broken = Handle.look, [odd]

    def looked(handle: Handle, waited_s: float) -> Progress:
        if handle.run in broken:
            raise ValueError("of no sense")
        return look(handle, waited_s)

    monkeypatch.setattr(Handle, "look", looked)
    with worker(drop), Monitor(settings, store) as monitor:
        [news] = [each for each in monitor.step() if each.trouble]
        step_until(monitor, lambda: store.get(plain).settled_at is not None)
        assert (news.run.id, store.get(odd).is_open, store.get(odd).why) == (odd, True, "HELD_UP")
        assert "ValueError: of no sense" in news.trouble
        assert "gpudrop runs bundle" in store.trace.changes(odd)[-1].text
        broken.clear()
        step_until(monitor, lambda: store.get(odd).settled_at is not None)
    assert store.get(odd).status == "completed"


def test_a_monitor_in_the_background_leaves_what_waits_to_the_one_that_keeps_it(
    drop: Path, store: RunStore, settings: Settings, tmp_path: Path
) -> None:
    """Every detached command leaves one behind: they must not gather behind a run that waits for a disk."""
    run_id = submitted(drop, store, settings, deliveries=[Delivery(name=OUTPUT, target=str(blocked(tmp_path)))])
    with worker(drop), background.alone(settings, store) as first, Monitor(settings, store) as monitor:
        assert first
        step_until(monitor, lambda: bool(held_up(store, store.get(run_id))))
        with background.alone(settings, store) as second:
            assert not second


def test_an_address_is_told_once_however_long_a_place_cannot_be_written(
    drop: Path, store: RunStore, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the run's end it hears at once, and is not told again with every try."""
    said: list[str] = []

    def post(address: str, **_: Any) -> httpx.Response:
        said.append(address)
        return httpx.Response(200, request=httpx.Request("POST", address))

    monkeypatch.setattr(httpx, "post", post)
    target = blocked(tmp_path)
    run_id = submitted(
        drop, store, settings, notices=["http://127.0.0.1:9/"], deliveries=[Delivery(name=OUTPUT, target=str(target))]
    )
    with worker(drop), Monitor(settings, store) as monitor:
        step_until(monitor, lambda: bool(said))
        (tmp_path / "stick").unlink()
        step_until(monitor, lambda: store.get(run_id).settled_at is not None)
    assert target.is_file()
    assert len(said) == 1


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

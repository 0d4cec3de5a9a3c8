"""One open drop: whether it is private, who this machine is there, and what every command does with the answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dispatcher.cli.runs_act import send_to_drops
from dispatcher.config import Settings
from dispatcher.connection import connect
from dispatcher.drops.session import DropSession
from dispatcher.drops.setup import init_drop
from dispatcher.jobs.client import Client, Owner
from dispatcher.jobs.job import Job
from dispatcher.monitor import acts
from dispatcher.monitor.drop_watcher import DropWatcher
from dispatcher.monitor.faults import find_faults
from dispatcher.monitor.reindex import reindex
from dispatcher.monitor.worker_status import worker_statuses
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady
from protocol.signing import ANONYMOUS, new_key
from tests.support.drops import make_drop

LONG = {"text": "hello", "units": 600, "unit_s": 0.1}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings of a user who demands signatures of every worker of a shared drop."""
    return Settings(
        data_dir=tmp_path / "data",
        config_dir=tmp_path / "config",
        home=tmp_path / "home",
        drop=None,
        machine="here",
        auth="require",
        key=new_key("dispatcher").spell_secret(),
        trust=str(new_key("worker").public),
    )


@pytest.fixture
def store(settings: Settings) -> Iterator[RunStore]:
    """Return the run database of the settings."""
    with RunStore.open(settings.database) as opened:
        yield opened


@dataclass(frozen=True)
class Sent:
    """A job that was sent through a drop."""

    drop: Path
    run: str


def send(drop: Path, settings: Settings, store: RunStore, *, backend: str, machine: str = "here") -> Sent:
    """Send an echo job through a drop, as a command with this backend on this machine does; no worker is there."""
    init_drop(drop)
    session = DropSession.open_private(drop) if backend == "local" else DropSession.open(drop, settings.identity(drop))
    owner = Owner(machine=machine, backend=backend)
    client = Client(session, store=store, results=settings.results, owner=owner)
    handle = client.submit(Job(kind="echo", params={"text": f"{drop.name} {backend} {machine}"}))
    client.close()
    return Sent(drop, handle.run)


def is_private(drop: Path | str, settings: Settings, store: RunStore) -> bool:
    """Open a drop as every command does, and say whether it is private; it signs there if and only if it is not."""
    with DropSession.open_known(drop, settings, store) as session:
        assert (session.identity == ANONYMOUS) == session.is_private
        return session.is_private


def test_the_worker_of_a_tours_private_drop_is_seen_while_it_works(
    tmp_path: Path, settings: Settings, store: RunStore, caplog: pytest.LogCaptureFixture
) -> None:
    """With GPUDROP_AUTH=require nobody signs on a private drop, so nothing there is ignored for want of a signature."""
    drop = tmp_path / "tour" / "drop"
    with (
        connect("local", settings=settings, kinds="echo", private=drop) as gpu,
        DropWatcher(settings, store) as watcher,
        caplog.at_level(logging.WARNING),
    ):
        handle = gpu.client.submit(Job(kind="echo", params=LONG))
        ends = time.monotonic() + 120
        held: list[str | None] = []
        while handle.run not in held and time.monotonic() < ends:
            handle.look(0)
            workers = worker_statuses(settings, store, now=time.time(), watcher=watcher)
            held = [job.run for worker in workers for job in worker.held]
            time.sleep(0.2)
        assert held == [handle.run]
        assert [worker.alive for worker in workers] == ["yes"]
        assert [fault.sort for fault in find_faults(settings, store, now=time.time(), watcher=watcher)] == []
        handle.cancel()
        handle.leave()
    assert "signed" not in caplog.text


def test_the_default_private_drop_and_those_of_tours_are_private(
    tmp_path: Path, settings: Settings, store: RunStore
) -> None:
    """The default one always is, without any run; another one through its runs, however its path is written."""
    init_drop(settings.private_drop)
    assert is_private(settings.private_drop, settings, store)
    tour = send(tmp_path / "tour" / "drop", settings, store, backend="local").drop
    assert is_private(tour, settings, store)
    assert is_private(str(tour), settings, store)
    (tmp_path / "elsewhere").mkdir()
    assert is_private(tmp_path / "elsewhere" / ".." / "tour" / "drop", settings, store)


def test_a_shared_drop_is_not_private(tmp_path: Path, settings: Settings, store: RunStore) -> None:
    """Not an unused one, not one that runs of this machine share, not one that is private to another machine."""
    assert not is_private(make_drop(tmp_path / "unused"), settings, store)
    assert not is_private(send(tmp_path / "shared", settings, store, backend="colab").drop, settings, store)
    other = send(tmp_path / "other", settings, store, backend="local", machine="there").drop
    assert not is_private(other, settings, store)


def test_a_drop_that_became_shared_is_not_private(tmp_path: Path, settings: Settings, store: RunStore) -> None:
    """The newest run decides: from then on its workers have to sign."""
    drop = send(tmp_path / "drop", settings, store, backend="local").drop
    assert is_private(drop, settings, store)
    time.sleep(0.01)
    send(drop, settings, store, backend="colab")
    assert not is_private(drop, settings, store)


def test_a_shared_drop_that_claims_the_id_of_a_private_one_is_not_private(
    tmp_path: Path, settings: Settings, store: RunStore
) -> None:
    """What others can write into a shared folder never switches signatures off."""
    private = send(tmp_path / "tour" / "drop", settings, store, backend="local").drop
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "_drop.json").write_bytes((private / "_drop.json").read_bytes())
    assert not is_private(shared, settings, store)


def test_a_private_drop_needs_no_key(tmp_path: Path, settings: Settings, store: RunStore) -> None:
    """With require and no key a shared drop cannot be opened; a private one can, and its runs can be cancelled."""
    keyless = settings.model_copy(update={"key": None})
    private = send(tmp_path / "tour" / "drop", settings, store, backend="local")
    shared = send(tmp_path / "shared", settings, store, backend="colab")
    with pytest.raises(EnvironmentNotReady, match="GPUDROP_AUTH is require"):
        DropSession.open_known(shared.drop, keyless, store)
    assert is_private(private.drop, keyless, store)
    assert acts.cancel(store, private.run, now=time.time(), settings=keyless)
    assert send_to_drops(keyless, store, [store.get(private.run)]) == []
    assert any(private.drop.glob("*/cancel*"))


def test_a_job_in_a_private_drop_is_recovered_as_a_local_one(
    tmp_path: Path, settings: Settings, store: RunStore
) -> None:
    """`runs reindex` finds out by the same rule: a job of the default private drop comes back with its backend."""
    run = send(settings.private_drop, settings, store, backend="local").run
    with RunStore.open(f"sqlite:///{tmp_path / 'empty.sqlite3'}") as empty:
        with DropWatcher(settings, empty) as watcher:
            found = [(it.outcome, it.run) for it in reindex(watcher, now=time.time()) if it.job]
        assert found == [("open", run)]
        assert empty.get(run).execution_config["backend"] == "local"


def test_a_folder_that_is_no_drop_cannot_be_opened(tmp_path: Path) -> None:
    """The error says how to make it one."""
    (tmp_path / "bare").mkdir()
    with pytest.raises(EnvironmentNotReady, match="gpudrop init"):
        DropSession.open(tmp_path / "bare")

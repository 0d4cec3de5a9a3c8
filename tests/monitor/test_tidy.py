"""Forgetting runs: what goes, what stays, and that nothing of the user's is ever removed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dispatcher.config import Settings
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from dispatcher.monitor import acts, tidy
from dispatcher.runs.record import Artifact, Delivery, Run, RunExtras
from dispatcher.runs.store import RunStore
from protocol.errors import NotFoundError
from tests.support.drops import worker

Send = Callable[..., Run]


@pytest.fixture
def done(gpu: Client, drop: Path) -> Run:
    """Return a run that a real worker has done."""
    with worker(drop):
        return gpu.store.get(gpu.submit(Job(kind="echo", params={"text": "done"})).wait(60).run)


def load_of(settings: Settings, store: RunStore, run: Run) -> tidy.RunUsage:
    """Weigh one run."""
    (load,) = tidy.weigh(settings, store, [store.get(run.id)])
    return load


def test_a_run_is_forgotten_with_all_that_it_takes(store: RunStore, drop: Path, done: Run, settings: Settings) -> None:
    """Results, logs and the folder in the drop go, and as many bytes come free as were told before."""
    load = load_of(settings, store, done)
    on_disk = sum(path.stat().st_size for path in settings.results.rglob("*") if path.is_file())
    assert load.bytes == on_disk > 0
    assert tidy.remove(settings, store, [load]) == on_disk
    assert list(settings.results.iterdir()) == []
    assert not (drop / done.job).exists()
    with pytest.raises(NotFoundError):
        store.get(done.id)
    assert store.trace.changes(done.id) == store.trace.files(done.id) == []


def test_what_was_placed_elsewhere_stays(store: RunStore, done: Run, settings: Settings, tmp_path: Path) -> None:
    """A copy at a place of its user's is his; one that he placed among the results keeps the run."""
    place = tmp_path / "mine.txt"
    place.write_text("done")
    store.attach(done.id, RunExtras(deliveries=[Delivery(name="echo.txt", target=str(place))]))
    assert load_of(settings, store, done).stays == "its output is still to be put in its place"
    store.trace.delivered(done.id, str(place), at=1.0)
    inside = Path(str(done.results_dir)) / "placed.txt"
    store.attach(done.id, RunExtras(deliveries=[Delivery(name="echo.txt", target=str(inside))]))
    store.trace.delivered(done.id, str(inside), at=1.0)
    assert "placed inside" in load_of(settings, store, done).stays
    store.trace.delivered(done.id, str(inside), at=1.0, error="no")
    tidy.remove(settings, store, [load_of(settings, store, done)])
    assert place.read_text() == "done"


def test_an_open_run_is_never_forgotten(store: RunStore, sent: Send, settings: Settings) -> None:
    """Neither by weighing it, nor by a caller who does not heed that."""
    run = sent()
    load = load_of(settings, store, run)
    assert load.stays == "it is open"
    tidy.remove(settings, store, [replace(load, stays="")])
    assert store.get(run.id).is_open


@pytest.mark.parametrize("how", ["child", "input", "chain"])
def test_what_others_still_need_stays(store: RunStore, sent: Send, done: Run, settings: Settings, how: str) -> None:
    """A run whose output is another one's input, or will be, is kept until that has ended."""
    other = sent("other")
    if how == "child":
        made = replace(other, id="child", job="child", key="k", parent_id=done.id)
        store.add_or_find(replace(made, status="pending"))
        acts.cancel(store, other.id, now=1.0, settings=settings)
    elif how == "input":
        path = Path(str(done.results_dir)) / "echo.txt"
        store.attach(
            other.id, RunExtras(inputs=[Artifact(role="input", name="a", path=str(path), size=4, sha256="0" * 64)])
        )
    else:
        store.attach(done.id, RunExtras(steps={"then": ["x"]}))
    assert load_of(settings, store, done).stays
    ended = "child" if how == "child" else other.id
    store.commit(ended, "cancelled", at=1.0)
    if how == "chain":
        store.trace.continued(store.trace.continuations(done.id)[0].seq, at=1.0, child="c")
    assert not load_of(settings, store, done).stays


def test_results_of_another_machine_are_not_forgotten_here(store: RunStore, done: Run, settings: Settings) -> None:
    """With one database for a team, a run goes where its files are."""
    elsewhere = settings.model_copy(update={"data_dir": settings.data_dir / "elsewhere", "machine": "here"})
    (load,) = tidy.weigh(elsewhere, store, [replace(done, machine="there")])
    assert "machine there" in load.stays


def test_results_of_no_run_are_found_once_they_are_old(store: RunStore, done: Run, settings: Settings) -> None:
    """A folder that no run is known of is not fresh after a day; a known run's is never among them."""
    (settings.results / "261101-000000-aaaaaaaa").mkdir()
    (settings.results / "not of ours").mkdir()
    assert tidy.unknown(settings, store, time.time()) == []
    found = tidy.unknown(settings, store, time.time() + 2 * tidy.FRESH_S)
    assert found == [settings.results / "261101-000000-aaaaaaaa"]


def test_a_link_among_the_results_is_not_followed(
    store: RunStore, done: Run, settings: Settings, tmp_path: Path
) -> None:
    """What a link points at is not this program's: it is neither counted nor removed."""
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (treasure / "film.mp4").write_bytes(b"0" * 10_000)
    (Path(str(done.results_dir)) / "link").symlink_to(treasure)
    load = load_of(settings, store, done)
    assert load.bytes < 10_000
    tidy.remove(settings, store, [load])
    assert (treasure / "film.mp4").exists()


def test_a_link_in_the_place_of_results_is_left_alone(
    store: RunStore, done: Run, settings: Settings, tmp_path: Path
) -> None:
    """Where the whole folder of a run is a link, somebody has moved it: it is his."""
    folder = settings.results / done.job
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    load = load_of(settings, store, done)
    assert load.folders == ()
    tidy.remove(settings, store, [load])
    assert list((tmp_path / "moved").rglob("echo.txt"))

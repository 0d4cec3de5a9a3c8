"""Forgetting runs, on every database: what goes, what stays, and what was left unsaid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dispatcher.runs.record import Artifact, Delivery, Group, Run, RunExtras
from dispatcher.runs.store import RunStore
from protocol.errors import NotFoundError

Make = Callable[..., Run]


def ended(store: RunStore, new_run: Make, run_id: str, status: str = "completed", **changed: object) -> Run:
    """Add a run that has ended."""
    store.add_or_find(new_run(run_id, **changed))
    store.commit(run_id, status, at=2000.0)  # type: ignore[arg-type]
    return store.get(run_id)


def test_only_runs_that_have_ended_are_forgotten(store: RunStore, new_run: Make) -> None:
    """Of those that are named, open ones and unknown ones stay what they are, and the others go with all of theirs."""
    done = ended(store, new_run, "done")
    store.attach(done.id, RunExtras(tags=["x"], steps={"a": 1}))
    store.say(done.id, "done/cancel-1.json", b"bytes")
    store.add_or_find(new_run("open"))
    assert store.retention.forget(["done", "open", "unknown"]) == ["done"]
    with pytest.raises(NotFoundError):
        store.get("done")
    assert store.get("open").is_open
    assert store.trace.tags(["done"]) == {"done": []}
    assert store.trace.changes("done") == []
    assert store.trace.continuations("done") == []
    assert store.unsaid("done") == []


def test_a_group_goes_with_the_last_of_its_runs(store: RunStore, new_run: Make) -> None:
    """A group that has ended and is empty is gone; one that is under way, or has a run left, stays."""
    for name in ("over", "running"):
        store.search.begin_group(Group(id=name, sort="batch", title="t", created_at=1.0))
    store.search.end_group("over", "completed", at=2.0)
    ended(store, new_run, "a", group_id="over")
    ended(store, new_run, "b", group_id="over")
    ended(store, new_run, "c", group_id="running")
    store.retention.forget(["a", "c"])
    assert {group.id for group in store.search.groups()} == {"over", "running"}
    store.retention.forget(["b"])
    assert {group.id for group in store.search.groups()} == {"running"}


def test_it_is_said_why_a_run_is_needed(store: RunStore, new_run: Make) -> None:
    """Open, with a child that is open, with something to make or to place: each has its own reason."""
    for run_id in ("free", "parent", "chained", "placing", "failed"):
        ended(store, new_run, run_id, "failed" if run_id == "failed" else "completed")
    store.add_or_find(new_run("open", parent_id="parent"))
    for run_id in ("chained", "failed"):
        store.attach(run_id, RunExtras(steps={"a": 1}))
    store.attach("placing", RunExtras(deliveries=[Delivery(name="a", target="/b")]))
    names = ["free", "parent", "chained", "placing", "failed", "open"]
    needed = store.retention.needed(names)
    assert set(needed) == {"parent", "chained", "placing", "open"}
    assert len(set(needed.values())) == 4
    store.trace.continued(store.trace.continuations("chained")[0].seq, at=1.0, child="x")
    store.trace.delivered("placing", "/b", at=1.0)
    store.commit("open", "cancelled", at=1.0)
    assert store.retention.needed(names) == {}


def test_inputs_of_open_runs_are_found_below_a_folder(store: RunStore, new_run: Make) -> None:
    """Only open runs besides the own one count, and only files that are really below it."""
    for run_id, path in (("in", "/results/a/film.mp4"), ("beside", "/results/ab/film.mp4"), ("own", "/results/a/x")):
        store.add_or_find(new_run(run_id))
        file = Artifact(role="input", name="source", path=path, size=1, sha256="0" * 64)
        store.attach(run_id, RunExtras(inputs=[file]))
    assert store.retention.inputs_of_open("/results/a", "own") == ["in"]
    store.commit("in", "cancelled", at=1.0)
    assert store.retention.inputs_of_open("/results/a", "own") == []


def test_what_was_not_said_is_found_until_it_is_said(store: RunStore, new_run: Make) -> None:
    """Runs that have ended and whose last word is not in the drop are told of, by drop; open ones are not."""
    for run_id in ("ended", "open"):
        store.add_or_find(new_run(run_id))
        store.say(run_id, f"{run_id}/need-1.json", b"x")
    store.commit("ended", "cancelled", at=5.0, mirror=("ended/cancel-1.json", b"y"))
    assert [run.id for run in store.retention.untold("0123456789abcdef")] == ["ended"]
    assert store.retention.untold("f" * 16) == []
    for name, _ in store.unsaid("ended"):
        store.said("ended", name, at=6.0)
    assert store.retention.untold("0123456789abcdef") == []


def test_ids_and_jobs_are_known_names(store: RunStore, new_run: Make) -> None:
    """A folder is a run's by its id or by its job's."""
    store.add_or_find(new_run("run", job="folder"))
    assert store.retention.known(["run", "folder", "stranger"]) == {"run", "folder"}
    assert store.search.of_jobs("0123456789abcdef", ["folder", "run"])["folder"].id == "run"
    assert list(store.search.of_jobs("f" * 16, ["folder"])) == []

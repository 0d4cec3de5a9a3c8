"""Attempts, files, history, tags, groups, what follows, leases and searches: the same on every database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from dispatcher.runs.leases import HOLD_S, Holder
from dispatcher.runs.record import Artifact, AttemptRecord, Delivery, Ended, Group, Run, RunExtras
from dispatcher.runs.search import PageCursor, Query
from dispatcher.runs.store import RunStore
from protocol.errors import NotFoundError, UsageError

New = Callable[..., Run]


def attempt(nonce: str, **changed: object) -> AttemptRecord:
    plain: dict[str, object] = {"nonce": nonce, "n": 1, "worker": "w", "status": "running", "seen_at": 2.0}
    return AttemptRecord(**(plain | changed))  # type: ignore[arg-type]


def artifact(name: str, **changed: object) -> Artifact:
    plain: dict[str, object] = {"role": "output", "name": name, "path": f"/r/{name}", "size": 2**40, "sha256": "0" * 64}
    return Artifact(**(plain | changed))  # type: ignore[arg-type]


def test_all_around_a_run_comes_back(store: RunStore, new_run: New) -> None:
    """Inputs, tags, deliveries, continuations, attempts, outputs and history are what was told, in every column."""
    extras = RunExtras(
        inputs=(artifact("in é.wav", role="input", media={"seconds": 1.5}),),
        tags=("ü", "a b"),
        deliveries=(Delivery(name="out.srt", target="/home/é/out.srt", overwrite=True),),
        steps={"then": ["upscale", {"scale": 2}]},
    )
    assert store.add_or_find(new_run("r1"), None, extras)[1]
    tries = (attempt("a" * 16, error_text="\0lost", status="failed"), attempt("b" * 16, n=2, log="/logs/b"))
    assert store.progress("r1", at=2.0, status="running", text="taken\0", why="w", attempts=tries)
    ended = Ended(outputs={"text": "é", "n": [1, None]}, files=(artifact("b"), artifact("a")), attempts=tries[1:])
    assert store.commit("r1", "failed", at=3.0, error_code="boom", error_text="half \ud800", ended=ended)

    assert [file.name for file in store.trace.files("r1")] == ["in é.wav", "a", "b"]
    assert store.trace.files("r1")[0] == extras.inputs[0]
    assert store.trace.files("r1")[1].size == 2**40
    assert store.trace.deliveries("r1") == list(extras.deliveries)
    assert [step.steps for step in store.trace.continuations("r1")] == [extras.steps]
    assert [(it.nonce[0], it.error_text, it.log) for it in store.trace.attempts("r1")] == [
        ("a", "\ufffdlost", None),
        ("b", None, "/logs/b"),
    ]
    assert [(it.at, it.status, it.text, it.why) for it in store.trace.changes("r1")] == [
        (1000.0, "pending", "asked for", None),
        (2.0, "running", "taken\ufffd", "w"),
        (3.0, "failed", "boom: half \ufffd", None),
    ]
    assert store.trace.tags(["r1", "r9"]) == {"r1": ["a b", "ü"], "r9": []}
    assert store.get("r1").outputs == {"text": "é", "n": [1, None]}


def test_what_is_told_twice_is_there_once(store: RunStore, new_run: New) -> None:
    """Files, attempts, tags and deliveries that are told again are as they were told last, not twice."""
    store.add_or_find(new_run("r1"))
    wanted = RunExtras(tags=("t",), deliveries=(Delivery(name="o", target="/o"),), steps={"then": []})
    for size in (1, 2):
        store.attach("r1", wanted)
        store.trace.keep_files("r1", [artifact("a", size=size), artifact("b", size=size, media={"n": size})])
        store.progress("r1", at=float(size), attempts=[attempt("a" * 16, seen_at=float(size), error_text=str(size))])
    assert [(file.size, file.media) for file in store.trace.files("r1")] == [(2, None), (2, {"n": 2})]
    assert [(it.seen_at, it.error_text) for it in store.trace.attempts("r1")] == [(1.0, "2")]
    assert store.trace.tags(["r1"]) == {"r1": ["t"]}
    assert len(store.trace.deliveries("r1")) == len(store.trace.continuations("r1")) == 1
    store.trace.tag("r1", add=["u", "t"], remove=["t"])
    assert store.trace.tags(["r1"]) == {"r1": ["u"]}
    store.trace.delivered("r1", "/o", at=5.0)
    assert store.trace.deliveries("r1")[0].placed_at == 5.0


def test_many_who_tell_of_one_run_wait_for_each_other(store: RunStore, new_run: New) -> None:
    """Files and attempts that ten threads tell of in every order: nobody fails, and each is there once."""
    store.add_or_find(new_run("r1"))
    names = [f"f{k:03}" for k in range(200)]
    start = threading.Barrier(5)  # as many as a store has connections to a server

    def tell(number: int) -> None:
        start.wait()
        order = names[number:] + names[:number]
        for _ in range(2):
            store.trace.keep_files("r1", [artifact(name) for name in (order if number % 2 else order[::-1])])
            store.progress("r1", at=2.0, text="x", attempts=[attempt(name) for name in order[:9]])

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(tell, range(5)))
    assert [file.name for file in store.trace.files("r1")] == names
    assert sorted(it.nonce for it in store.trace.attempts("r1")) == names[:13]
    assert len(store.trace.changes("r1")) == 1 + 10


def test_one_of_many_gets_a_lease(store: RunStore, new_run: New) -> None:
    """Of ten monitors that want a run at once one has it, until it lets go or says nothing for too long."""
    store.add_or_find(new_run("r1"))
    monitors = [Holder(machine="here", pid=number, token=str(number)) for number in range(1, 11)]
    with ThreadPoolExecutor(10) as pool:
        took = list(pool.map(lambda it: store.leases.take("r1", it, now=100.0), monitors))
    assert sum(took) == 1
    holder = monitors[took.index(True)]
    other = monitors[took.index(False)]
    assert store.get("r1").monitor == str(holder)
    assert store.leases.take("r1", holder, now=110.0)
    assert not store.leases.take("r1", other, now=110.0 + HOLD_S)
    assert store.leases.take("r1", other, now=110.1 + HOLD_S)
    store.leases.let_go("r1", holder)
    assert store.get("r1").monitor == str(other)
    store.leases.let_go("r1", other)
    assert store.get("r1").monitor is None


def test_runs_are_found_by_what_people_know_of_them(store: RunStore, new_run: New) -> None:
    """Kind, status, tag, time, parent, group, user and words find the same runs; %, _ and / are only signs."""
    for number in range(6):
        given = {"kind": "tts" if number % 2 else "echo", "user": "ann" if number < 3 else "bob"}
        odd = {"title": ["50%", "5_", "Größe A/B", "a\\b", "Plain", "50"][number]}
        made = new_run(
            f"r{number}", created_at=1000.0 + number, parent_id="r0" if number == 5 else None, **given, **odd
        )
        store.add_or_find(made, None, RunExtras(tags=("all", f"n{number}")))
    store.commit("r1", "failed", at=2.0, error_text="Out of MEMORY")

    def found(**query: object) -> list[str]:
        return [run.id for run in store.search.find(Query(**query))]  # type: ignore[arg-type]

    assert found(kinds=["tts"], statuses=["pending"]) == ["r5", "r3"]
    assert found(tags=["all", "n2"]) == ["r2"]
    assert found(tags=["ALL"]) == []
    assert found(since=1002.0, until=1004.0) == ["r3", "r2"]
    assert (found(parent="r0"), found(user="ann")) == (["r5"], ["r2", "r1", "r0"])
    assert (found(text="50%"), found(text="5_"), found(text="\\"), found(text="/")) == (["r0"], ["r1"], ["r3"], ["r2"])
    assert (found(text="out of memory"), found(text="GRÖßE"), found(text="größe a")) == (["r1"], [], ["r2"])
    assert found(text="\0") == found(text="\ud800") == []
    assert store.search.count(Query(tags=["all"])) == {"pending": 5, "failed": 1}
    assert store.search.all_tags() == ["all", *(f"n{number}" for number in range(6))]
    page = store.search.find(Query(), limit=2)
    after = PageCursor(created_at=page[-1].created_at, id=page[-1].id)
    assert [run.id for run in store.search.find(Query(), limit=2, after=after)] == ["r3", "r2"]


def test_pages_of_runs_of_one_moment_miss_none(store: RunStore, new_run: New) -> None:
    """Going through pages shows every run once, also when all were made in one moment with ids of all sorts."""
    ids = ["a-b", "aB", "A", "b", "a_c", "ab", "a", "Z", "é", "e"]
    for run_id in ids:
        store.add_or_find(new_run(run_id))
    seen: list[str] = []
    after = None
    while page := store.search.find(Query(), limit=3, after=after):
        seen += [run.id for run in page]
        after = PageCursor(created_at=page[-1].created_at, id=page[-1].id)
    assert seen == sorted(ids, reverse=True)


def test_a_short_id_means_the_same_run(store: RunStore, new_run: New) -> None:
    """The beginning of an id or of its last part, in either case, means that run, and an ambiguous one is told."""
    for run_id in ("261125-172920-e148bb9a", "261125-173634-7b5cdb76", "261126-000000-e200aaaa"):
        store.add_or_find(new_run(run_id))
    assert store.search.resolve("261126").id == "261126-000000-e200aaaa"
    assert store.search.resolve("E148").id == store.search.resolve("e1").id == "261125-172920-e148bb9a"
    for unknown in ("e1%", "_", "x", ""):
        with pytest.raises(NotFoundError):
            store.search.resolve(unknown)
    with pytest.raises(UsageError, match="more than one run"):
        store.search.resolve("261125")


def test_groups_come_and_end(store: RunStore, new_run: New) -> None:
    """A group is found by sort and id, with its end."""
    made = Group(id="g1", sort="tour", title="é\0", created_at=1.0)
    store.search.begin_group(made)
    store.add_or_find(new_run("r1", group_id="g1"))
    store.search.end_group("g1", "failed", at=2.0, error="\0", report="/r.json")
    ended = store.search.group("g1")
    assert (ended.title, ended.status, ended.error_text, ended.report) == ("é\ufffd", "failed", "\ufffd", "/r.json")
    assert store.search.groups(sort="tour") == [ended]
    assert [run.id for run in store.search.find(Query(group="g1"))] == ["r1"]

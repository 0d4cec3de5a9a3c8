"""Where databases differ by themselves: texts, numbers, JSON, order, and what two transactions see of each other."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from sqlalchemy import create_engine, event, text

from dispatcher.runs import schema
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol.errors import UsageError

New = Callable[..., Run]
T = TypeVar("T")
U = TypeVar("U")


def test_text_that_no_database_holds_is_replaced(store: RunStore, new_run: New) -> None:
    """A NUL or half a surrogate pair in a worker's words costs that character, and neither the run nor its end."""
    store.add_or_find(new_run("r1"))
    assert store.progress("r1", at=2.0, note="half\0way \udc80", worker="w\0")
    assert store.get("r1").progress_note == "half\ufffdway \ufffd"
    assert store.commit("r1", "failed", at=3.0, error_code="x", error_text="crash\0: \ud800 \U0001f600 é")
    assert store.get("r1").error_text == "crash\ufffd: \ufffd \U0001f600 é"
    assert store.get("r1").worker == "w\ufffd"


@pytest.mark.parametrize("name", ["drop", "results_dir"])
def test_a_path_comes_back_as_it_was_or_is_refused(store: RunStore, new_run: New, name: str) -> None:
    """A folder whose name is not UTF-8 is told with the hint: it is never remembered under another name."""
    with pytest.raises(UsageError, match=r"'/a/\\udcff' is not written in UTF-8: rename"):
        store.add_or_find(new_run("r1", **{name: "/a/\udcff"}))
    assert store.recent() == []
    store.add_or_find(new_run("r1", **{name: "/a/é \U0001f600\n'\"%s:x ?"}))
    assert getattr(store.get("r1"), name) == "/a/é \U0001f600\n'\"%s:x ?"


def test_texts_are_found_whatever_they_hold(store: RunStore, new_run: New) -> None:
    """A key with odd characters finds its run, and upper and lower case are two."""
    odd, upper = new_run("r1", key="k\0é'%_\\"), new_run("r2", key="K\0é'%_\\")
    assert store.add_or_find(odd)[1]
    assert store.add_or_find(upper)[1]
    found = store.latest(odd.key)
    assert found is not None
    assert found.id == "r1"
    assert store.add_or_find(new_run("r3", key=odd.key)) == (store.get("r1"), False)


def test_json_is_kept_as_far_as_json_goes(store: RunStore, new_run: New) -> None:
    """Structure, numbers and scripts of all kinds come back; what JSON does not have becomes null or is replaced."""
    engine = {"é\0": ["\0", "\udc80", "\U0001f600"], "n": [0.1, 2**53, -1e300, True, None], "deep": {"a": {"b": ()}}}
    store.add_or_find(new_run("r1", engine=engine | {"odd": [math.nan, math.inf, -math.inf]}))
    assert store.get("r1").engine == {
        "é\ufffd": ["\ufffd", "\ufffd", "\U0001f600"],
        "n": [0.1, 2**53, -1e300, True, None],
        "deep": {"a": {"b": []}},
        "odd": [None, None, None],
    }
    store.add_or_find(new_run("r2", engine={}))
    assert (store.get("r2").engine, new_run("r3").engine) == ({}, None)


def test_numbers_go_as_far_as_on_the_wire(store: RunStore, new_run: New) -> None:
    """A worker that counts bytes may count to 2^53, and a time keeps its microseconds."""
    store.add_or_find(new_run("r1", created_at=1_795_000_000.123457))
    assert store.progress("r1", at=1_795_000_000.654321, done=2**53 - 1, total=2**53)
    run = store.get("r1")
    assert (run.progress_done, run.progress_total) == (2**53 - 1, 2**53)
    assert (run.created_at, run.updated_at) == (1_795_000_000.123457, 1_795_000_000.654321)


def test_bytes_of_any_length_come_back(store: RunStore, new_run: New) -> None:
    """A request with every byte in it, and one of 4 MB, are what they were."""
    for run_id, request in (("r1", bytes(range(256))), ("r2", b"\0\xff" * 2_000_000)):
        store.add_or_find(new_run(run_id, request=request))
        assert store.get(run_id).request == request


def test_the_order_is_that_of_code_points(store: RunStore, new_run: New) -> None:
    """Runs of one moment are sorted as Python sorts their ids, by no language's rules."""
    ids = ["a-b", "aB", "A", "b", "a_c", "ab", "a", "Z", "é", "e", "10", "9", "_"]
    for run_id in ids:
        store.add_or_find(new_run(run_id))
    assert [run.id for run in store.recent(100)] == sorted(ids, reverse=True)


def test_every_text_on_a_server_has_that_order(server: str) -> None:
    """No migration may add a column with the order of the server's own language: it takes the type Words."""
    RunStore.open(server).close()
    engine = create_engine(server)
    with engine.connect() as connection:
        others = connection.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND "
                "data_type IN ('character varying', 'text') AND collation_name IS DISTINCT FROM 'C' "
                "AND table_name <> 'alembic_version'"
            )
        )
        assert others.fetchall() == []
    engine.dispose()


def test_what_is_read_at_once_is_of_one_moment(store: RunStore, new_run: New) -> None:
    """What another commits between two statements of one look is seen by the next look."""
    store.add_or_find(new_run("r1"))
    count = text("SELECT count(*) FROM runs")
    with store.database.reading() as connection:
        assert connection.execute(count).scalar() == 1
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(store.add_or_find, new_run("r2")).result(timeout=30)[1]
        assert connection.execute(count).scalar() == 1
    assert len(store.recent()) == 2


def after_a_look(
    database: str, insert: str, slow: Callable[[RunStore], T], quick: Callable[[RunStore], U]
) -> tuple[T, U]:
    """Let a slow process look and then pause before it inserts, and a quick one come into the pause."""
    pausing = threading.Event()

    def pause(*of_statement: Any) -> None:
        if of_statement[2].startswith(f"INSERT INTO {insert}"):
            pausing.set()
            time.sleep(0.7)

    with RunStore.open(database) as first, RunStore.open(database) as second, ThreadPoolExecutor(1) as pool:
        event.listen(first.database._engine, "before_cursor_execute", pause)
        late = pool.submit(slow, first)
        assert pausing.wait(30)
        quickly = quick(second)
        return late.result(60), quickly


def test_who_adds_slowly_adds_no_second_run(database: str, new_run: New) -> None:
    """While one adds a run, another who adds and at once ends one of the same key gets no run in between."""

    def quick(store: RunStore) -> bool:
        run, added = store.add_or_find(new_run("quick", key="k"))
        store.commit(run.id, "failed", at=2.0)
        return added

    slow, quickly = after_a_look(database, "runs", lambda store: store.add_or_find(new_run("slow", key="k")), quick)
    assert (slow[1], quickly) == (True, False)
    with RunStore.open(database) as store:
        assert [run.id for run in store.recent()] == ["slow"]


def test_a_message_said_by_two_has_one_wording(database: str, new_run: New) -> None:
    """Who says a message while another is about to fix it gets the same bytes, also when it is the mirror of an end."""
    with RunStore.open(database) as store:
        for run_id in ("r1", "r2"):
            store.add_or_find(new_run(run_id))
    said = after_a_look(
        database, "outbox", lambda it: it.say("r1", "m", b"slow"), lambda it: it.say("r1", "m", b"quick")
    )
    assert said == (b"slow", b"slow")
    end = after_a_look(
        database,
        "outbox",
        lambda store: store.say("r2", "m", b"slow"),
        lambda store: store.commit("r2", "cancelled", at=2.0, mirror=("m", b"quick")),
    )
    assert end == (b"slow", True)
    with RunStore.open(database) as store:
        assert (store.unsaid("r1"), store.unsaid("r2")) == ([("m", b"slow")], [("m", b"slow")])


def test_of_an_end_and_a_progress_the_end_stays(store: RunStore, new_run: New) -> None:
    """However notes and the end of a run meet, the run has ended, and whoever was told False changed nothing."""
    for number in range(20):
        run_id = f"r{number}"
        store.add_or_find(new_run(run_id))
        with ThreadPoolExecutor(4) as pool:
            notes = [pool.submit(store.progress, run_id, at=9.0, status="running", note=str(k)) for k in range(3)]
            assert pool.submit(store.commit, run_id, "completed", at=5.0).result(timeout=60)
            kept = {str(k) for k, note in enumerate(notes) if note.result(timeout=60)}
        run = store.get(run_id)
        assert (run.status, run.updated_at) == ("completed", 5.0)
        assert run.progress_note in kept | {""}


def test_notes_wait_for_nobody_on_a_server(server: str, new_run: New, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one process has its turn to write, others still note how far their runs are."""
    with RunStore.open(server) as store:
        store.add_or_find(new_run("r1"))
        monkeypatch.setattr(schema, "BUSY_S", 1.0)
        with store.database.writing(), ThreadPoolExecutor(1) as pool:
            assert pool.submit(store.progress, "r1", at=2.0, done=1).result(timeout=30)
        assert store.get("r1").progress_done == 1


def test_a_store_has_few_connections(server: str) -> None:
    """Thirty threads of one process read through at most five connections, and one stays when they are done."""
    peak = 0
    with RunStore.open(server) as store:
        pool_of_store = store.database._engine.pool

        def look(_: int) -> None:
            nonlocal peak
            for _ in range(5):
                store.recent()
                peak = max(peak, pool_of_store.checkedout())  # type: ignore[attr-defined]

        with ThreadPoolExecutor(30) as pool:
            list(pool.map(look, range(30)))
        assert peak <= 5
        engine = create_engine(server)
        with engine.connect() as connection:
            here = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            ends = time.monotonic() + 30  # those that were closed take the server a while to end
            while connection.execute(text(here)).scalar() != 2:  # this one and the store's
                assert time.monotonic() < ends
                connection.rollback()
        engine.dispose()

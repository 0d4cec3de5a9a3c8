"""The store's verbs, one process."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dispatcher.runs.record import OPEN, TERMINAL, AttemptRecord, Ended, ResultRecord, Run
from dispatcher.runs.store import RunStore
from protocol.errors import NotFoundError, UsageError

New = Callable[..., Run]
NONCE = "0123456789abcdef"


def test_a_run_comes_back_as_it_was_added(store: RunStore, new_run: New) -> None:
    """Every field survives the database, bytes and structure included."""
    run = new_run(
        "r1", worker="w", progress_done=1, progress_total=3, progress_note="é", engine={"name": "x", "n": [1]}
    )
    assert store.add_or_find(run) == (run, True)
    assert store.get("r1") == run


def test_one_key_has_one_open_run(store: RunStore, new_run: New) -> None:
    """A second run of a key finds the first while it is open, and is added once that has ended."""
    first = new_run("r1", key="k")
    store.add_or_find(first)
    assert store.add_or_find(new_run("r2", key="k")) == (first, False)
    assert store.latest("k") == first
    assert store.commit("r1", "failed", at=2.0)
    assert store.latest("k") == store.get("r1")
    assert not store.get("r1").is_open
    second = new_run("r2", key="k", created_at=1001.0)
    assert store.add_or_find(second) == (store.get("r1"), False)  # nobody has looked at how it ended
    assert store.add_or_find(second, "r1") == (second, True)
    assert store.latest("k") == second
    with pytest.raises(NotFoundError, match="r9"):
        store.get("r9")


def test_an_id_is_used_once(store: RunStore, new_run: New) -> None:
    """A new key under an old id is refused with the hint, not tried for ever."""
    store.add_or_find(new_run("r1", key="k"))
    with pytest.raises(UsageError, match="new id"):
        store.add_or_find(new_run("r1", key="other"))


def test_a_run_begins_open(store: RunStore, new_run: New) -> None:
    """A run that has ended cannot be added."""
    with pytest.raises(UsageError, match="completed"):
        store.add_or_find(new_run("r1", status="completed"))


def test_runs_are_listed_newest_first(store: RunStore, new_run: New) -> None:
    """recent() sorts by time and then id, keeps to its limit, and picks by kind and status."""
    for number in range(5):
        store.add_or_find(new_run(f"r{number}", created_at=1000.0 + number // 2, kind="tts" if number % 2 else "echo"))
    store.commit("r1", "cancelled", at=1.0)
    assert [run.id for run in store.recent()] == ["r4", "r3", "r2", "r1", "r0"]
    assert [run.id for run in store.recent(2)] == ["r4", "r3"]
    assert [run.id for run in store.recent(kind="tts")] == ["r3", "r1"]
    assert [run.id for run in store.recent(kind="tts", status="cancelled")] == ["r1"]


def test_progress_changes_what_is_said_and_no_more(store: RunStore, new_run: New) -> None:
    """What is None stays; zero and the empty text are said."""
    run = new_run("r1")
    store.add_or_find(run)
    assert store.progress("r1", at=5.0, status="running", done=2, total=3, note="two", worker="w1")
    assert store.progress("r1", at=6.0, done=0, note="")
    assert store.get("r1") == dataclasses.replace(
        run,
        status="running",
        progress_done=0,
        progress_total=3,
        progress_note="",
        worker="w1",
        updated_at=6.0,
        started_at=5.0,
    )
    with pytest.raises(UsageError, match="commit"):
        store.progress("r1", at=7.0, status="completed")
    with pytest.raises(NotFoundError):
        store.progress("r9", at=7.0)


@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_what_has_ended_stays_as_it_is(store: RunStore, new_run: New, end: str) -> None:
    """After the first commit no commit, progress or new offer changes anything, whatever the end was."""
    store.add_or_find(new_run("r1"))
    assert store.commit("r1", end, at=2.0, result=ResultRecord(nonce=NONCE, verified="full", engine={"name": "e"}))  # type: ignore[arg-type]
    ended = store.get("r1")
    assert (ended.status, ended.nonce, ended.verified, ended.engine) == (end, NONCE, "full", {"name": "e"})
    for other in sorted(TERMINAL):
        assert not store.commit("r1", other, at=3.0, result=ResultRecord(nonce="f" * 16))  # type: ignore[arg-type]
    assert not store.progress("r1", at=3.0, status="running", done=1)
    assert store.offer_again("r1", instead_of="r1", job="r1b", request=b"new", at=3.0) == ended
    assert store.get("r1") == ended


@pytest.mark.parametrize("status", sorted(OPEN))
def test_a_run_can_end_from_every_open_status(store: RunStore, new_run: New, status: str) -> None:
    """Cancel works on a run that never got into the drop as on one that is being verified."""
    store.add_or_find(new_run("r1", status=status))
    assert store.commit("r1", "cancelled", at=2.0, error_text="by the user")
    assert store.get("r1").error_text == "by the user"


def test_an_end_is_an_end(store: RunStore, new_run: New) -> None:
    """commit() to an open status is refused, and of an unknown run it says so."""
    store.add_or_find(new_run("r1"))
    with pytest.raises(UsageError, match="running"):
        store.commit("r1", "running", at=2.0)
    with pytest.raises(NotFoundError, match="r9"):
        store.commit("r9", "failed", at=2.0)


def test_of_many_threads_one_commits(store: RunStore, new_run: New) -> None:
    """Accept, cancel and expiry at once from twelve threads: one gets True, and the run holds what that one said."""
    store.add_or_find(new_run("r1"))
    start, won = threading.Barrier(12), []
    ends = ("completed", "cancelled", "expired")

    def end(number: int) -> None:
        start.wait()
        if store.commit("r1", ends[number % 3], at=2.0, result=ResultRecord(nonce=f"{number:016x}")):  # type: ignore[arg-type]
            won.append(number)

    threads = [threading.Thread(target=end, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    run = store.get("r1")
    assert (run.status, run.nonce) == (ends[won[0] % 3], f"{won[0]:016x}")


def test_a_torn_request_is_offered_again(store: RunStore, new_run: New) -> None:
    """The same run gets another job and request, and stays the run of its key."""
    store.add_or_find(new_run("r1", key="k"))
    again = store.offer_again("r1", instead_of="r1", job="r1b", request=b"again", at=4.0)
    assert (again.id, again.job, again.request, again.status) == ("r1", "r1b", b"again", "pending")
    assert store.latest("k") == again
    assert store.offer_again("r1", instead_of="r1", job="r1c", request=b"late", at=5.0) == again


def test_a_message_keeps_its_first_bytes(store: RunStore, new_run: New) -> None:
    """say() returns what is fixed under the name, so that a second writer writes the same bytes (R1)."""
    store.add_or_find(new_run("r1"))
    assert store.say("r1", "r1/cancel-1.json", b"first") == b"first"
    assert store.say("r1", "r1/cancel-1.json", b"second") == b"first"
    assert store.unsaid("r1") == [("r1/cancel-1.json", b"first")]
    with pytest.raises(NotFoundError):
        store.say("r9", "x", b"x")


def test_messages_are_said_in_order_and_once(store: RunStore, new_run: New) -> None:
    """unsaid() gives what is still to be written, in the order of fixing, whatever the names sort like."""
    for run_id in ("r1", "r2"):
        store.add_or_find(new_run(run_id))
    for name in ("z", "a", "m"):
        store.say("r1", name, name.encode())
    assert [name for name, _ in store.unsaid("r1")] == ["z", "a", "m"]
    store.said("r1", "a", at=5.0)
    assert [name for name, _ in store.unsaid("r1")] == ["z", "m"]
    assert store.say("r1", "a", b"later") == b"a"
    assert [name for name, _ in store.unsaid("r1")] == ["z", "m"]
    assert store.unsaid("r2") == []


def test_an_end_and_its_mirror_are_one(store: RunStore, new_run: New) -> None:
    """The message that mirrors a commit is fixed with it by the winner, and not by the loser."""
    store.add_or_find(new_run("r1"))
    assert store.commit("r1", "completed", at=2.0, mirror=("r1/accepted-1.json", b"yes"))
    assert not store.commit("r1", "cancelled", at=3.0, mirror=("r1/cancel-1.json", b"no"))
    assert store.unsaid("r1") == [("r1/accepted-1.json", b"yes")]


def test_ended_runs_wait_to_be_cleaned(store: RunStore, new_run: New) -> None:
    """uncleaned() names a drop's runs that ended long enough ago, until cleaned() was said."""
    for run_id, drop_id in (("old", "d1"), ("new", "d1"), ("open", "d1"), ("other", "d2")):
        store.add_or_find(new_run(run_id, drop_id=drop_id))
    store.commit("old", "completed", at=10.0)
    store.commit("new", "completed", at=20.0)
    store.commit("other", "completed", at=10.0)
    assert [run.id for run in store.uncleaned("d1", before=15.0)] == ["old"]
    store.cleaned("old", at=30.0)
    assert store.uncleaned("d1", before=15.0) == []
    assert store.get("old").cleaned_at == 30.0


@pytest.mark.parametrize(
    "wrong", [{"status": "done"}, {"key": ""}, {"job": ""}, {"request": b""}, {"created_at": float("nan")}]
)
def test_a_wrong_run_cannot_exist(new_run: New, wrong: dict[str, object]) -> None:
    """The record checks itself when it is made."""
    with pytest.raises(ValueError, match="run"):
        new_run("r1", **wrong)


def test_a_store_may_be_opened_by_path_text_or_url(tmp_path: Path) -> None:
    """The same file by Path, by text and by URL is the same database, odd characters in its path included."""
    path = tmp_path / "a b%20c" / "ü?#.db"
    with RunStore.open(path) as first, RunStore.open(str(path)) as second:
        assert first.dispatcher_id == second.dispatcher_id
    plain = tmp_path / "plain.db"
    with RunStore.open(f"sqlite:///{plain}") as by_url, RunStore.open(plain) as by_path:
        assert by_url.dispatcher_id == by_path.dispatcher_id


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_worker_and_duration_are_known_of_what_no_look_saw_running(store: RunStore, new_run: New, status: str) -> None:
    """The attempt that decided tells whose it was; the work lies between the offer and the end."""
    store.add_or_find(new_run("r1"))
    store.progress("r1", at=1001.0, status="queued")
    how = "accepted" if status == "completed" else "failed"
    attempts = [AttemptRecord(nonce="n", n=1, worker="t4", status=how, seen_at=1003.0)]  # type: ignore[arg-type]
    assert store.commit("r1", status, at=1003.0, ended=Ended(attempts=attempts))  # type: ignore[arg-type]
    run = store.get("r1")
    assert (run.worker, run.started_at, run.run_s) == ("t4", 1001.0, 2.0)


def test_what_was_seen_running_keeps_its_beginning(store: RunStore, new_run: New) -> None:
    """And a run that nobody was at has neither worker nor duration."""
    store.add_or_find(new_run("r1"))
    store.progress("r1", at=1001.0, status="queued")
    store.progress("r1", at=1002.0, status="running", worker="t4")
    attempts = [AttemptRecord(nonce="n", n=1, worker="t4", status="accepted", seen_at=1002.0)]
    store.commit("r1", "completed", at=1003.0, ended=Ended(attempts=attempts))
    assert store.get("r1").run_s == 1.0
    store.add_or_find(new_run("r2"))
    store.commit("r2", "cancelled", at=1003.0)
    assert (store.get("r2").worker, store.get("r2").run_s) == (None, None)


def test_who_answers_in_the_simple_form_is_an_old_worker(store: RunStore, new_run: New) -> None:
    """Nobody tells a name, and a list is not left without one."""
    store.add_or_find(new_run("r1"))
    store.commit("r1", "completed", at=1003.0, result=ResultRecord(verified="legacy"))
    assert (store.get("r1").worker, store.get("r1").run_s) == ("old worker", 3.0)

"""Real processes against one database: opening, adding and committing at once, and being killed."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dispatcher.runs.store import RunStore

PRELUDE = """
import json, sys
from dispatcher.runs.record import ResultRecord, Run
from dispatcher.runs.store import RunStore

place, who = sys.argv[1], sys.argv[2]

def new(run_id, key):
    return Run(id=run_id, key=key, kind="echo", status="pending", drop="/d", drop_id="0", job=run_id, digest="d",
               request=who.encode() * 500, created_at=1.0, updated_at=1.0)

print("ready", flush=True)
sys.stdin.readline()
"""

OPEN_AT_ONCE = "print(RunStore.open(place).dispatcher_id)"

ADD_AT_ONCE = """
store = RunStore.open(place)
print(json.dumps([store.add_or_find(new(f"r{who}-{k}", f"key-{k}"))[1] for k in range(50)]))
"""

COMMIT_AT_ONCE = """
store = RunStore.open(place)
ends = ["completed", "cancelled", "expired"]
print(json.dumps([store.commit(f"r{k}", ends[int(who) % 3], at=2.0, result=ResultRecord(nonce=who * 16),
                               mirror=(f"r{k}/{who}", who.encode())) for k in range(50)]))
"""

WRITE_FOR_EVER = """
store = RunStore.open(place)
k = 0
while True:
    run_id = f"r{who}-{k}"
    store.add_or_find(new(run_id, run_id))
    print(f"added {run_id}", flush=True)
    store.commit(run_id, "completed", at=2.0, result=ResultRecord(nonce="a" * 16),
                 mirror=(f"{run_id}/accepted-1.json", b"x" * 300))
    print(f"ended {run_id}", flush=True)
    k += 1
"""


def start(script: str, database: str, who: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, str(database), str(who)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def at_once(script: str, database: str, count: int) -> list[str]:
    """Run a script in several processes that begin together; return what each printed."""
    racers = [start(script, database, who) for who in range(count)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    ends = [racer.communicate(timeout=60) for racer in racers]
    assert [(racer.returncode, err) for racer, (_, err) in zip(racers, ends, strict=True)] == [(0, "")] * count
    return [out for out, _ in ends]


def test_processes_that_open_at_once_make_one_database(database: str) -> None:
    """Four first opens at the same moment migrate once and agree on the dispatcher's id."""
    ids = {line.strip() for line in at_once(OPEN_AT_ONCE, database, 4)}
    with RunStore.open(database) as store:
        assert ids == {store.dispatcher_id}


def test_of_processes_that_add_one_key_one_adds_it(database: str) -> None:
    """Three processes submit the same fifty jobs at once: fifty runs, each added by exactly one."""
    added = [json.loads(line) for line in at_once(ADD_AT_ONCE, database, 3)]
    assert [sum(of_one_key) for of_one_key in zip(*added, strict=True)] == [1] * 50
    with RunStore.open(database) as store:
        assert sorted(run.key for run in store.recent(1000)) == sorted(f"key-{k}" for k in range(50))


def test_of_processes_that_commit_one_wins(database: str, new_run: object) -> None:
    """Three processes end the same fifty runs at once: one True a run; status, nonce and mirror are the winner's."""
    with RunStore.open(database) as store:
        for k in range(50):
            store.add_or_find(new_run(f"r{k}"))  # type: ignore[operator]
        won = [json.loads(line) for line in at_once(COMMIT_AT_ONCE, database, 3)]
        for k in range(50):
            winners = [who for who in range(3) if won[who][k]]
            assert len(winners) == 1
            winner, run = winners[0], store.get(f"r{k}")
            assert run.status == ("completed", "cancelled", "expired")[winner % 3]
            assert run.nonce == str(winner) * 16
            assert store.unsaid(run.id) == [(f"r{k}/{winner}", str(winner).encode())]


def test_a_killed_writer_forgets_nothing_it_had_said(database: str) -> None:
    """Killed at five seeded moments, a writer leaves a sound database with every run and end it had printed."""
    moments = random.Random(2)
    RunStore.open(database).close()
    for who in range(5):
        writer = start(WRITE_FOR_EVER, database, who)
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
        assert writer.stdout.readline() == "ready\n"
        first = writer.stdout.readline()
        time.sleep(moments.uniform(0.0, 0.05))
        writer.send_signal(signal.SIGKILL)
        lines = [first.strip(), *writer.communicate(timeout=30)[0].splitlines()]
        said = [line.split() for line in lines if line.endswith(tuple("0123456789"))]
        with RunStore.open(database) as store:
            for did, run_id in said:
                run = store.get(run_id)
                if did == "ended":
                    assert (run.status, run.nonce) == ("completed", "a" * 16)
                    assert store.unsaid(run_id) == [(f"{run_id}/accepted-1.json", b"x" * 300)]
        if database.startswith("sqlite"):
            with sqlite3.connect(database.removeprefix("sqlite:///")) as raw:
                assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            raw.close()


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.3])
def test_a_kill_during_the_first_open_leaves_a_database_that_opens(database: str, seconds: float) -> None:
    """Half a migration is no migration: the next open finishes the work."""
    opener = start(OPEN_AT_ONCE, database, 0)
    assert opener.stdin is not None
    assert opener.stdout is not None
    assert opener.stdout.readline() == "ready\n"
    opener.stdin.write("go\n")
    opener.stdin.flush()
    time.sleep(seconds)
    opener.kill()
    opener.communicate(timeout=30)
    with RunStore.open(database) as store:
        assert store.recent() == []
        assert len(store.dispatcher_id) == 16


def test_threads_that_open_at_once_do_not_mix(tmp_path: Path) -> None:
    """Six threads open three new databases at once: each is made once, and none is mixed up with another."""
    places = [tmp_path / f"{k % 3}.sqlite3" for k in range(6)]
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(RunStore.open, places))
    ids = [store.dispatcher_id for store in stores]
    assert ids[:3] == ids[3:]
    assert len(set(ids)) == 3
    for store in stores:
        assert store.recent() == []
        store.close()

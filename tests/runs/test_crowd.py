"""Fifty writers at once on one database, in five processes of ten threads: nothing is lost, nothing happens twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dispatcher.runs.store import RunStore

PROCESSES, THREADS, OWN, SHARED = 5, 10, 2, 3

WRITER = """
import json, sys, threading
from concurrent.futures import ThreadPoolExecutor
from dispatcher.runs.record import ResultRecord, Run
from dispatcher.runs.store import RunStore

place, process, threads, own, shared = sys.argv[1], *(int(it) for it in sys.argv[2:])
together = threading.Barrier(threads)

def new(run_id, key):
    return Run(id=run_id, key=key, kind="echo", status="pending", drop="/d", drop_id="0", job=run_id, digest="d",
               request=run_id.encode() * 200, created_at=1.0, updated_at=1.0)

def write(who):
    told = {"who": who, "own": [], "added": [], "ended": [], "said": []}
    with RunStore.open(place) as store:
        together.wait()
        for k in range(max(own, shared)):
            if k < own:
                run_id = f"own-{who}-{k}"
                assert store.add_or_find(new(run_id, run_id)) == (new(run_id, run_id), True)
                assert store.progress(run_id, at=2.0, status="running", done=k, total=own, note=who, worker=who)
                store.say(run_id, f"{run_id}/say", who.encode())
                store.said(run_id, f"{run_id}/say", at=3.0)
                result, mirror = ResultRecord(nonce=who), (f"{run_id}/mirror", b"yes")
                assert store.commit(run_id, "completed", at=4.0, result=result, mirror=mirror)
                told["own"].append(run_id)
            if k < shared:
                run, added = store.add_or_find(new(f"shared-{who}-{k}", f"key-{k}"))
                told["added"] += [run.id] * added
                store.progress(run.id, at=2.0, note=who)
                told["said"].append([run.id, store.say(run.id, f"{run.id}/say", who.encode()).decode()])
                told["ended"] += [run.id] * store.commit(run.id, "failed", at=5.0, error_text=who)
    return told

print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(threads) as pool:
    print(json.dumps(list(pool.map(write, (f"{process}.{thread}" for thread in range(threads))))))
"""


def crowd(database: str) -> list[dict[str, Any]]:
    """Let all writers write together; return what each was told."""
    sizes = [str(it) for it in (THREADS, OWN, SHARED)]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, database, str(process), *sizes],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for process in range(PROCESSES)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(PROCESSES) as pool:
        answers = list(pool.map(lambda writer: writer.communicate("go\n", timeout=150), writers))
    assert [err for _, err in answers] == [""] * PROCESSES
    return [writer for out, _ in answers for writer in json.loads(out)]


def test_fifty_writers_lose_nothing(database: str) -> None:
    """Every run that was added, said or ended is there as its writer was told; of each race there is one winner."""
    RunStore.open(database).close()
    told = crowd(database)
    assert len(told) == PROCESSES * THREADS
    with RunStore.open(database) as store:
        runs = {run.id: run for run in store.recent(10_000)}
        own = [run_id for writer in told for run_id in writer["own"]]
        assert len(set(own)) == PROCESSES * THREADS * OWN
        for run_id in own:
            _, who, k = run_id.split("-")
            run = runs.pop(run_id)
            assert (run.status, run.nonce, run.worker, run.progress_done) == ("completed", who, who, int(k))
            assert run.request == run_id.encode() * 200
            assert store.unsaid(run_id) == [(f"{run_id}/mirror", b"yes")]
        assert Counter(run.key for run in runs.values()) == {f"key-{k}": 1 for k in range(SHARED)}
        assert sorted(run_id for writer in told for run_id in writer["added"]) == sorted(runs)
        assert sorted(run_id for writer in told for run_id in writer["ended"]) == sorted(runs)
        for run_id, run in runs.items():
            assert [run.error_text] == [writer["who"] for writer in told if run_id in writer["ended"]]
            said = {data for writer in told for to, data in writer["said"] if to == run_id}
            assert store.unsaid(run_id) == [(f"{run_id}/say", data.encode()) for data in said]

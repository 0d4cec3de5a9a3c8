"""No-op jobs through a local folder, side by side with huey's file queue and Celery's filesystem broker, in one run.

    .venv/bin/python benchmarks/dispatch.py [--jobs 60] [--drain 1 100 1000 10000] [--finished 0 10000] [--json FILE]

Ours is the whole way: run database, sealed request, claim, child process, manifest, verification, acceptance; "durable"
waits for the disk with every decision, "equal" leaves that to the system, as the others do. Theirs is a pickled or JSON
call and its answer, unchecked. They are the peers because they too need but a folder; both come with the extra `bench`.
Every answer is compared with what was sent before its time counts. The parties take turns, with random gaps.

Targets: ours "equal" at or below huey "tuned"; within 1.5 times that with 10,000 finished jobs about; idle below 0.5 %
of a core; nothing lost or doubled. docs/performance.md says which are met.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.parties import GONE_S, MAKERS, READY_S, Party, cpu_s, wait_until_up

GAP_S = (0.02, 0.12)
KILL_EVERY_S = (0.3, 2.0)
DRAIN_AT_MOST_S = 300.0


def main() -> None:
    """Run, print a table, write JSON."""
    options = _options()
    rows: list[dict[str, Any]] = []
    for finished in options.finished:
        with tempfile.TemporaryDirectory(prefix="gpudrop-bench-") as folder, contextlib.ExitStack() as stack:
            parties = [
                _up(stack, MAKERS[system][0](Path(folder) / f"{system}-{arm}", arm, finished))
                for system in options.systems
                for arm in MAKERS[system][1]
                if not finished or arm != "default"  # to finish so many takes those as they come an hour
            ]
            rows += _measure(parties, options, finished)
    told = {"rows": rows, **_machine(options)}
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(told, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=60, help="round trips of each party")
    parser.add_argument("--drain", type=int, nargs="*", default=[1, 100, 1000, 10_000], help="how many jobs at once")
    parser.add_argument("--finished", type=int, nargs="*", default=[0, 10_000], help="finished jobs in the tree")
    parser.add_argument("--kills", type=int, default=40, help="jobs during which workers are killed at random")
    parser.add_argument("--gone", type=float, default=GONE_S, help="seconds after which one of these is lost")
    parser.add_argument("--idle", type=float, default=60, help="seconds without a job, for the processor's time")
    here = [name for name in MAKERS if name == "gpudrop" or importlib.util.find_spec(name.removeprefix("file"))]
    parser.add_argument("--systems", nargs="*", choices=list(MAKERS), default=here)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _up(stack: contextlib.ExitStack, party: Party) -> Party:
    stack.callback(party.close)
    stack.callback(lambda: party.process.stop())  # noqa: PLW0108 - it is another process after a kill
    wait_until_up(party)
    return party


def _measure(parties: list[Party], options: argparse.Namespace, finished: int) -> list[dict[str, Any]]:
    """Return the rows for one state of the folder: round trips, idle, draining and, with an empty folder, kills."""
    rows = []
    for party, times in _round_trips(parties, options.jobs):
        rows.append(_row(party, finished, times=times, lost=options.jobs - len(times)))
    for party, share in _idle(parties, options.idle):
        next(row for row in rows if _is(row, party))["idle_cpu_percent"] = share
    for count in options.drain:
        able = [party for party in parties if _is_quick_enough(party, rows, count)]
        rows += [_drained(party, finished, count) for party in random.sample(able, len(able))]
    if not finished and options.kills:
        rows += [_killed(party, options.kills, options.gone) for party in parties]
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items() if value is not None), flush=True)
    return rows


def _is(row: dict[str, Any], party: Party) -> bool:
    return (row["system"], row["arm"]) == (party.system, party.arm)


def _is_quick_enough(party: Party, rows: list[dict[str, Any]], count: int) -> bool:
    """Say whether a candidate, at its measured speed, would drain this many jobs in a reasonable time."""
    rates = [row["jobs_per_s"] for row in rows if _is(row, party) and row.get("jobs_per_s")]
    return not rates or count / rates[-1] <= DRAIN_AT_MOST_S


def _row(
    party: Party, finished: int, *, times: list[float], seconds: float | None = None, **more: Any
) -> dict[str, Any]:
    ordered = sorted(times)
    return {
        "system": party.system,
        "arm": party.arm,
        "finished": finished,
        "jobs": len(times),
        "p50_ms": round(1000 * statistics.median(ordered), 2) if ordered else None,
        "p99_ms": round(1000 * ordered[int(len(ordered) * 0.99)], 2) if ordered else None,
        "jobs_per_s": round(len(times) / seconds, 1) if seconds else None,
        **{name: value for name, value in more.items() if value is not None},
    }


def _round_trips(parties: list[Party], jobs: int) -> list[tuple[Party, list[float]]]:
    """Send one job after another, the candidates in random order, with random gaps. Lost jobs have no time."""
    times: list[list[float]] = [[] for _ in parties]
    for number in range(jobs):
        for index in random.sample(range(len(parties)), len(parties)):
            time.sleep(random.uniform(*GAP_S))
            started = time.perf_counter()
            if _came_back(parties[index], f"trip {number}"):
                times[index].append(time.perf_counter() - started)
    return list(zip(parties, times, strict=True))


def _came_back(party: Party, text: str) -> bool:
    """Send a text and say whether it came back; a different answer ends the benchmark."""
    text = f"{party.system} {party.arm} {text}"
    wait = party.send(text)
    try:
        answer = wait(GONE_S)
    except Exception as error:  # each party tells of a timeout in its own words
        print(f"lost: {text}: {type(error).__name__}", flush=True)
        party.kill()  # a worker that broke over a message serves no more: start it again, as its keeper would
        return False
    if answer != text:
        raise SystemExit(f"sent {text!r}, got {answer!r}")
    return True


def _idle(parties: list[Party], seconds: float) -> list[tuple[Party, float]]:
    """Return how much of one core each idle worker uses, in percent."""
    before = [cpu_s(party.pids()) for party in parties]
    time.sleep(seconds)
    used = [cpu_s(party.pids()) - start for party, start in zip(parties, before, strict=True)]
    return [(party, round(100 * one / seconds, 2)) for party, one in zip(parties, used, strict=True)] if seconds else []


def _drained(party: Party, finished: int, count: int) -> dict[str, Any]:
    """Send many jobs at once and wait for all."""
    texts = [f"{party.system} {party.arm} {finished} drain {count} {number}" for number in range(count)]
    started = time.perf_counter()
    waits = [party.send(text) for text in texts]
    answers, late = [], 0.0
    for wait in waits:
        began = time.perf_counter()
        try:
            answers.append(wait(GONE_S if late else READY_S))
        except Exception:  # each party tells of a timeout in its own words
            late += time.perf_counter() - began
            answers.append(None)
        if late > 4 * GONE_S:
            break
    seconds = time.perf_counter() - started - late
    if any(answer not in (None, text) for answer, text in zip(answers, texts, strict=False)):
        raise SystemExit(f"{party.system} {party.arm}: the answers are not what was sent")
    lost = count - sum(answer is not None for answer in answers)
    return _row(party, finished, times=[]) | {
        "jobs": count, "jobs_per_s": round((count - lost) / seconds, 1), "lost": lost
    }  # fmt: skip


def _killed(party: Party, count: int, gone_s: float) -> dict[str, Any]:
    """Kill the worker at random moments while jobs go through; count what never came back and what was done twice."""
    ended, in_vain = threading.Event(), 0

    def strike() -> None:
        """Kill at once, then at growing intervals until a job comes back: a worker needs time to start."""
        nonlocal in_vain
        while not ended.is_set():
            party.kill()
            in_vain += 1
            ended.wait(in_vain * random.uniform(*KILL_EVERY_S))

    striker = threading.Thread(target=strike)
    striker.start()
    texts, lost = [f"{party.system} {party.arm} kill {number}" for number in range(count)], 0
    try:
        for text in texts:
            try:
                lost += party.send(text)(gone_s) != text
                in_vain = 0
            except Exception:  # each party tells of a timeout in its own words; what does not come back is lost
                lost += 1
    finally:
        ended.set()
        striker.join()
    done = party.executed()
    return _row(party, 0, times=[]) | {
        "jobs": count, "killed": True, "lost": lost, "doubled": sum(done[text] > 1 for text in texts)
    }  # fmt: skip


def _machine(options: argparse.Namespace) -> dict[str, Any]:
    peers = {"huey", "celery"} & {name.removeprefix("file") for name in options.systems}
    return {
        "machine": {
            "cpus": os.cpu_count(),
            "system": platform.system(),
            "python": platform.python_version(),
        },
        "versions": {name: version(name) for name in sorted({"gpudrop", *peers})},
        "command": " ".join(["python -m benchmarks.dispatch", *sys.argv[1:]]),
    }


if __name__ == "__main__":
    main()

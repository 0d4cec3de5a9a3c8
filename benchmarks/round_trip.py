"""No-op jobs through a local folder, side by side with huey's file queue, in one run with random gaps.

    .venv/bin/python benchmarks/round_trip.py [--jobs 40] [--json FILE]

Ours is the whole way: run database, sealed request, claim, child process, manifest, verification, acceptance.
huey's is a pickled call and a pickled answer, unchecked; it is the peer because it too needs but a folder. Install it
beside us first: `uv pip install huey`. Every answer is compared with what was sent before its time counts.

Target: p50 within 10 times huey tuned to a 1 ms poll, and faster than huey as it comes.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dispatcher.client import Client
from dispatcher.drops import init_drop
from dispatcher.jobs import Job
from dispatcher.runs.store import RunStore
from dispatcher.workers.process import ChildProcess, LocalWorker

HUEY_TASKS = """
import os
from huey import FileHuey
huey = FileHuey("bench", path=os.environ["BENCH_FOLDER"])

@huey.task()
def echo(text):
    return text
"""
READY_S = 60.0


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[Callable[[str], str]]:
    """Yield a function that sends a text through a drop and a worker process."""
    init_drop(folder / "drop")
    store = RunStore.open(f"sqlite:///{folder / 'runs.sqlite3'}")
    client = Client(folder / "drop", store=store, results=folder / "results")
    with LocalWorker(folder / "drop", folder / "worker.log"):
        yield (
            lambda text: (
                client.submit(Job(kind="echo", params={"text": text})).wait(READY_S).files["echo.txt"].read_text()
            )
        )
    client.close()
    store.close()


@contextlib.contextmanager
def huey(folder: Path, poll_s: float | None) -> Iterator[Callable[[str], str]]:
    """Yield a function that sends a text through huey's file queue and its consumer process."""
    folder.mkdir()
    module = folder / f"tasks_{folder.name}.py"
    module.write_text(HUEY_TASKS.replace('os.environ["BENCH_FOLDER"]', repr(str(folder / "queue"))))
    spec = importlib.util.spec_from_file_location(module.stem, module)
    assert spec is not None
    assert spec.loader is not None
    tasks = importlib.util.module_from_spec(spec)
    sys.modules[module.stem] = tasks
    spec.loader.exec_module(tasks)
    consumer = [sys.executable, "-m", "huey.bin.huey_consumer", f"{module.stem}.huey", "-w", "1", "-n"]
    consumer += ["-d", str(poll_s), "-m", str(poll_s)] if poll_s else []
    result = {"blocking": True, "timeout": READY_S} | ({"backoff": 1, "max_delay": poll_s} if poll_s else {})
    with ChildProcess(["env", f"PYTHONPATH={folder}", *consumer], folder / "consumer.log"):
        yield lambda text: str(tasks.echo(text)(**result))


def measure(send: Callable[[str], str], text: str) -> float:
    """Return the seconds one job took, once its answer was found to be right."""
    started = time.perf_counter()
    answer = send(text)
    took = time.perf_counter() - started
    if answer != text:
        raise SystemExit(f"sent {text!r}, got {answer!r}")
    return took


def main() -> None:
    """Run, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        peers = {"gpudrop": stack.enter_context(ours(Path(folder) / "gpudrop"))}
        if importlib.util.find_spec("huey"):
            peers["huey as it comes"] = stack.enter_context(huey(Path(folder) / "huey", None))
            peers["huey, 1 ms poll"] = stack.enter_context(huey(Path(folder) / "tuned", 0.001))
        times = run(peers, options.jobs)
    table = {
        name: {"p50_ms": round(1000 * statistics.median(t), 1), "max_ms": round(1000 * max(t), 1)}
        for name, t in times.items()
    }
    for name, row in table.items():
        print(f"{name:20} p50 {row['p50_ms']:8.1f} ms   max {row['max_ms']:8.1f} ms   n={options.jobs}")
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n")


def run(peers: dict[str, Callable[[str], str]], jobs: int) -> dict[str, list[float]]:
    """Measure the peers in turn, in random order and with random gaps; the first job of each only warms it up."""
    for name, send in peers.items():
        measure(send, f"warm {name}")
    times: dict[str, list[float]] = {name: [] for name in peers}
    for n in range(jobs):
        for name in random.sample(list(peers), len(peers)):
            time.sleep(random.uniform(0.02, 0.12))
            times[name].append(measure(peers[name], f"{name} {n}"))
    return times


if __name__ == "__main__":
    main()

"""How long the dashboard's server takes for each page and filter, with 10,000 runs in its database.

    .venv/bin/python -m benchmarks.dashboard [--runs 10000] [--rounds 30] [--json FILE]

The database is filled by the product's own verbs. Pages are asked for in random order over one loopback connection, as
a browser does; what counts is the whole time from request to answer, sending included. Before anything is timed, each
answer is compared with what the database has: the number of runs that the page tells is the number there is.

Target: every page under 100 ms (median; the 95th percentile is told beside it).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from dispatcher.config import Settings
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from dispatcher.web import building
from dispatcher.web.sights import StatusPoller
from tests.support import history

TARGET_MS = 100.0
OPEN = 25


def main() -> None:
    """Fill the database, check, measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gpudrop-bench-") as folder:
        told = measure(Path(folder), asked.runs, asked.rounds)
    show(told)
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(told, indent=1) + "\n")


def measure(folder: Path, runs: int, rounds: int) -> dict[str, object]:
    """Return the milliseconds of each page."""
    settings = Settings(data_dir=folder, home=folder)
    with RunStore.open(settings.database, durability="relaxed") as store:
        made = fill(store, runs)
        sights = StatusPoller(lambda _: [], lambda _: [], time.time)
        with (
            building.build(settings, store, 0, sights=sights) as built,
            built.serving(),
            httpx.Client(base_url=f"http://127.0.0.1:{built.port}", timeout=60) as client,
        ):
            client.get(built.access.link)
            pages = addresses(client, made)
            check(client, store, pages)
            return {"runs": runs, "machine": machine(), "pages": timed(client, pages, rounds)}


def fill(store: RunStore, number: int) -> list[Run]:
    """Add runs that have ended, and some that are still running."""
    now = time.time()
    made = history.fill(store, number - OPEN, now=now - 60)
    for n in range(OPEN):
        run = history.run_of(number + n, now - 50, "upscale")
        history.running(store, run, at=now - 40, done=n, total=OPEN, note=f"frame {n} of {OPEN}")
        made.append(run)
    return made


def addresses(client: httpx.Client, made: list[Run]) -> dict[str, str]:
    """Return the addresses that are measured, by name."""
    pages = {
        "overview": "/",
        "runs, first page": "/runs",
        "kind": "/runs?kind=upscale",
        "two kinds": "/runs?kind=upscale&kind=tts",
        "status failed": "/runs?status=failed",
        "status expired (few)": "/runs?status=expired",
        "tag": "/runs?tag=night",
        "last 24 hours": "/runs?time=day",
        "last 30 days": "/runs?time=month",
        "text in a title": "/runs?q=harbour",
        "text in an error": "/runs?q=out+of+memory",
        "text that nothing has": "/runs?q=zzzzzz",
        "group": f"/runs?group={made[0].group_id}",
        "kind, status, time, tag, text": "/runs?kind=encode&status=completed&time=month&tag=draft&q=talk",
        "one run": f"/runs/{made[len(made) // 2].id}",
        "one run by its short id": f"/runs/{made[len(made) // 2].id[-8:]}",
        "workers": "/workers",
        "tours": "/tours",
    }
    far = "/runs"
    for _ in range(20):
        found = re.search(r'rel="next" href="([^"]+)"', client.get(far).text)
        assert found is not None, "there are more pages than that"
        far = found[1].replace("&amp;", "&")
    return pages | {"runs, 21st page": far}


def check(client: httpx.Client, store: RunStore, pages: dict[str, str]) -> None:
    """Check that the measured pages are correct."""
    everything = store.recent(limit=1_000_000)
    wanted = {
        "runs, first page": len(everything),
        "kind": sum(run.kind == "upscale" for run in everything),
        "status failed": sum(run.status == "failed" for run in everything),
        "text in a title": sum("harbour" in run.title for run in everything),
        "text that nothing has": 0,
    }
    for name, number in wanted.items():
        assert f"<b>{number}</b> run" in client.get(pages[name]).text, f"{name} does not show {number} runs"


def timed(client: httpx.Client, pages: dict[str, str], rounds: int) -> dict[str, dict[str, float]]:
    """Request every page in rounds of random order; return the milliseconds of each."""
    taken: dict[str, list[float]] = {name: [] for name in pages}
    chance = random.Random(1)
    for _ in range(rounds):
        for name in chance.sample(list(pages), len(pages)):
            begun = time.perf_counter()
            answer = client.get(pages[name])
            taken[name].append(1000 * (time.perf_counter() - begun))
            assert answer.status_code == 200, f"{name}: {answer.status_code}"
    return {
        name: {
            "median_ms": round(statistics.median(each), 1),
            "p95_ms": round(statistics.quantiles(each, n=20)[-1], 1),
            "best_ms": round(min(each), 1),
        }
        for name, each in taken.items()
    }


def machine() -> dict[str, object]:
    """Return a description of the machine."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"cores": os.cpu_count(), "python": platform.python_version(), "load": load}


def show(told: dict[str, object]) -> None:
    """Print a table."""
    pages = told["pages"]
    assert isinstance(pages, dict)
    print(f"{told['runs']} runs; milliseconds from request to answer, {told['machine']}")
    print(f"{'':32}{'median':>9}{'p95':>9}{'best':>9}")
    for name, each in pages.items():
        mark = "" if each["median_ms"] < TARGET_MS else "   over the target"
        print(f"{name:32}{each['median_ms']:9.1f}{each['p95_ms']:9.1f}{each['best_ms']:9.1f}{mark}")


if __name__ == "__main__":
    main()

"""A narration job over a slow Drive by three transports, in one run: their cost in seconds and in calls.

    .venv/bin/python -m benchmarks.dispatch_rclone [--jobs 6] [--arms …] [--json FILE]

The Drive is a small one of this machine behind rclone's real Drive backend; every call takes 300 ms, and two files or
folders a second can be made. Both sides go the same way: an rclone mount as it comes, a mount with `--rc` and the flags
of docs/mounts.md, or rclone without a mount. A job is twelve spoken steps; its files are compared between the ways
before its figures count. `over_s` is what a job takes longer than the same job through a local folder. Needs rclone and
FUSE.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.integrity import sha256_of
from protocol.layout import DROP_CARD
from protocol.messages import DropCard
from protocol.transports import rclone_server
from tests.support.drops import make_drop, worker
from tests.support.fake_drive import FOLDER, ROOT, Drive, fake_drive
from tests.support.rclone import Mount, mounted

CALL_S, CREATES_PER_S = 0.3, 2.0
STEPS = 12
JOB_S = 1800.0
GAP_S = 5.0
ARMS = ("local", "mount", "mount-rc", "rclone")


def main() -> None:
    """Run the transports one after another, print a line per job, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--jobs", type=int, default=6, help="jobs over each way; settling is adapted from the fourth on"
    )
    parser.add_argument("--arms", nargs="*", choices=ARMS, default=ARMS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    made: dict[int, set[tuple[str, ...]]] = {}
    rows = [row for arm in options.arms for row in _measure(arm, options.jobs, made)]
    if any(len(results) > 1 for results in made.values()):
        raise SystemExit("the ways gave different results")
    told = {"rows": rows, "summary": _summary(rows), "call_s": CALL_S, "creates_per_s": CREATES_PER_S}
    for line in told["summary"]:
        print("  ".join(f"{name} {value}" for name, value in line.items()))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({**told, "machine": platform.system()}, indent=1) + "\n")


def _measure(arm: str, jobs: int, made: dict[int, set[tuple[str, ...]]]) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="gpudrop-bench-") as place, contextlib.ExitStack() as stack:
        folder = Path(place)
        drive, here, there = stack.enter_context(_way(arm, folder))
        far = stack.enter_context(worker(folder / "worker", "--drop", there, env=dict(os.environ)))
        store = stack.enter_context(RunStore.open(folder / "runs.sqlite3"))
        client = stack.enter_context(contextlib.closing(Client(here, store=store, results=folder / "results")))
        while not client.cards():
            if far.poll() is not None:
                raise SystemExit((folder / "worker.log").read_text())
            time.sleep(1)
        for number in range(jobs):
            time.sleep(0 if arm == "local" else GAP_S)
            before, started = drive.calls.copy(), time.monotonic()
            steps = [{"id": f"{k}", "narration": f"Job {number}, step {k}."} for k in range(1, STEPS + 1)]
            result = client.submit(Job(kind="tts", params={"steps": steps})).wait(JOB_S)
            seconds = time.monotonic() - started
            made.setdefault(number, set()).add(tuple(sha256_of(path)[1] for path in result.files.values()))
            row = {"arm": arm, "job": number, "seconds": round(seconds, 2), **_calls(drive.calls - before)}
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
            yield row
            client.clean(older_than_s=-1)


@contextlib.contextmanager
def _way(arm: str, folder: Path) -> Iterator[tuple[Drive, str, str]]:
    """Yield the Drive and the addresses of the drop on both sides."""
    if arm == "local":
        drop = str(make_drop(folder / "drop"))
        yield Drive(), drop, drop
        return
    with fake_drive(folder) as (drive, environment), contextlib.ExitStack() as stack:
        stack.enter_context(_environment(environment))
        made = drive.add("drop", ROOT, FOLDER)
        drive.add(DROP_CARD, made.id, data=codec.encode(DropCard(drop="5" * 16, id="5" * 16)))
        drive.call_s, drive.creates_per_s = CALL_S, CREATES_PER_S
        if arm == "rclone":
            rclone_server._shared.end()  # one that was started before knows another Drive
            stack.callback(rclone_server._shared.end)
            yield drive, "rclone:gdrive:drop", "rclone:gdrive:drop"
            return
        sides = [Mount("gdrive:", folder / name, folder / f"cache-{name}", rc=arm == "mount-rc") for name in "ab"]
        for side in sides:
            side.config = environment["RCLONE_CONFIG"]
            side.flags = side.flags if arm == "mount-rc" else ()
            stack.enter_context(mounted(side))
        yield drive, *(str(side.at / "drop") for side in sides)


@contextlib.contextmanager
def _environment(more: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({name: value} if value is not None else {})


def _calls(counted: Counter[str]) -> dict[str, int]:
    """Return the calls by type. Polls are included: a longer wait means more of them."""
    kinds: Counter[str] = Counter()
    for call, count in counted.items():
        verb, path = call.split()
        if verb == "POST":
            kinds["creates"] += count
        elif verb in ("PATCH", "DELETE"):
            kinds["changes"] += count
        elif path.endswith(("/files", "/changes", "/startPageToken")):
            kinds["listings"] += count
        else:
            kinds["reads"] += count
    return {name: kinds[name] for name in ("creates", "changes", "listings", "reads")}


def _summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each transport's median before and after the settling time was adapted, and the difference to a folder."""
    found: list[dict[str, Any]] = []
    local = statistics.median([row["seconds"] for row in rows if row["arm"] == "local"] or [0.0])
    for arm in dict.fromkeys(row["arm"] for row in rows):
        for label, chosen in (("first three", range(3)), ("adapted", range(3, 1000))):
            those = [row for row in rows if row["arm"] == arm and row["job"] in chosen]
            if those:
                middle = {name: statistics.median(row[name] for row in those) for name in those[0] if name != "arm"}
                over = round(middle["seconds"] - local, 2)
                del middle["job"]
                found.append({"arm": arm, "jobs": label, **middle, "over_s": over})
    return found


if __name__ == "__main__":
    main()

"""A dashboard on a free port of this machine, with a run database of its own."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from dispatcher.config import Settings
from dispatcher.drops.setup import init_drop
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from dispatcher.web import building
from dispatcher.web.sights import StatusPoller


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A dashboard that is served, and a client whom it has let in."""

    built: building.Dashboard
    store: RunStore
    settings: Settings
    client: httpx.Client

    @property
    def url(self) -> str:
        """Return where it is."""
        return f"http://127.0.0.1:{self.built.port}"


@functools.cache
def _empty() -> bytes:
    """Return an empty run database: made once, for making one costs more than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        with RunStore.open(Path(folder, "empty.sqlite3")):
            pass
        return Path(folder, "empty.sqlite3").read_bytes()


@contextlib.contextmanager
def served(
    folder: Path, *, workers: Sequence[Any] = (), faults: Sequence[Any] = (), database_url: str | None = None
) -> Iterator[Dashboard]:
    """Serve a dashboard over an empty database until the block ends: SQLite's, unless it is told of another."""
    settings = Settings(data_dir=folder / "data", home=folder, database_url=database_url)
    settings.data_dir.mkdir()
    if database_url is None:
        (settings.data_dir / "runs.sqlite3").write_bytes(_empty())
    sights = StatusPoller(lambda _: workers, lambda _: faults, time.time)
    with (
        RunStore.open(settings.database, durability="relaxed") as store,
        building.build(settings, store, 0, sights=sights) as built,
        built.serving(),
        httpx.Client(
            base_url=f"http://127.0.0.1:{built.port}", headers={"Origin": f"http://127.0.0.1:{built.port}"}
        ) as client,
    ):
        client.get(built.access.link)
        yield Dashboard(built=built, store=store, settings=settings, client=client)


def submitted(dashboard: Dashboard, folder: Path, text: str = "hello") -> Run:
    """Submit a real job to a real drop that nobody serves, and return its run."""
    drop = folder / "drop"
    drop.mkdir(exist_ok=True)
    init_drop(drop)
    (folder / "in.bin").write_bytes(text.encode())
    client = Client(drop, store=dashboard.store, results=dashboard.settings.results)
    job = Job(kind="echo", params={"text": text}, inputs={"in.bin": folder / "in.bin"})
    try:
        return dashboard.store.get(client.submit(job).run)
    finally:
        client.drop.close()

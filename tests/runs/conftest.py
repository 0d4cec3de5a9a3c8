"""Runs and run databases for these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a SQLite file may be made, for what only such a file has."""
    return tmp_path / "data" / "runs.sqlite3"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Return the address of an empty database of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('file')}"
    address: str = request.getfixturevalue("server")
    return address


@pytest.fixture
def store(database: str) -> Iterator[RunStore]:
    """Return the store of an empty database of each kind in turn."""
    with RunStore.open(database) as opened:
        yield opened


@pytest.fixture
def new_run() -> Callable[..., Run]:
    """Return a way to make runs: by id, the rest by default or by keyword."""

    def make(run_id: str, **changed: Any) -> Run:
        plain: dict[str, Any] = {
            "id": run_id,
            "key": f"key-of-{run_id}",
            "kind": "echo",
            "status": "pending",
            "drop": "/drop",
            "drop_id": "0123456789abcdef",
            "job": run_id,
            "digest": "d" * 64,
            "request": b'{"text": "\xc3\xa9"}',
            "created_at": 1000.0,
            "updated_at": 1000.0,
        }
        return Run(**(plain | changed))

    return make

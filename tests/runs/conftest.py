"""Runs and run databases for these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "runs.sqlite3"


@pytest.fixture
def store(database: Path) -> Iterator[RunStore]:
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

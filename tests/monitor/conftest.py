"""A run database, a drop and settings of their own for these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dispatcher.config import Settings
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from tests.support.drops import client, make_drop


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    """Return an empty drop."""
    return make_drop(tmp_path / "drop")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with folders of their own."""
    return Settings(
        data_dir=tmp_path / "data", config_dir=tmp_path / "config", home=tmp_path / "home", drop=None, auth="off"
    )


@pytest.fixture
def gpu(drop: Path, settings: Settings) -> Iterator[Client]:
    """Return a client of the drop whose run database is that of the settings."""
    with client(drop, settings.data_dir) as opened:
        yield opened


@pytest.fixture
def store(gpu: Client) -> RunStore:
    """Return the client's run database."""
    return gpu.store


@pytest.fixture
def sent(gpu: Client) -> Callable[..., Run]:
    """Return a way to send an echo job whose text makes it another one; no worker is there."""

    def send(text: str = "hello", **params: object) -> Run:
        handle = gpu.submit(Job(kind="echo", params={"text": text, **params}))
        return gpu.store.get(handle.run)

    return send

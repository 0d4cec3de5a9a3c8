"""What holds for every test, and for every program that a test starts."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.support.postgres import Cluster
    from tests.support.scene import Scene

# No test reads or writes the defaults of whoever runs it, nor goes to that person's drop.
CONFIG = os.environ["GPUDROP_CONFIG_DIR"] = tempfile.mkdtemp(prefix="gpudrop-tests-config-")
atexit.register(shutil.rmtree, CONFIG, ignore_errors=True)
for _name in ("GPUDROP_DROP", "COLAB_TTS_DRIVE_PATH", "GPUDROP_VOICE", "GPUDROP_OUT"):
    os.environ.pop(_name, None)

os.environ["HF_HUB_OFFLINE"] = "1"  # no worker looks for model files on the internet

# Where nothing compiled is kept, each of the hundreds of programs compiles all that it imports: most of its start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# What an example takes on a busy machine tells nothing of the code. With CI set Hypothesis loads a like profile itself.
if "CI" not in os.environ:
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")

# Whoever runs the tests in the background lets them, and all that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the tests out by `Lines`, whatever `--dist` says."""
    from tests.support.lines import Lines

    return Lines(config, log)


@pytest.fixture(autouse=True)
def no_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a settings folder of its own, so that no test finds the default drop of another."""
    monkeypatch.setenv("GPUDROP_CONFIG_DIR", str(Path(CONFIG, secrets.token_hex(8))))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """Serve PostgreSQL to all tests of this process that ask for it."""
    from tests.support.postgres import cluster

    with cluster() as running:
        yield running


@pytest.fixture
def server(postgres: Cluster) -> Iterator[str]:
    """Return the address of an empty PostgreSQL database, for what only a server has."""
    name = postgres.new_database()
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Set up a drop with a client and workers who share a clock; they are ended with the test."""
    from tests.support.scene import Scene

    made = Scene(tmp_path)
    yield made
    for worker in made.workers:
        worker.end()
    made.runs.close()

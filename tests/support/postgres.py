"""Real PostgreSQL for tests: a cluster of their own in a temporary folder, ended by whoever started it."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests.support.rclone import free_port

ROOT = Path(__file__).parents[2]
USER, PASSWORD = "gpudrop", "not-to-be-shown"
START_S = 60.0
# Nothing here outlives a power cut, and nothing waits for the disk; 100 connections are what a server comes with.
CONFIGURED = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "100",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "autovacuum": "off",  # its workers would count as connections
    "log_min_messages": "warning",
}
_names = itertools.count()


def programs() -> Path | None:
    """Return the folder of PostgreSQL's server programs, or None where there are none."""
    done = subprocess.run(["sh", str(ROOT / "setup/postgres.sh"), "--find"], capture_output=True, text=True)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def _owner() -> pwd.struct_passwd | None:
    """Return whom the server runs as when we are root, for which it refuses to start."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


def _ending_with_us() -> list[str]:
    """Return what to start a server by so that Linux ends it when these tests have died, however that was."""
    return [setpriv, "--pdeathsig=SIGQUIT"] if (setpriv := shutil.which("setpriv")) else []


@dataclass
class Cluster:
    """A PostgreSQL server of one superuser, who needs the password, on a loopback port."""

    programs: Path
    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def url(self, name: str, *, user: str = USER, password: str = PASSWORD) -> str:
        """Return the address of a database as users write it."""
        return f"postgresql+psycopg://{user}:{password}@127.0.0.1:{self.port}/{name}"

    def make(self) -> None:
        """Make the cluster's files."""
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        if owner := _owner():
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            os.chown(secret, owner.pw_uid, owner.pw_gid)
        options = ["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", f"--username={USER}"]
        made = self._run("initdb", *options, f"--pwfile={secret}", f"--pgdata={self.folder / 'data'}")
        out, _ = made.communicate(timeout=START_S)
        assert made.returncode == 0, out.decode()

    def start(self) -> None:
        """Serve, and return when it answers; another port is taken where somebody was quicker."""
        for tries_left in reversed(range(3)):
            settings = [f"-c{name}={value}" for name, value in CONFIGURED.items()]
            self.process = self._run("postgres", "-D", str(self.folder / "data"), f"-p{self.port}", *settings)
            if self._answers():
                return
            assert tries_left, (self.folder / "log").read_text()
            self.port = free_port()

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it: at once (SIGQUIT), or with SIGINT after its connections were cut off in order."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(START_S)
            self.process = None

    @contextlib.contextmanager
    def connected(self, name: str = "postgres") -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        """Connect to a database without the store, every statement for itself."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname=name, autocommit=True
        ) as connection:
            yield connection

    def new_database(self) -> str:
        """Make an empty database, which sorts as English does where the server can, and return its name."""
        name = f"runs_{next(_names)}"
        with self.connected() as connection:
            english = "LOCALE_PROVIDER icu ICU_LOCALE 'en'" if connection.info.server_version >= 150000 else ""
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 {english}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        with self.connected() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        owner = _owner()
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*_ending_with_us(), str(self.programs / program), *arguments],
                cwd=self.folder,
                user=owner.pw_uid if owner else None,
                group=owner.pw_gid if owner else None,
                extra_groups=[] if owner else None,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if program == "initdb" else log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is the tests' own
            )

    def _answers(self) -> bool:
        """Wait until the server answers; say no if it has ended instead."""
        ends = time.monotonic() + START_S
        while self.process is not None and self.process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError), self.connected():
                return True
            assert time.monotonic() < ends, "the server does not come up"
            time.sleep(0.05)
        return False


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """Make and start a cluster for the length of a block; without PostgreSQL the test is skipped, but never on CI."""
    found = programs()
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL's server programs are missing: sh setup/postgres.sh")
        pytest.skip("PostgreSQL's server programs are not installed: sh setup/postgres.sh")
    folder = Path(tempfile.mkdtemp(prefix="gpudrop-postgres-"))  # pytest's own folders are closed to other users
    made = Cluster(found, folder)
    try:
        made.make()
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)

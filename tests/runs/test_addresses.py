"""Addresses of databases: which are taken, what is said of the others, and that no password is ever shown."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest

from dispatcher.config import Settings
from dispatcher.runs import schema
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady, GpudropError, UsageError
from tests.support.postgres import PASSWORD, Cluster

SECRET = "s3cret"


@pytest.mark.parametrize(
    "address",
    [
        "nonsense://",
        "sqlite://",
        "sqlite://:memory:",
        "sqlite:///:memory:",
        "://",
        "mysql+mysqldb://ann:s3cret@127.0.0.1/runs",
        "postgresql+asyncpg://ann:s3cret@127.0.0.1/runs",
        "postgresql+psycopg://ann:s3cret@127.0.0.1:port/runs",
        "postgresql+psycopg://ann:x/s3cret:@y@127.0.0.1/runs",
        "postgresql+psycopg://ann:x@s3cret@127.0.0.1/runs",
        "postgresql+psycopg:/ann:s3cret@127.0.0.1/runs",
        "postgres:ann:s3cret@127.0.0.1/runs",
        "postgresql+psycopg://ann@127.0.0.1:port/runs?password=s3cret",
        "postgresql+psycopg://127.0.0.1:s3cret/runs?user=ann",
    ],
)
def test_an_address_that_is_none_is_refused(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be a lasting database is a usage error with an example, without the password, and makes nothing."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="sqlite:///path") as refused:
        RunStore.open(address)
    said = "".join(traceback.format_exception(refused.value))
    assert SECRET not in str(refused.value).replace("127.0.0.1:s3cret", "")  # a port is not a password
    assert SECRET not in said.replace(address, "").replace("127.0.0.1:s3cret", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_may_be_called_by_all_its_names(scheme: str) -> None:
    """Addresses as other programs write them mean the same database by the same driver."""
    address = schema.address_of(f"{scheme}://ann:{SECRET}@db.example/runs")
    assert address.drivername == "postgresql+psycopg"
    assert (address.username, address.password, address.host, address.database) == (
        "ann",
        SECRET,
        "db.example",
        "runs",
    )


def test_a_missing_driver_is_named() -> None:
    """Without psycopg the error names what to install, without the password."""
    attempt = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from dispatcher.runs.store import RunStore\n"
        "RunStore.open('postgresql+psycopg://ann:s3cret@127.0.0.1/runs')"
    )
    done = subprocess.run([sys.executable, "-c", attempt], capture_output=True, text=True)
    assert "EnvironmentNotReady: the run database postgresql+psycopg://ann:***@127.0.0.1/runs needs" in done.stderr
    assert "pip install 'gpudrop[postgres]'" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"password": "wr0ng"}, "Correct the user and the password"),
        ({"user": "stranger"}, "Correct the user and the password"),
        ({"name": "nowhere"}, "createdb"),
        ({"port": "1"}, "Check that the server runs"),
        ({"host": "no-such-host.invalid"}, "Check that the server runs"),
        ({"query": "?sslmode=require"}, "Check that the server runs"),
        ({"query": "?passwrd=s3cret"}, "Correct GPUDROP_DATABASE_URL"),
        ({"query": "?sslpassword=s3cret&sslmode=require"}, "Check that the server runs"),
        ({"login": "gpudrop@", "query": "?password=wr0ng"}, "Correct the user and the password"),
    ],
)
def test_a_server_that_lets_nobody_in_is_told_with_the_hint(
    postgres: Cluster, caplog: pytest.LogCaptureFixture, change: dict[str, str], told: str
) -> None:
    """Wrong password, user, database, port, host and options: a line with its hint, no password, and no traceback's."""
    name, host, port = (
        change.get(it, usual) for it, usual in (("name", "postgres"), ("host", "127.0.0.1"), ("port", ""))
    )
    login = change.get("login", f"{change.get('user', 'gpudrop')}:{change.get('password', PASSWORD)}@")
    address = f"postgresql+psycopg://{login}{host}:{port or postgres.port}/{name}{change.get('query', '')}"
    with caplog.at_level(logging.DEBUG), pytest.raises(EnvironmentNotReady, match=told) as refused:
        RunStore.open(address)
    said = "".join(traceback.format_exception(refused.value)) + caplog.text
    assert not [secret for secret in (PASSWORD, SECRET, "wr0ng") if secret in said]
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 6


def test_a_password_is_shown_by_nothing(server: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the store, nor its settings, nor a debug log, nor an error of a verb holds the password."""
    for address in (server, server.replace(f":{PASSWORD}@", "@") + f"?password={PASSWORD}"):
        with caplog.at_level(logging.DEBUG), RunStore.open(address) as store:
            assert PASSWORD not in f"{store!r} {store.database._engine!r} {store.database.where} {vars(store)}"
            with pytest.raises(GpudropError) as refused:
                store.get("r9")
        assert PASSWORD not in "".join(traceback.format_exception(refused.value)) + caplog.text
        assert PASSWORD not in repr(Settings(database_url=address))


@pytest.mark.parametrize("password", ["p@ss:w/rd?#%41 é", "%25", "***"])
def test_any_password_can_be_written(postgres: Cluster, server: str, password: str) -> None:
    """A password with every sign that means something in an address works when it is written as the error says."""
    user = f"user_of_{server.rpartition('/')[2]}"
    with postgres.connected() as connection:
        connection.execute(f"CREATE ROLE {user} LOGIN SUPERUSER PASSWORD '{password}'")
    with RunStore.open(server.replace(f"gpudrop:{PASSWORD}@", f"{user}:{quote(password, safe='')}@")) as store:
        assert store.recent() == []

"""PostgreSQL that is gone, full, locked or not ours to write: told with the hint, and found again when it is back."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from dispatcher.runs import schema
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady
from tests.support.postgres import PASSWORD, Cluster, cluster

New = Callable[..., Run]
GONE = r"^the run database postgresql\+psycopg://gpudrop:\*\*\*@127\.0\.0\.1:\d+/\S+ cannot be used: .* Check that"


@pytest.fixture(scope="module")
def fragile() -> Iterator[Cluster]:
    """Serve a PostgreSQL that a test may stop."""
    with cluster() as running:
        yield running


@pytest.fixture
def store(fragile: Cluster) -> Iterator[RunStore]:
    """Return the store of an empty database on the server that a test may stop."""
    with RunStore.open(fragile.url(fragile.new_database())) as opened:
        yield opened


@contextlib.contextmanager
def stopped(server: Cluster, how: signal.Signals) -> Iterator[None]:
    """Stop a server for the length of a block."""
    port = server.port
    server.stop(how)
    try:
        yield
    finally:
        server.start()
    assert server.port == port, "another program took the port; run the test again"


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT], ids=["crashed", "shut-down"])
def test_a_server_that_went_away_is_found_again(
    fragile: Cluster, store: RunStore, new_run: New, how: signal.Signals
) -> None:
    """While it is away every verb says so in one line with the hint; the same store goes on when it is back."""
    store.add_or_find(new_run("r1"))
    with stopped(fragile, how):
        for verb in (
            lambda: store.get("r1"),
            lambda: store.commit("r1", "completed", at=2.0),
            lambda: store.progress("r1", at=2.0, done=1),
            lambda: RunStore.open(fragile.url("postgres")),
        ):
            with pytest.raises(EnvironmentNotReady, match=GONE) as refused:
                verb()
            assert "\n" not in str(refused.value)
            assert PASSWORD not in str(refused.value)
    assert store.get("r1") == new_run("r1")
    assert store.commit("r1", "completed", at=2.0)


def test_a_server_that_goes_away_half_way_leaves_all_or_nothing(
    fragile: Cluster, store: RunStore, new_run: New
) -> None:
    """A verb that is cut off in the middle says so, and has done nothing: it can be said again."""
    store.add_or_find(new_run("r1"))
    with fragile.connected(str(store.database._engine.url.database)) as other, ThreadPoolExecutor(1) as pool:
        other.execute(f"SELECT pg_advisory_lock({schema._TURN_LOCK})")
        late = pool.submit(store.commit, "r1", "completed", at=2.0, mirror=("m", b"yes"))
        waiting(fragile, store)
        with stopped(fragile, signal.SIGQUIT), pytest.raises(EnvironmentNotReady, match=GONE):
            late.result(30)
    assert store.get("r1") == new_run("r1")
    assert store.unsaid("r1") == []
    assert store.commit("r1", "completed", at=2.0, mirror=("m", b"yes"))


def waiting(server: Cluster, store: RunStore) -> None:
    """Return when somebody waits for a turn in the store's database."""
    ends = time.monotonic() + 30
    asks = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event = 'advisory'"
    with server.connected() as connection:
        while connection.execute(asks, (store.database._engine.url.database,)).fetchone() == (0,):
            assert time.monotonic() < ends
            time.sleep(0.01)


def test_connections_that_a_server_has_closed_are_replaced(fragile: Cluster, store: RunStore, new_run: New) -> None:
    """A server that closes what is idle, as their owners set it up to do, is no failure at all."""
    store.add_or_find(new_run("r1"))
    with fragile.connected() as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (store.database._engine.url.database,),
        )
        assert ended.fetchall() == [(True,)]
    assert store.get("r1") == new_run("r1")


def test_a_crowded_server_is_told_and_works_again(fragile: Cluster, store: RunStore, new_run: New) -> None:
    """With all of its connections taken the hint is named; with one free again the same store goes on."""
    store.database._engine.dispose()
    with contextlib.ExitStack() as crowd:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                crowd.enter_context(fragile.connected())
        with pytest.raises(EnvironmentNotReady, match=r"too many clients.*max_connections.*nothing is lost"):
            store.recent()
    assert store.add_or_find(new_run("r1"))[1]


def test_a_locked_database_is_told_and_lost_nothing(
    fragile: Cluster, store: RunStore, new_run: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits too long for a turn, a row or a table says that another process holds it; afterwards it goes on."""
    store.add_or_find(new_run("r1"))
    with fragile.connected(str(store.database._engine.url.database)) as other, other.transaction():
        other.execute("SELECT * FROM runs WHERE id = 'r1' FOR UPDATE")
        monkeypatch.setattr(schema, "BUSY_S", 0.3)
        for verb in (lambda: store.progress("r1", at=2.0, done=1), lambda: store.commit("r1", "failed", at=2.0)):
            with pytest.raises(EnvironmentNotReady, match=r"Another process holds it.*nothing is lost"):
                verb()
        assert store.get("r1") == new_run("r1")  # who reads waits for nobody
    same = store.database._engine.url.render_as_string(hide_password=False)
    monkeypatch.undo()  # who holds it may do so for as long as ever
    with RunStore.open(same) as late, store.database.writing():
        monkeypatch.setattr(schema, "BUSY_S", 0.3)
        with pytest.raises(EnvironmentNotReady, match="Another process holds it"):
            late.commit("r1", "failed", at=2.0)
    assert store.commit("r1", "completed", at=2.0)


def test_who_falls_asleep_with_the_turn_loses_it(
    store: RunStore, new_run: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop that is closed in the middle of a transaction stops others for a minute at most; its work is undone."""
    monkeypatch.setattr(schema, "BUSY_S", 0.3)
    holding, awake = threading.Event(), threading.Event()

    def sleepy() -> None:
        with store.database.writing() as connection:
            connection.exec_driver_sql("UPDATE outbox SET name = name")
            holding.set()
            assert awake.wait(60)

    with ThreadPoolExecutor(1) as pool:
        asleep = pool.submit(sleepy)
        assert holding.wait(30)
        time.sleep(1.5)  # twice BUSY_S, and some
        ends = time.monotonic() + 30  # the server itself may be late
        while not _added(store, new_run("r1")):
            assert time.monotonic() < ends
        awake.set()
        with pytest.raises(EnvironmentNotReady, match="idle-in-transaction timeout"):
            asleep.result(30)


def _added(store: RunStore, run: Run) -> bool:
    """Say whether a run could be added now; another process may hold the turn still."""
    try:
        return store.add_or_find(run)[1]
    except EnvironmentNotReady:
        return False


@pytest.mark.parametrize(
    ("rights", "told"),
    [
        ("", "GRANT CREATE, USAGE ON SCHEMA public"),
        ("GRANT CREATE ON SCHEMA public TO {0}; ALTER ROLE {0} SET default_transaction_read_only = on", "standby"),
    ],
)
def test_a_user_who_may_not_write_is_told(fragile: Cluster, rights: str, told: str) -> None:
    """A user without the right to make tables, and a server that only reads, are told before any job is sent."""
    name = fragile.new_database()
    with fragile.connected(name) as connection:
        connection.execute(f"CREATE ROLE of_{name} LOGIN PASSWORD 'x'; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        connection.execute(rights.format(f"of_{name}"))
    with pytest.raises(EnvironmentNotReady, match=told):
        RunStore.open(fragile.url(name, user=f"of_{name}", password="x"))


def test_a_user_who_only_may_use_the_tables_may_work(fragile: Cluster, store: RunStore, new_run: New) -> None:
    """Of a team one user owns the tables; the others need no right to make or change any."""
    name = str(store.database._engine.url.database)
    with fragile.connected(name) as connection:
        connection.execute(f"CREATE ROLE of_{name} LOGIN PASSWORD 'x'; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO of_{name}")
        connection.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO of_{name}")
    with RunStore.open(fragile.url(name, user=f"of_{name}", password="x")) as theirs:
        assert theirs.add_or_find(new_run("r1"))[1]
        assert theirs.commit("r1", "completed", at=2.0, mirror=("m", b"yes"))
        assert theirs.dispatcher_id == store.dispatcher_id


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_text_is_refused(fragile: Cluster, encoding: str) -> None:
    """Another encoding than UTF-8 is told with the hint while the database is still empty."""
    name = f"runs_in_{encoding.lower()}"
    with fragile.connected() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    with pytest.raises(EnvironmentNotReady, match=rf"{encoding}.*createdb --encoding=UTF8"):
        RunStore.open(fragile.url(name))
    with fragile.connected(name) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)

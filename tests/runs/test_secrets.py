"""No secret of any message is stored: every table is read as a whole."""

from __future__ import annotations

from collections.abc import Callable

from alembic.command import upgrade
from alembic.config import Config
from sqlalchemy import Engine, MetaData, create_engine, insert, select

from dispatcher.runs.record import AttemptRecord, Delivery, Ended, Group, Run, RunExtras
from dispatcher.runs.store import RunStore

New = Callable[..., Run]
PASSWORD = "s3cr3t-pw"
MESSAGE = f"http://ann:{PASSWORD}@127.0.0.1:8765/x cannot be opened"


def rows(address: str) -> str:
    """Return every row of every table as text."""
    engine = create_engine(address)
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        found = {table.name: connection.execute(select(table)).all() for table in tables.sorted_tables}
    engine.dispose()
    return repr(found)


def test_no_row_holds_the_password_of_a_message(database: str, store: RunStore, new_run: New) -> None:
    """Titles, notes, errors, history, results and the way it was asked for: each verb that stores one is used."""
    extras = RunExtras(deliveries=[Delivery(name="a", target="/t")], steps={"steps": [], "wishes": {}})
    run = new_run("r1", title=MESSAGE, progress_note=MESSAGE, execution_config={"command": MESSAGE})
    store.add_or_find(run, extras=extras)
    attempt = AttemptRecord(nonce="n", n=1, worker="w", status="failed", seen_at=1.0, error_text=MESSAGE)
    store.progress("r1", at=2.0, note=MESSAGE, text=MESSAGE, attempts=[attempt])
    store.commit("r1", "failed", at=3.0, error_text=MESSAGE, ended=Ended(outputs={"notes": [MESSAGE]}))
    store.trace.note("r1", MESSAGE, at=4.0)
    store.trace.delivered("r1", "/t", at=5.0, error=MESSAGE)
    [continuation] = store.trace.continuations("r1")
    store.trace.continued(continuation.seq, at=6.0, error=MESSAGE)
    config = {"command": ["tour", MESSAGE]}
    store.search.begin_group(Group(id="g", sort="tour", title=MESSAGE, created_at=1.0, execution_config=config))
    store.search.end_group("g", "failed", at=2.0, error=MESSAGE)
    told = rows(database)
    assert PASSWORD not in told
    assert told.count("http://<removed>@127.0.0.1:8765/x cannot be opened") >= 12
    assert store.get("r1").error_text == "http://<removed>@127.0.0.1:8765/x cannot be opened"


def test_messages_of_an_earlier_version_are_cleaned(database: str, tmp_path: object) -> None:
    """A database that holds a password in an error has none after the upgrade, and is otherwise as it was."""
    if database.startswith("sqlite"):
        from pathlib import Path

        Path(database.removeprefix("sqlite:///")).parent.mkdir()
    engine = create_engine(database)
    _make_0004(engine)
    tables = MetaData()
    tables.reflect(engine)
    group = {"id": "g", "sort": "tour", "title": "t", "created_at": 1.0, "status": "failed", "error_text": MESSAGE}
    with engine.begin() as connection:
        connection.execute(insert(tables.tables["groups"]).values(group))
    engine.dispose()
    with RunStore.open(database) as store:
        assert store.search.group("g").error_text == "http://<removed>@127.0.0.1:8765/x cannot be opened"
    assert PASSWORD not in rows(database)


def _make_0004(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", "dispatcher.runs:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        upgrade(config, "0004_operations")

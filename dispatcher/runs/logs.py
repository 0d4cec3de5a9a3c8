"""Bringing home what workers wrote down: `<results>/<run>/logs/`, beside what this machine remembers of the run."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from dispatcher.formatting import log_time
from dispatcher.runs.record import Artifact, AttemptRecord, Run
from dispatcher.runs.store import RunStore
from protocol.drop import Drop
from protocol.errors import ChannelError, NameMissing
from protocol.layout import Attempt, JobNames

MAX_LOG_BYTES = 16 << 20
"""A worker's log is a few lines a minute; what is longer is not its log."""

HERE = "dispatcher.log.txt"

log = logging.getLogger(__name__)


def bring_home(drop: Drop, store: RunStore, run: Run, results: Path) -> bool:
    """Bring the logs of a run's attempts home, and write its history beside them; say whether all is done.

    A log that was never written is remembered as such: that is no error. Raises nothing for a drop that does not
    answer: False, and it is tried again.
    """
    folder = results / run.id / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    fetched = [_fetch(drop, store, run, attempt, folder) for attempt in store.trace.attempts(run.id)]
    _write_history(store, run, folder / HERE)
    return all(fetched)


def _fetch(drop: Drop, store: RunStore, run: Run, attempt: AttemptRecord, folder: Path) -> bool:
    if attempt.log is not None:
        return True
    source = JobNames(run.job).log(Attempt(n=attempt.n, nonce=attempt.nonce, worker=attempt.worker))
    try:
        data = drop.get(source, limit=MAX_LOG_BYTES)
    except NameMissing:
        store.trace.keep_log(run.id, attempt.nonce, "")
        return True
    except ChannelError as error:
        if error.retryable:
            log.info("the log %s is brought home later: %s", source, error)
            return False
        log.warning("the log %s stays in the drop: %s", source, error)  # a huge one keeps no result from its user
        store.trace.keep_log(run.id, attempt.nonce, f"{run.drop}/{source}")
        return True
    path = folder / source.rpartition("/")[2]
    _write(path, data)
    store.trace.keep_log(run.id, attempt.nonce, str(path))
    store.trace.keep_files(run.id, [_artifact(path, data)])
    return True


def _write_history(store: RunStore, run: Run, path: Path) -> None:
    lines = [f"{log_time(change.at)} {change.status}: {change.text}\n" for change in store.trace.changes(run.id)]
    data = "".join(lines).encode("utf-8", "replace")
    _write(path, data)
    store.trace.keep_files(run.id, [_artifact(path, data)])


def _write(path: Path, data: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_bytes(data)
    unfinished.replace(path)


def _artifact(path: Path, data: bytes) -> Artifact:
    digest = hashlib.sha256(data).hexdigest()
    return Artifact(role="log", name=path.name, path=str(path), size=len(data), sha256=digest)

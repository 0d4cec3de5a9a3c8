"""One open drop: which drop it is, whether only this machine uses it, and who this machine is there.

Every question of that kind is answered here. A drop is private when a command of this machine serves it with its own
worker; nobody else writes there, so nobody signs there, whatever GPUDROP_AUTH demands elsewhere. What lies in a drop
never makes it private: others may be able to write it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dispatcher.config import Settings
from dispatcher.runs.record import Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from protocol.drop import Drop
from protocol.layout import JobNames
from protocol.observation import JobReader, read_drop_id
from protocol.signing import ANONYMOUS, Identity, Key
from protocol.transports import open_drop, read_address


@dataclass(frozen=True, kw_only=True)
class DropSession:
    """An open drop. Close it, or use it as a context manager."""

    address: str
    drop: Drop
    drop_id: str
    identity: Identity = ANONYMOUS
    is_private: bool = False  # only commands of this machine and the workers that they started use it

    @classmethod
    def open(cls, address: str | Path | Drop, identity: Identity = ANONYMOUS) -> Self:
        """Open a drop as `identity`; one that is open already is taken over."""
        opened = None if isinstance(address, str | Path) else address
        return cls._open(address, lambda _drop_id: (identity, False), opened)

    @classmethod
    def open_private(cls, path: Path) -> Self:
        """Open a drop that only this machine uses."""
        return cls._open(path, lambda _drop_id: (ANONYMOUS, True))

    @classmethod
    def open_known(cls, address: str | Path, settings: Settings, store: RunStore, drop: Drop | None = None) -> Self:
        """Open a drop of this machine, private or shared, as the settings and the run database know it.

        `drop` is the drop at the address if it is open already. Raises EnvironmentNotReady without the keys that
        GPUDROP_AUTH demands on a shared drop.
        """

        def identify(drop_id: str) -> tuple[Identity, bool]:
            is_private = _is_private(str(address), drop_id, settings, store)
            return ANONYMOUS if is_private else settings.identity(address), is_private

        return cls._open(address, identify, drop)

    @classmethod
    def _open(
        cls, address: object, identify: Callable[[str], tuple[Identity, bool]], opened: Drop | None = None
    ) -> Self:
        with contextlib.ExitStack() as on_error:
            drop = opened
            if drop is None:
                drop = open_drop(address if isinstance(address, Path) else read_address(str(address)))
                on_error.callback(drop.close)
            drop_id = read_drop_id(drop, str(address))
            identity, is_private = identify(drop_id)
            on_error.pop_all()
        return cls(address=str(address), drop=drop, drop_id=drop_id, identity=identity, is_private=is_private)

    def reader(self, job: str) -> JobReader:
        """Return a reader of one job's folder, which ignores what this machine does not trust."""
        return JobReader(self.drop, self.drop_id, job, self.identity.trust)

    def remove_job(self, job: str) -> None:
        """Remove a job's folder, its request first: no worker may claim a job whose folder is half gone."""
        self.drop.delete(JobNames(job).request)
        self.drop.delete(job)

    def close(self) -> None:
        """Release the drop's connections and watchers."""
        self.drop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_private_run(run: Run) -> bool:
    """Say whether a run goes through a drop that only the machine that submitted it uses."""
    return run.execution_config.get("backend") == "local"


def signing_key(run: Run, settings: Settings, address: str | None = None) -> Key | None:
    """Return the key that signs this machine's messages about a run; None in a private drop, and without a key.

    `address` is the run's drop as this machine addresses it, where that differs from the run's record.
    """
    return None if is_private_run(run) else settings.identity(address or run.drop).key


def _is_private(address: str, drop_id: str, settings: Settings, store: RunStore) -> bool:
    """Say whether only this machine uses a drop: its default one, or one that its newest run of that id went through.

    The address must match too: a shared folder may claim any id.
    """
    here = _absolute(address)
    if here == _absolute(str(settings.private_drop)):
        return True
    newest = next(iter(store.search.find(Query(drop_id=drop_id), limit=1)), None)
    if newest is None or (_absolute(newest.drop), newest.machine) != (here, settings.machine):
        return False
    return is_private_run(newest)


def _absolute(address: str) -> str:
    """Return an address with a folder's path made absolute, without touching the folder."""
    found = read_address(address)
    return os.path.normpath(found.absolute()) if isinstance(found, Path) else found

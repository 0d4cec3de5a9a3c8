"""Who acts for a run: one process at a time, by a lease in its row. Judging twice would be safe (R6), not sensible."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass

from sqlalchemy import bindparam, null, or_, update

from dispatcher.runs.database import Database
from dispatcher.runs.models import RunRow
from protocol.transports.host import may_run

HOLD_S = 30.0
"""So long a monitor that says nothing keeps a run."""

SENDING_S = 1800.0
"""So long whoever has just added a run keeps it: a large film takes its time to get into a drop."""

_MAY = or_(
    RunRow.monitor.is_(None),
    RunRow.monitor == bindparam("holder"),
    RunRow.monitor == bindparam("gone"),
    RunRow.monitor_until < bindparam("now"),
    RunRow.monitor_until > bindparam("never"),  # a clock was set back since
)
_TAKE = (
    update(RunRow)
    .where(RunRow.id == bindparam("run"), _MAY)
    .values(monitor=bindparam("holder"), monitor_until=bindparam("until"))
)
_LET_ALL_GO = update(RunRow).where(RunRow.monitor == bindparam("holder")).values(monitor=null(), monitor_until=null())
_LET_GO = (
    update(RunRow)
    .where(RunRow.id == bindparam("run"), RunRow.monitor == bindparam("holder"))
    .values(monitor=null(), monitor_until=null())
)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A monitor: its machine, its process, and which of several in it."""

    machine: str
    pid: int
    token: str

    @classmethod
    def here(cls, machine: str) -> Holder:
        """Return a new one of this process."""
        return cls(machine=machine, pid=os.getpid(), token=secrets.token_hex(4))

    def __str__(self) -> str:
        return f"{self.machine}/{self.pid}/{self.token}"

    def has_outlived(self, other: str) -> bool:
        """Say whether another one was of this machine and its process is gone."""
        machine, _, rest = other.rpartition("/")[0].rpartition("/")
        return machine == self.machine and rest.isdigit() and not may_run(int(rest))


class MonitorLeases:
    """The leases of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, run_id: str, holder: Holder, *, now: float, held_by: str | None = None) -> bool:
        """Take a run, or keep it; False while another monitor has it. `held_by` is who was last seen to have it.

        The lease lasts HOLD_S from `now`, Unix seconds; that of a process of this machine ends with it.
        """
        gone = held_by if held_by is not None and holder.has_outlived(held_by) else str(holder)
        told = {"run": run_id, "holder": str(holder), "gone": gone}
        times = {"now": now, "until": now + HOLD_S, "never": now + 2 * SENDING_S}
        with self._database.writing(lasting=False) as connection:
            return connection.execute(_TAKE, {**told, **times}).rowcount == 1

    def let_all_go(self, holder: Holder) -> None:
        """Leave every run that is held to others."""
        with self._database.writing() as connection:
            connection.execute(_LET_ALL_GO, {"holder": str(holder)})

    def let_go(self, run_id: str, holder: Holder) -> None:
        """Leave a run to others, if it is held."""
        with self._database.writing(lasting=False) as connection:
            connection.execute(_LET_GO, {"run": run_id, "holder": str(holder)})

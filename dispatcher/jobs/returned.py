"""Deleted folders of ended jobs that a sync tool has restored, with only the request in them.

To a worker such a folder is a new job. The owner writes again that the job has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dispatcher.drops.session import DropSession
from dispatcher.jobs.outbox import Outbox
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol.errors import NameMissing
from protocol.observation import JobReader
from protocol.transports.host import SYSTEM, Host


def returned(
    store: RunStore, drop_id: str, jobs: Iterable[str], reader: Callable[[str], JobReader], *, cleaned: bool
) -> Iterator[Run]:
    """Yield the ended runs whose folder, among `jobs`, offers the job as if it were new.

    With `cleaned` only folders that this machine has deleted are read: each read lists a folder.
    """
    for run in store.retention.ended(drop_id, jobs, cleaned=cleaned):
        try:
            seen = reader(run.job).look()
        except NameMissing:
            continue
        if seen.is_requested and not seen.accepted and not seen.cancelled and not store.unsaid(run.id):
            yield run


def write_end_again(session: DropSession, store: RunStore, run: Run, host: Host = SYSTEM) -> bool:
    """Write how a run ended into its folder again; return whether the drop has it."""
    store.retention.unsay(run.id)
    Outbox(session, store, run, host).flush()
    return not store.unsaid(run.id)

"""Folders of jobs that are over and were deleted, and that a sync tool has brought back with the request alone.

To a worker such a folder is a job that nobody has done. The owner knows better, and says so again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dispatcher.jobs.outbox import Outbox
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol.drop import Drop
from protocol.errors import NameMissing
from protocol.observation import JobReader
from protocol.signing import Identity
from protocol.transports.host import Host


def returned(
    store: RunStore, drop_id: str, jobs: Iterable[str], reader: Callable[[str], JobReader], *, cleaned: bool
) -> Iterator[Run]:
    """Yield the runs that are over and whose folder, of those named, offers the job as if nothing had happened.

    With `cleaned` only those are looked at whose folder this machine has deleted: each look is a listing.
    """
    for run in store.retention.ended(drop_id, jobs, cleaned=cleaned):
        try:
            seen = reader(run.job).look()
        except NameMissing:
            continue
        if seen.is_requested and not seen.accepted and not seen.cancelled and not store.unsaid(run.id):
            yield run


def say_again(drop: Drop, store: RunStore, run: Run, host: Host, identity: Identity) -> bool:
    """Write how a run ended into its folder once more; return whether the drop has it."""
    store.retention.unsay(run.id)
    Outbox(drop, store, run, host, identity.key).flush()
    return not store.unsaid(run.id)

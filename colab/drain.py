"""Being asked to stop after the current job: `drain-<k>.json` in the worker's own folder."""

from __future__ import annotations

from colab.attach import Attached
from protocol import codec
from protocol.errors import BadMessage, NameMissing
from protocol.layout import WorkerNames, parse_worker_name
from protocol.messages import Drain


class DrainWatch:
    """Looks for requests that are meant for this session: those that lay there before it began were for another."""

    def __init__(self, at: Attached) -> None:
        self._at, self._names = at, WorkerNames(at.worker)
        self._old: set[int] | None = None

    def asked(self) -> bool:
        """Look at the own folder, and say whether there is a new request that checks."""
        there = self._numbers()
        if self._old is None:
            self._old = there
        return any(self._checks(k) for k in sorted(there - self._old))

    def _numbers(self) -> set[int]:
        try:
            entries = self._at.drop.list(self._names.folder)
        except NameMissing:
            return set()
        names = [parse_worker_name(entry.name) for entry in entries if not entry.is_folder]
        return {name.seq for name in names if name is not None and name.role == "drain"}

    def _checks(self, k: int) -> bool:
        try:
            data = self._at.drop.get(self._names.drain(k), limit=codec.MAX_BYTES)
            codec.decode(data, Drain, drop=self._at.drop_id, id=self._at.worker, trust=self._at.identity.trust, k=k)
        except (BadMessage, NameMissing):
            return False  # not there yet (R3)
        return True

"""Plain requests that no worker can do: they get a plain error.marker, so that their authors do not wait in vain.

This needs no claim: the first worker writes the marker, and the others find it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from colab.attach import Attached
from colab.job_memory import JobMemory
from protocol import codec
from protocol.drop import Entry
from protocol.errors import BadMessage, ChannelError, NameMissing, NameTaken
from protocol.layout import JobNames, may_be_a_job
from protocol.observation import Observation
from protocol.plain import PlainFailure, asks_for_operations, bad_name, refused

MARKERS = frozenset({"done.marker", "error.marker"})

log = logging.getLogger(__name__)


class Refusals:
    """Answers the plain requests that no worker can do."""

    def __init__(self, at: Attached) -> None:
        self._at = at
        self._over: set[str] = set()  # folders whose names no job may have, and that need no look any more

    def refuse(self, memory: JobMemory, seen: Observation, quiet_s: float, now: float) -> bool:
        """Answer a request that no worker can do; return False for any other request.

        A request that an old worker may do is left alone until nothing in its folder has changed for `quiet_s`.
        """
        params = seen.plain_request.params if seen.plain_request is not None else None
        why = seen.not_a_request if params is None else refused(params)
        if why is None:
            return False
        if params is not None and asks_for_operations(params) and not memory.is_quiet(seen.sizes, quiet_s, now):
            return True
        if not (seen.plain_audio or seen.plain_done or seen.plain_error):
            self._say(memory.job, why)
        memory.closed = True
        return True

    def refuse_misnamed(self, entries: Iterable[Entry]) -> None:
        """Answer plain requests in folders with invalid job names. Each is checked until it is answered."""
        there = {entry.name for entry in entries if entry.is_folder and may_be_a_job(entry.name)}
        self._over &= there
        for folder in sorted(there - self._over):
            try:
                self._look_at(folder)
            except ChannelError as error:
                log.info("%s cannot be checked now: %s", folder, error)

    def _look_at(self, folder: str) -> None:
        names = {entry.name for entry in self._at.drop.list(folder)}
        if names & MARKERS or "audio" in names:
            self._over.add(folder)
        elif "request.json" in names and self._is_plain(folder):
            self._say(folder, bad_name(folder))
            self._over.add(folder)

    def _is_plain(self, folder: str) -> bool:
        """Say whether a request is complete and in the simple form; one in the full form belongs to its dispatcher."""
        try:
            whole = codec.loads(self._at.drop.get(JobNames(folder).request, limit=codec.MAX_BYTES))
        except (BadMessage, NameMissing):
            return False  # not there yet
        return not (isinstance(whole, dict) and "job" in whole)

    def _say(self, job: str, why: str) -> None:
        try:
            self._at.put(JobNames(job).plain_error, PlainFailure(error=why))
        except NameTaken:
            return  # another worker was faster
        log.warning("job %s is refused: %s", job, why)

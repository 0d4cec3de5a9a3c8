"""Putting a run into the drop: its inputs, then its request (FORMAT.md R1). A kill at any moment leaves what can go on.

What gets through only in part is offered again under a new job id, for names in a drop are written once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dispatcher.jobs.digests import Fingerprints
from dispatcher.jobs.job import Job
from dispatcher.jobs.offers import check_inputs, spell
from dispatcher.runs.record import OPEN, Run
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.drop import Drop
from protocol.errors import ChannelError, MediaError, NameTaken, NotFoundError, StorageFull, Untrusted, UsageError
from protocol.layout import JobNames
from protocol.messages import InputFile, Offer, Request
from protocol.signing import Identity
from protocol.transports.host import Host

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Sends the runs of one drop. `sent` is told of each whose request is there."""

    drop: Drop
    drop_id: str
    store: RunStore
    host: Host
    identity: Identity
    fingerprints: Fingerprints
    new_id: Callable[[], str]
    sent: Callable[[str], None]

    def upload(self, run: Run, job: Job) -> None:
        """Put a pending run into the drop; what does not get through now is tried again while its result is awaited."""
        try:
            self._upload(run, job)
        except ChannelError as error:
            if not error.retryable or isinstance(error, StorageFull):
                raise
            log.warning("run %s is sent later: %s", run.id, error)

    def offer_again(self, run: Run, job: Job) -> None:
        """Offer a run whose request was lost on its way under a new job id; what fails is tried again."""
        log.warning("the request of run %s did not get through: it is offered again", run.id)
        try:
            self._offer_again(run, job)
        except ChannelError as error:
            log.warning("run %s is sent later: %s", run.id, error)

    def remove(self, job: str) -> None:
        """Remove a job's folder, its request first: nobody may take what is half gone."""
        self.drop.delete(JobNames(job).request)
        self.drop.delete(job)

    def _upload(self, run: Run, job: Job) -> None:
        """Put inputs and then the request into the drop, as far as an earlier process has not done so."""
        if self.identity.trust.mode == "require" and not self._is_trusted(run):
            self._offer_again(run, job)  # it was written before this side signed, or with another key
            return
        offer = self._read(run).job
        check_inputs(run, offer, job)
        try:
            self._put(run, job, offer)
        except (UsageError, NotFoundError, MediaError) as error:
            # An input is another file now, or none: nobody may be offered what cannot be had.
            self.store.commit(run.id, "cancelled", error_text=str(error), at=self.host.wall())
            self.remove(run.job)
            raise
        except _TornError:
            self._offer_again(run, job)
        else:
            self.store.progress(run.id, status="queued", at=self.host.wall(), text="its request is in the drop")
            self.sent(run.id)

    def _put(self, run: Run, job: Job, offer: Offer) -> None:
        names = JobNames(run.job)
        self.drop.make_folder(run.job)
        for name, file in offer.inputs.items():
            self._put_input(job.inputs[name], names.file(file.in_), file)
        if offer.inputs:
            self.drop.barrier()
        self._put_request(names.request, run.request)

    def _put_input(self, local: Path, path: str, file: InputFile) -> None:
        try:
            self.drop.copy_in(local, path)
            self.fingerprints.check_unchanged(local)
        except NameTaken:
            folder, _, name = path.rpartition("/")
            if not any(entry.name == name and entry.size == file.size for entry in self.drop.list(folder)):
                raise _TornError from None

    def _put_request(self, path: str, data: bytes) -> None:
        try:
            self.drop.put(path, data)
        except NameTaken:
            if self.drop.get(path, limit=codec.MAX_BYTES) != data:
                raise _TornError from None

    def _offer_again(self, run: Run, job: Job) -> None:
        """Offer the same run under a new job id: the old one's request is torn or lost for good (FORMAT.md R1)."""
        old = self._read(run)
        check_inputs(run, old.job, job)
        new_job, now = self.new_id(), self.host.wall()
        request = Request(params=old.params, job=old.job.model_copy(update={"id": new_job}))
        again = self.store.offer_again(
            run.id, instead_of=run.job, job=new_job, request=spell(request, self.identity.key, now), at=now
        )
        if again.status not in OPEN:
            return  # another process ended it meanwhile: there is nothing to offer
        self._upload(again, job)
        self.remove(run.job)

    def _is_trusted(self, run: Run) -> bool:
        try:
            codec.decode_request(run.request, drop=self.drop_id, job=run.job, trust=self.identity.trust)
        except Untrusted:
            return False
        return True

    def _read(self, run: Run) -> Request:
        return codec.decode_request(run.request, drop=self.drop_id, job=run.job)


class _TornError(Exception):
    """What an earlier process left under our name is not what it meant to write."""

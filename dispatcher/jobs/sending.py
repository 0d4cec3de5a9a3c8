"""Putting a run into the drop: its inputs, then its request (FORMAT.md R1). A killed upload can be resumed.

A job that was written only in part is offered again under a new job id, because a name in a drop is written once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dispatcher.drops.session import DropSession
from dispatcher.jobs.digests import InputDigests
from dispatcher.jobs.job import Job
from dispatcher.jobs.offers import check_inputs, encode_request
from dispatcher.runs.record import OPEN, Run
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.errors import ChannelError, MediaError, NameTaken, NotFoundError, StorageFull, Untrusted, UsageError
from protocol.layout import JobNames
from protocol.messages import InputFile, Offer, Request
from protocol.transports.host import Host

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Sends the runs of one drop. `sent` is called with each run whose request is in the drop."""

    session: DropSession
    store: RunStore
    host: Host
    digests: InputDigests
    new_id: Callable[[], str]
    sent: Callable[[str], None]

    def upload(self, run: Run, job: Job) -> None:
        """Put a pending run into the drop; a failed upload is retried while its result is awaited."""
        try:
            self._upload(run, job)
        except ChannelError as error:
            if not error.retryable or isinstance(error, StorageFull):
                raise
            log.warning("run %s: the upload failed and will be retried: %s", run.id, error)

    def offer_again(self, run: Run, job: Job) -> None:
        """Offer a run whose request was lost under a new job id; a failed upload is retried."""
        log.warning("the request of run %s was lost; offering the run again", run.id)
        try:
            self._offer_again(run, job)
        except ChannelError as error:
            log.warning("run %s: the upload failed and will be retried: %s", run.id, error)

    def _upload(self, run: Run, job: Job) -> None:
        """Put the inputs and then the request into the drop, unless an earlier process has already done so."""
        if self.session.identity.trust.mode == "require" and not self._is_trusted(run):
            self._offer_again(run, job)  # written before this machine signed, or with another key
            return
        offer = self._read(run).job
        check_inputs(run, offer, job)
        try:
            self._put(run, job, offer)
        except (UsageError, NotFoundError, MediaError) as error:
            # An input was changed or removed: the job cannot be done.
            self.store.commit(run.id, "cancelled", error_text=str(error), at=self.host.wall())
            self.session.remove_job(run.job)
            raise
        except _TornError:
            self._offer_again(run, job)
        else:
            self.store.progress(run.id, status="queued", at=self.host.wall(), text="the request is in the drop")
            self.sent(run.id)

    def _put(self, run: Run, job: Job, offer: Offer) -> None:
        names = JobNames(run.job)
        self.session.drop.make_folder(run.job)
        for name, file in offer.inputs.items():
            self._put_input(job.inputs[name], names.file(file.in_), file)
        if offer.inputs:
            self.session.drop.barrier()
        self._put_request(names.request, run.request)

    def _put_input(self, local: Path, path: str, file: InputFile) -> None:
        try:
            self.session.drop.copy_in(local, path)
            self.digests.check_unchanged(local)
        except NameTaken:
            folder, _, name = path.rpartition("/")
            if not any(entry.name == name and entry.size == file.size for entry in self.session.drop.list(folder)):
                raise _TornError from None

    def _put_request(self, path: str, data: bytes) -> None:
        try:
            self.session.drop.put(path, data)
        except NameTaken:
            if self.session.drop.get(path, limit=codec.MAX_BYTES) != data:
                raise _TornError from None

    def _offer_again(self, run: Run, job: Job) -> None:
        """Offer the same run under a new job id: the request under the old one is torn or lost (FORMAT.md R1)."""
        old = self._read(run)
        check_inputs(run, old.job, job)
        new_job, now = self.new_id(), self.host.wall()
        request = Request(params=old.params, job=old.job.model_copy(update={"id": new_job}))
        data = encode_request(request, self.session.identity.key, now)
        again = self.store.offer_again(run.id, instead_of=run.job, job=new_job, request=data, at=now)
        if again.status not in OPEN:
            return  # another process has ended it meanwhile
        self._upload(again, job)
        self.session.remove_job(run.job)

    def _is_trusted(self, run: Run) -> bool:
        try:
            codec.decode_request(run.request, drop=self.session.drop_id, job=run.job, trust=self.session.identity.trust)
        except Untrusted:
            return False
        return True

    def _read(self, run: Run) -> Request:
        return codec.decode_request(run.request, drop=self.session.drop_id, job=run.job)


class _TornError(Exception):
    """An earlier process left an incomplete file under a name of this job."""

"""Submitting a job and waiting for its verified result: prepare, upload, wait, verify, accept once, clean up.

Every decision is committed to the run database before it is written to the drop, so that killing this process at any
moment loses nothing: the same submission resumes the same job.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dispatcher.drops.session import DropSession
from dispatcher.drops.worker_registry import WorkerRegistry
from dispatcher.jobs.cached import is_whole, load
from dispatcher.jobs.digests import InputDigests
from dispatcher.jobs.handle import Handle
from dispatcher.jobs.job import Job, Result
from dispatcher.jobs.lease_times import LeaseTimes
from dispatcher.jobs.lifecycle import Lifecycle
from dispatcher.jobs.offers import Submission, encode_request, job_of, prepare, refusal
from dispatcher.jobs.returned import returned, write_end_again
from dispatcher.jobs.sending import Sender
from dispatcher.runs import logs
from dispatcher.runs.leases import SENDING_S, Holder
from dispatcher.runs.record import OPEN, Run
from dispatcher.runs.store import RunStore
from protocol.drop import Drop, Watch
from protocol.errors import ChannelError, NotFoundError, UsageError
from protocol.kinds import KINDS
from protocol.layout import is_job_id
from protocol.messages import ClaimTerms, Request, WorkerCard
from protocol.signing import ANONYMOUS, Identity
from protocol.transports.host import SYSTEM, Host

CLEAN_AFTER_S = 24 * 3600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Who a client's runs belong to, and on which machine their files are."""

    user: str = ""
    machine: str = ""
    backend: str = "colab"  # "local": a worker of this machine; "colab": one that somebody starts
    group: str | None = None  # the group of runs whose job names none


NOBODY = Owner()


class Client:
    """Submits jobs to one drop and accepts their results."""

    def __init__(
        self,
        drop: str | Path | Drop | DropSession,
        *,
        store: RunStore,
        results: Path,
        poll_s: float | None = None,
        beat_s: float | None = None,
        terms: ClaimTerms | None = None,
        host: Host = SYSTEM,
        identity: Identity = ANONYMOUS,
        owner: Owner = NOBODY,
    ) -> None:
        """Open a drop as `identity`, or take over a session. `owner` is recorded with each run.

        `terms` says how workers agree on who works; without it they follow from the delays measured on this drop.
        """
        self.session = drop if isinstance(drop, DropSession) else DropSession.open(drop, identity)
        self.address, self.drop, self.drop_id = self.session.address, self.session.drop, self.session.drop_id
        self.store, self.results, self.host = store, results, host
        pace = self.drop.capabilities
        self.poll_s = poll_s or pace.poll_s
        self.workers = WorkerRegistry(self.session, self.poll_s, host)
        self.lease_times = LeaseTimes(store, self.drop_id, pace, beat_s or pace.beat_s)
        self.terms = terms
        self.own_workers: tuple[WorkerCard, ...] = ()  # set where only these workers serve the drop
        self.owner, self.holder = owner, Holder.here(owner.machine)
        self._digests = InputDigests()
        self._sender = Sender(
            session=self.session,
            store=store,
            host=host,
            digests=self._digests,
            new_id=functools.partial(new_id, host),
            sent=self._sent,
        )
        self._without_logs: set[str] = set()  # ended runs whose logs are still to be fetched
        self._watch: Watch | None = None
        self._unwritten: list[Lifecycle] = []  # ended jobs with messages that could not be written

    def submit(self, job: Job) -> Handle:
        """Submit a job, or resume the same one that an earlier process submitted; return a handle to it.

        Jobs are the same when kind, parameters, inputs and requirements are. A cached result that still verifies is
        returned without any work, unless the job says otherwise. Raises UsageError for a job that no worker seen here
        can do.
        """
        submission = prepare(job, self._digests)
        known = self.store.latest(submission.key(self.drop_id))
        if known is not None and not job.anew and is_whole(known):
            if job.purpose.extras:
                self.store.attach(known.id, job.purpose.extras)
            return Handle(self, known, job)
        if known is None:
            wrong = refusal(job, self.own_workers or self.cards().values(), started_here=bool(self.own_workers))
            if wrong is not None:
                raise UsageError(wrong)
        extras = replace(job.purpose.extras, inputs=submission.artifacts)
        run, created = self.store.add_or_find(self._new_run(submission), known.id if known else None, extras)
        log.debug("run %s: %s", run.id, "new" if created else "resumed")
        if created:
            self.upload(run, job)
        handle = Handle(self, self.store.get(run.id), job)
        if created:
            handle.renew()
        elif run.status in OPEN:
            handle.send()
        return handle

    def resume(self, run: Run) -> Handle:
        """Return a handle to a run that this or another process submitted."""
        return Handle(self, run, job_of(run, self.store.trace.files(run.id)))

    def cached(self, job: Job) -> Result | None:
        """Return the cached result that `submit` would return without any work, or None."""
        known = self.store.latest(prepare(job, self._digests).key(self.drop_id))
        return load(known) if known is not None and is_whole(known) else None

    def upload(self, run: Run, job: Job) -> None:
        """Put a pending run into the drop; a failed upload is retried while its result is awaited."""
        self._sender.upload(run, job)

    def offer_again(self, run: Run, job: Job) -> None:
        """Offer a run whose request was lost under a new job id; a failed upload is retried."""
        self._sender.offer_again(run, job)

    def follow(self, run: Run, job: Job) -> Lifecycle:
        """Return what follows a run in the folder that it has now."""
        kind = KINDS[job.kind]
        return Lifecycle(
            self.session,
            self.store,
            run,
            kind.outputs(kind.params.model_validate(dict(job.params))),
            self.results,
            self.workers,
            self.host,
            started_here=bool(self.own_workers),
        )

    def flush_later(self, lifecycle: Lifecycle) -> None:
        """Write the messages that a lifecycle could not write when this client is closed."""
        self._unwritten.append(lifecycle)

    def _new_run(self, submission: Submission) -> Run:
        job, now, run_id = submission.job, self.host.wall(), new_id(self.host)
        offer = submission.offer(
            run_id,
            drop_id=self.drop_id,
            dispatcher=self.store.dispatcher_id,
            terms=self.terms or self.lease_times.terms(self.workers.waits()),
            where=self.workers.neighbours.here,
        )
        return Run(
            id=run_id,
            key=submission.key(self.drop_id),
            kind=job.kind,
            status="pending",
            drop=self.address,
            drop_id=self.drop_id,
            job=run_id,
            digest=submission.digest,
            request=encode_request(Request(params=dict(job.params), job=offer), self.session.identity.key, now),
            created_at=now,
            updated_at=now,
            title=job.purpose.title or ", ".join(path.name for path in job.inputs.values()),
            user=self.owner.user,
            machine=self.owner.machine,
            parent_id=job.purpose.parent,
            group_id=job.purpose.group or self.owner.group,
            execution_config=self._config(job),
            monitor=str(self.holder),
            monitor_until=now + SENDING_S,
            deadline_at=now + job.purpose.deadline_s if job.purpose.deadline_s is not None else None,
        )

    def _config(self, job: Job) -> dict[str, Any]:
        """Return how a job was submitted, for the record of its run."""
        return {
            "version": _version(),
            "backend": self.owner.backend,
            "params": dict(job.params),
            "require_engine": job.require_engine,
            **job.purpose.config,
        }

    def _sent(self, run_id: str) -> None:
        self.lease_times.sent(run_id, self.workers, self.host.monotonic())

    def clean(self, *, older_than_s: float = CLEAN_AFTER_S) -> int:
        """Remove jobs that ended longer ago than this from the drop; return how many. Results on this machine stay."""
        cleaned = 0
        for run in self.store.uncleaned(self.drop_id, before=self.host.wall() - older_than_s):
            self.fetch_logs(run.id)
            self.session.remove_job(run.job)
            self.store.cleaned(run.id, at=self.host.wall())
            cleaned += 1
        self._end_restored()
        return cleaned

    def _end_restored(self) -> None:
        """Write again how jobs ended whose deleted folder a sync tool has restored: a worker would do them again."""
        jobs = [entry.name for entry in self.drop.list("") if entry.is_folder and is_job_id(entry.name)]
        for run in returned(self.store, self.drop_id, jobs, self.session.reader, cleaned=True):
            log.info("the deleted folder of job %s is back in the drop: writing again that the job has ended", run.job)
            write_end_again(self.session, self.store, run, self.host)

    def fetch_logs(self, run_id: str) -> bool:
        """Fetch the logs of an ended run and settle it if nothing else is left to do; say whether all logs are here."""
        run, now = self.store.get(run_id), self.host.wall()
        if not logs.bring_home(self.drop, self.store, run, self.results):
            return False
        if not self.store.trace.has_more_to_do(run_id):
            self.store.trace.settled(run_id, at=now)
        return True

    def run_ended(self, run_id: str) -> None:
        """Note that a run has ended. Its logs are fetched at once if it failed, else when the client is closed."""
        if self.store.get(run_id).status == "completed" or not self.fetch_logs(run_id):
            self._without_logs.add(run_id)

    def cards(self) -> dict[str, WorkerCard]:
        """Return the card of each session of every worker ever seen here; only heartbeats tell whether it is alive."""
        self.workers.look(self.host.monotonic())
        return self.workers.cards()

    def wait_for_news(self, timeout_s: float) -> None:
        """Wait until the drop may have changed, at most this long."""
        try:
            self._watch = self._watch or self.drop.watch()
        except ChannelError:  # the next look reports it; there is nothing to watch until then
            self.host.sleep(timeout_s)
        else:
            self._watch.wait(timeout_s)

    def close(self) -> None:
        """Write what could not be written before, as far as the drop is reachable, and close it."""
        for lifecycle in self._unwritten:
            lifecycle.flush()
        for run_id in sorted(self._without_logs):
            with contextlib.suppress(NotFoundError):  # the run was removed meanwhile
                if self.store.get(run_id).settled_at is None:
                    self.fetch_logs(run_id)
        self.store.leases.let_all_go(self.holder)
        if self._watch is not None:
            self._watch.close()
        self.session.close()


@functools.cache
def _version() -> str:
    return version("gpudrop")


def new_id(host: Host) -> str:
    """Return a run and job id: readable, sorted by time, and unique even within one second."""
    return f"{datetime.fromtimestamp(host.wall(), UTC):%y%m%d-%H%M%S}-{host.token(4)}"

"""Submitting a job and waiting for its verified result: prepare, upload, wait, verify, accept once, clean up.

The run database holds what was decided before the drop hears of it, so that killing this process at any moment loses
nothing: the same submission picks the same job up again.
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

from dispatcher.drops.worker_registry import WorkerRegistry
from dispatcher.jobs.cached import is_whole, load
from dispatcher.jobs.digests import Fingerprints
from dispatcher.jobs.handle import Handle
from dispatcher.jobs.job import Job, Result
from dispatcher.jobs.lease_times import Pace
from dispatcher.jobs.lifecycle import Lifecycle
from dispatcher.jobs.offers import job_of, refusal, spell
from dispatcher.jobs.returned import returned, say_again
from dispatcher.jobs.sending import Sender
from dispatcher.jobs.submission import Submission, prepare
from dispatcher.runs import logs
from dispatcher.runs.leases import SENDING_S, Holder
from dispatcher.runs.record import OPEN, Run
from dispatcher.runs.store import RunStore
from protocol.drop import Drop, Watch
from protocol.errors import ChannelError, NotFoundError, UsageError
from protocol.layout import is_job_id
from protocol.messages import ClaimTerms, Request, WorkerCard
from protocol.seen import JobReader, read_drop_id
from protocol.signing import ANONYMOUS, Identity
from protocol.transports import open_drop
from protocol.transports.host import SYSTEM, Host

CLEAN_AFTER_S = 24 * 3600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whose runs a client's are, and where their files lie."""

    user: str = ""
    machine: str = ""
    backend: str = "colab"  # who has to be there: a worker of this machine ("local"), or one that somebody starts
    group: str | None = None  # what its runs are for, where a job does not say so itself


NOBODY = Owner()


class Client:
    """This machine's end of one drop."""

    def __init__(
        self,
        drop: str | Path | Drop,
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
        """Open a drop. `owner` is remembered with each run.

        `terms` says how workers agree on who works; without it the pace measured on this drop does.
        """
        self.address = str(drop)
        self.drop = open_drop(drop) if isinstance(drop, str | Path) else drop
        self.drop_id = read_drop_id(self.drop, self.address)
        self.store, self.results, self.host, self.identity = store, results, host, identity
        self.poll_s = poll_s or self.drop.capabilities.poll_s
        self.workforce = WorkerRegistry(self.drop, self.drop_id, self.poll_s, identity.trust, host)
        self.pace = Pace(store, self.drop_id, self.drop.capabilities, beat_s or self.drop.capabilities.beat_s)
        self.terms = terms
        self.serving: tuple[WorkerCard, ...] = ()  # the workers that alone serve this drop, where that is known
        self.owner, self.holder = owner, Holder.here(owner.machine)
        self._fingerprints = Fingerprints()
        self._sender = Sender(
            drop=self.drop,
            drop_id=self.drop_id,
            store=store,
            host=host,
            identity=identity,
            fingerprints=self._fingerprints,
            new_id=functools.partial(new_id, host),
            sent=self._sent,
        )
        self._ended: set[str] = set()  # runs whose logs are not home yet
        self._watch: Watch | None = None
        self._unsaid: list[Lifecycle] = []  # jobs that have ended while the drop could not be told

    def submit(self, job: Job) -> Handle:
        """Offer a job, or pick up the same one where an earlier process left it; return the hope of its result.

        A job is the same when kind, parameters, inputs and requirements are. One that was accepted before, and whose
        files still verify, is not done again unless it is asked for anew. Raises UsageError for what no worker that was
        seen here can do.
        """
        submission = prepare(job, self._fingerprints)
        known = self.store.latest(submission.key(self.drop_id))
        if known is not None and not job.anew and is_whole(known):
            if job.purpose.extras:
                self.store.attach(known.id, job.purpose.extras)
            return Handle(self, known, job)
        if known is None:
            wrong = refusal(job, self.serving or self.cards().values(), started_here=bool(self.serving))
            if wrong is not None:
                raise UsageError(wrong)
        extras = replace(job.purpose.extras, inputs=submission.artifacts)
        run, created = self.store.add_or_find(self._new_run(submission), known.id if known else None, extras)
        log.debug("run %s: %s", run.id, "new" if created else "picked up")
        if created:
            self.upload(run, job)
        handle = Handle(self, self.store.get(run.id), job)
        if created:
            handle.keep()
        elif run.status in OPEN:
            handle.send()
        return handle

    def resume(self, run: Run) -> Handle:
        """Return the hope of the result of a run that was submitted before, by whichever process."""
        return Handle(self, run, job_of(run, self.store.trace.files(run.id)))

    def kept(self, job: Job) -> Result | None:
        """Return the result that `submit` would give back without any work, or None."""
        known = self.store.latest(prepare(job, self._fingerprints).key(self.drop_id))
        return load(known) if known is not None and is_whole(known) else None

    def upload(self, run: Run, job: Job) -> None:
        """Put a pending run into the drop; what does not get through now is tried again while its result is awaited."""
        self._sender.upload(run, job)

    def offer_again(self, run: Run, job: Job) -> None:
        """Offer a run whose request was lost on its way under a new job id; what fails is tried again."""
        self._sender.offer_again(run, job)

    def _new_run(self, submission: Submission) -> Run:
        job, now, run_id = submission.job, self.host.wall(), new_id(self.host)
        offer = submission.offer(
            run_id,
            drop_id=self.drop_id,
            dispatcher=self.store.dispatcher_id,
            terms=self.terms or self.pace.terms(self.workforce.waits()),
            where=self.workforce.neighbours.here,
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
            request=spell(Request(params=dict(job.params), job=offer), self.identity.key, now),
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
        """Return what is remembered of how a job was asked for."""
        return {
            "version": _version(),
            "backend": self.owner.backend,
            "params": dict(job.params),
            "require_engine": job.require_engine,
            **job.purpose.config,
        }

    def _sent(self, run_id: str) -> None:
        self.pace.sent(run_id, self.workforce, self.host.monotonic())

    def clean(self, *, older_than_s: float = CLEAN_AFTER_S) -> int:
        """Remove from the drop the jobs that ended longer ago than this; return how many. Results here are kept."""
        cleaned = 0
        for run in self.store.uncleaned(self.drop_id, before=self.host.wall() - older_than_s):
            self.bring_logs(run.id)
            self._sender.remove(run.job)
            self.store.cleaned(run.id, at=self.host.wall())
            cleaned += 1
        self._answer_returned()
        return cleaned

    def _answer_returned(self) -> None:
        """Say again how jobs ended whose deleted folder was brought back: a worker would take them for new ones."""
        jobs = [entry.name for entry in self.drop.list("") if entry.is_folder and is_job_id(entry.name)]
        trust = self.identity.trust
        for run in returned(
            self.store, self.drop_id, jobs, lambda job: JobReader(self.drop, self.drop_id, job, trust), cleaned=True
        ):
            log.info("the folder of job %s, which is over, is back in the drop: that it is over is said again", run.job)
            say_again(self.drop, self.store, run, self.host, self.identity)

    def bring_logs(self, run_id: str) -> bool:
        """Bring the logs of a run that has ended home, settle it if nothing else is to do; say if all are here."""
        run, now = self.store.get(run_id), self.host.wall()
        if not logs.bring_home(self.drop, self.store, run, self.results):
            return False
        if not self.store.trace.has_more_to_do(run_id):
            self.store.trace.settled(run_id, at=now)
        return True

    def ended(self, run_id: str) -> None:
        """Take note that a run has ended: its logs come home when this is closed, or now if they tell why it failed."""
        if self.store.get(run_id).status == "completed" or not self.bring_logs(run_id):
            self._ended.add(run_id)

    def cards(self) -> dict[str, WorkerCard]:
        """Return the card of every boot of every worker that was ever here; whether they live, only beats tell."""
        self.workforce.look(self.host.monotonic())
        return self.workforce.cards()

    def wait_for_news(self, timeout_s: float) -> None:
        """Wait until looking at the drop again is worth while, at most this long."""
        try:
            self._watch = self._watch or self.drop.watch()
        except ChannelError:  # the next look says so; there is nothing to watch until then
            self.host.sleep(timeout_s)
        else:
            self._watch.wait(timeout_s)

    def close(self) -> None:
        """Say what could not be said before, as far as the drop lets us now, and let it go."""
        for lifecycle in self._unsaid:
            lifecycle.say_rest()
        for run_id in sorted(self._ended):
            with contextlib.suppress(NotFoundError):  # somebody has removed the run meanwhile
                if self.store.get(run_id).settled_at is None:
                    self.bring_logs(run_id)
        self.store.leases.let_all_go(self.holder)
        if self._watch is not None:
            self._watch.close()
        self.drop.close()


@functools.cache
def _version() -> str:
    return version("gpudrop")


def new_id(host: Host) -> str:
    """Return a run and job id: readable, sorted by time, and unlike any other even within one second."""
    return f"{datetime.fromtimestamp(host.wall(), UTC):%y%m%d-%H%M%S}-{host.token(4)}"

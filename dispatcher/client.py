"""Submitting a job and waiting for its verified result: prepare, upload, wait, verify, accept once, clean up.

The run database holds what was decided before the drop hears of it, so that killing this process at any moment loses
nothing: the same submission picks the same job up again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dispatcher import accept, legacy, logs
from dispatcher.fingerprints import Fingerprints
from dispatcher.handle import Handle
from dispatcher.jobs import Job, Result
from dispatcher.lifecycle import Lifecycle
from dispatcher.offers import check_inputs, check_params, job_of, refusal, spell
from dispatcher.pace import Pace
from dispatcher.runs.leases import SENDING_S, Holder
from dispatcher.runs.record import OPEN, Artifact, Run
from dispatcher.runs.store import RunStore
from dispatcher.workforce import Workforce
from protocol import codec
from protocol.drop import Drop, Watch
from protocol.errors import (
    ChannelError,
    NameTaken,
    NotFoundError,
    StorageFull,
    Untrusted,
    UsageError,
    VerificationError,
)
from protocol.layout import JobNames
from protocol.messages import ClaimTerms, InputFile, Limits, Offer, Request, Requires, WorkerCard
from protocol.seen import read_drop_id
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
        self.workforce = Workforce(self.drop, self.drop_id, self.poll_s, identity.trust)
        self.pace = Pace(store, self.drop_id, self.drop.capabilities, beat_s or self.drop.capabilities.beat_s)
        self.terms = terms
        self.serving: tuple[WorkerCard, ...] = ()  # the workers that alone serve this drop, where that is known
        self.owner, self.holder = owner, Holder.here(owner.machine)
        self._fingerprints = Fingerprints()
        self._ended: set[str] = set()  # runs whose logs are not home yet
        self._watch: Watch | None = None
        self._unsaid: list[Lifecycle] = []  # jobs that have ended while the drop could not be told

    def submit(self, job: Job) -> Handle:
        """Offer a job, or pick up the same one where an earlier process left it; return the hope of its result.

        A job is the same when kind, parameters, inputs and requirements are. One that was accepted before, and whose
        files still verify, is not done again unless it is asked for anew. Raises UsageError for what no worker that was
        seen here can do.
        """
        params, inputs = self._prepare(job)
        digest, key = self._identify(job, params, inputs)
        known = self.store.latest(key)
        if known is not None and not job.anew and _can_be_used_again(known):
            if job.purpose.belongings:
                self.store.attach(known.id, job.purpose.belongings)
            return Handle(self, known, job)
        if known is None and (wrong := refusal(job, self.serving or self.cards().values())) is not None:
            raise UsageError(wrong)
        offered = self._new_run(job, params, inputs, digest, key)
        belongings = replace(job.purpose.belongings, inputs=_artifacts(job, inputs))
        run, created = self.store.add_or_find(offered, known.id if known else None, belongings)
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
        _, key = self._identify(job, *self._prepare(job))
        known = self.store.latest(key)
        if known is None or not _can_be_used_again(known):
            return None
        return _load(known)

    def _prepare(self, job: Job) -> tuple[dict[str, Any], dict[str, tuple[int, str]]]:
        """Check the parameters and digest the inputs, before anything is written."""
        check_params(job)
        return dict(job.params), {name: self._fingerprints.of(path) for name, path in job.inputs.items()}

    def _identify(self, job: Job, params: Mapping[str, Any], inputs: Mapping[str, tuple[int, str]]) -> tuple[str, str]:
        """Return the digest of what is asked for, and the key under which this drop's runs of it are remembered."""
        requires = Requires(engine=job.require_engine).model_dump(exclude_none=True)
        digest = codec.digest(job.kind, params, inputs, requires)
        return digest, hashlib.sha256(f"{self.drop_id} {digest}".encode()).hexdigest()

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

    def _new_run(
        self, job: Job, params: Mapping[str, Any], inputs: Mapping[str, tuple[int, str]], digest: str, key: str
    ) -> Run:
        now = self.host.wall()
        run_id, terms = new_id(self.host), self.terms or self.pace.terms()
        offer = Offer(
            drop=self.drop_id,
            id=run_id,
            dispatcher=self.store.dispatcher_id,
            kind=job.kind,
            digest=digest,
            inputs={
                name: InputFile(size=size, sha256=sha256, in_=JobNames(run_id).input(k, name).rpartition("/")[2])
                for k, (name, (size, sha256)) in enumerate(sorted(inputs.items()), 1)
            },
            requires=Requires(engine=job.require_engine),
            claim=terms.model_copy(update={"lease_s": job.lease_s or terms.lease_s}),
            limits=Limits(attempts=job.attempts, wall_s=job.wall_s, stall_s=job.stall_s, queue_s=job.queue_s),
        )
        return Run(
            id=run_id,
            key=key,
            kind=job.kind,
            status="pending",
            drop=self.address,
            drop_id=self.drop_id,
            job=run_id,
            digest=digest,
            request=spell(Request(params=dict(params), job=offer), self.identity.key, now),
            created_at=now,
            updated_at=now,
            title=job.purpose.title or ", ".join(path.name for path in job.inputs.values()),
            user=self.owner.user,
            machine=self.owner.machine,
            parent_id=job.purpose.parent,
            group_id=job.purpose.group or self.owner.group,
            execution_config={
                "version": _version(),
                "backend": self.owner.backend,
                "params": dict(params),
                "require_engine": job.require_engine,
                **job.purpose.config,
            },
            monitor=str(self.holder),
            monitor_until=now + SENDING_S,
            notify=job.purpose.notify,
            deadline_at=now + job.purpose.deadline_s if job.purpose.deadline_s is not None else None,
        )

    def _upload(self, run: Run, job: Job) -> None:
        """Put inputs and then the request into the drop, as far as an earlier process has not done so."""
        names = JobNames(run.job)
        if self.identity.trust.mode == "require" and not self._is_trusted(run):
            self._offer_again(run, job)  # it was written before this side signed, or with another key
            return
        offer = codec.decode_request(run.request, drop=self.drop_id, job=run.job).job
        assert offer is not None  # written by _new_run
        check_inputs(run, offer, job)
        self.drop.make_folder(run.job)
        try:
            for name, file in offer.inputs.items():
                self._put_input(job.inputs[name], names.file(file.in_), file)
            if offer.inputs:
                self.drop.barrier()
            self._put_request(names.request, run.request)
        except UsageError as error:  # an input is another file now: nobody may be offered what cannot be had
            self.store.commit(run.id, "cancelled", error_text=str(error), at=self.host.wall())
            self._remove(run.job)
            raise
        except _TornError:
            self._offer_again(run, job)
        else:
            self.store.progress(run.id, status="queued", at=self.host.wall(), text="its request is in the drop")
            self.pace.sent(run.id, self.workforce, self.host.monotonic())

    def _is_trusted(self, run: Run) -> bool:
        try:
            codec.decode_request(run.request, drop=self.drop_id, job=run.job, trust=self.identity.trust)
        except Untrusted:
            return False
        return True

    def _put_input(self, local: Path, path: str, file: InputFile) -> None:
        try:
            self.drop.copy_in(local, path)
            self._fingerprints.check_unchanged(local)
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
        old = codec.decode_request(run.request, drop=self.drop_id, job=run.job)
        assert old.job is not None  # ours has an envelope
        check_inputs(run, old.job, job)
        new_job, now = new_id(self.host), self.host.wall()
        request = Request(params=old.params, job=old.job.model_copy(update={"id": new_job}))
        again = self.store.offer_again(
            run.id, instead_of=run.job, job=new_job, request=spell(request, self.identity.key, now), at=now
        )
        if again.status not in OPEN:
            return  # another process ended it meanwhile: there is nothing to offer
        self._upload(again, job)
        self._remove(run.job)

    def clean(self, *, older_than_s: float = CLEAN_AFTER_S) -> int:
        """Remove from the drop the jobs that ended longer ago than this; return how many. Results here are kept."""
        cleaned = 0
        for run in self.store.uncleaned(self.drop_id, before=self.host.wall() - older_than_s):
            self.bring_logs(run.id)
            self._remove(run.job)
            self.store.cleaned(run.id, at=self.host.wall())
            cleaned += 1
        return cleaned

    def _remove(self, job: str) -> None:
        """Remove a job's folder, its request first: nobody may take what is half gone."""
        self.drop.delete(JobNames(job).request)
        self.drop.delete(job)

    def bring_logs(self, run_id: str) -> bool:
        """Bring the logs of a run that has ended home, settle it if nothing else is to do; say if all are here."""
        run, now = self.store.get(run_id), self.host.wall()
        if not logs.bring_home(self.drop, self.store, run, self.results):
            return False
        if not run.notify and not self.store.trace.has_more_to_do(run_id):
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


def _can_be_used_again(run: Run) -> bool:
    """Say whether a run has a result whose files still verify."""
    if run.status != "completed" or run.results_dir is None:
        return False
    try:
        _load(run)
    except VerificationError as error:
        log.info("run %s cannot be used again: %s", run.id, error)
        return False
    return True


def _load(run: Run) -> Result:
    """Return the result of a completed run, checked again."""
    assert run.results_dir is not None  # it is completed
    load = legacy.load if run.verified == "legacy" else accept.load
    return load(run.id, Path(run.results_dir), run.verified or "full")


def _artifacts(job: Job, inputs: Mapping[str, tuple[int, str]]) -> list[Artifact]:
    return [
        Artifact(
            role="input",
            name=name,
            path=str(job.inputs[name].absolute()),
            size=size,
            sha256=sha256,
            media=job.purpose.facts.get(name),
        )
        for name, (size, sha256) in inputs.items()
    ]


class _TornError(Exception):
    """What an earlier process left under our name is not what it meant to write."""


@functools.cache
def _version() -> str:
    return version("gpudrop")


def new_id(host: Host) -> str:
    """Return a run and job id: readable, sorted by time, and unlike any other even within one second."""
    return f"{datetime.fromtimestamp(host.wall(), UTC):%y%m%d-%H%M%S}-{host.token(4)}"

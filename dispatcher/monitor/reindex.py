"""The open runs again from the drops, which are the truth of what is in flight: for a database that was lost.

A job is taken back only if it is this machine's (docs/why/job-ownership.md): it names this database's dispatcher, or
is signed with this machine's key, or lies in the drop that nobody else uses, or its owner's id was said by the user.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from dispatcher.config import Settings
from dispatcher.jobs import accept
from dispatcher.jobs.recording import outputs_of
from dispatcher.monitor.drop_watcher import DropWatcher, WatchedDrop
from dispatcher.monitor.faults import reader_of
from dispatcher.runs.record import Artifact, Ended, ResultRecord, Run, RunExtras, Status
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.drop import Entry
from protocol.errors import BadMessage, ChannelError, Untrusted, VerificationError
from protocol.layout import JobNames, is_job_id, parse_job_name
from protocol.messages import Offer
from protocol.observation import Observation
from protocol.signing import Trust
from protocol.states import open_attempts

Outcome = Literal["open", "completed", "known", "superseded", "foreign", "over", "unreadable"]
"""Taken back as an open run, or as a completed one whose results are here; known already; done by another run since;
somebody else's; ended, with nothing of it here; or not to be read."""


@dataclass(frozen=True, kw_only=True)
class ReindexedJob:
    """One job folder, and what became of it."""

    drop: str
    job: str
    outcome: Outcome
    kind: str = ""
    dispatcher: str = ""
    run: str | None = None
    text: str = ""


def reindex(
    watcher: DropWatcher,
    *,
    now: float,
    adopt: Sequence[str] = (),
    jobs: Sequence[str] | None = None,
    dry_run: bool = False,
) -> Iterator[ReindexedJob]:
    """Yield what every job folder of every drop is, each taken back as it comes; `jobs` narrows it down.

    `adopt` holds the ids of dispatchers that were this machine's. With `dry_run` nothing is written. Doing it twice, or
    while others work, is safe: a job that a run of this database has is left alone.
    """
    for watched in watcher.look():
        if watched.drop is None or watched.problem:
            yield ReindexedJob(drop=watched.address, job="", outcome="unreadable", text=watched.problem)
            continue
        try:
            names = [it.name for it in watched.drop.list("") if it.is_folder and is_job_id(it.name)]
        except ChannelError as error:
            yield ReindexedJob(drop=watched.address, job="", outcome="unreadable", text=str(error))
            continue
        for job in sorted(names if jobs is None else set(names) & set(jobs)):
            with watched.lock:
                yield _Folder(watcher, watched, job, now).taken(adopt, dry_run=dry_run)


class _Folder:
    """One job folder, looked at once."""

    def __init__(self, watcher: DropWatcher, watched: WatchedDrop, job: str, now: float) -> None:
        self._watcher, self._watched, self._job, self._now = watcher, watched, job, now
        self._store: RunStore = watcher.store
        self._settings: Settings = watcher.settings

    def taken(self, adopt: Sequence[str], *, dry_run: bool) -> ReindexedJob:
        """Take the job back if it is ours and open, or completed with its results here."""
        if known := self._store.search.of_jobs(self._watched.drop_id, [self._job]):
            return self._found("known", run=known[self._job].id)
        try:
            seen = reader_of(self._watcher, self._watched, self._job).look()
            if seen.request is None:
                return self._found("foreign" if seen.plain_request else "unreadable", text=_why_not(seen))
            return self._take(seen, seen.request.job, adopt, dry_run=dry_run)
        except (ChannelError, BadMessage) as error:
            return self._found("unreadable", text=str(error))

    def _take(self, seen: Observation, offer: Offer, adopt: Sequence[str], *, dry_run: bool) -> ReindexedJob:
        told = {"kind": offer.kind, "dispatcher": offer.dispatcher}
        data = self._bytes()
        if not self._is_ours(data, offer, adopt):
            return self._found("foreign", **told)
        run = self._run(data, offer, seen)
        newest = self._store.latest(run.key)
        if newest is not None and (newest.is_open or newest.created_at >= run.created_at):
            return self._found("superseded", run=newest.id, text=f"its job is run {newest.id}", **told)
        if seen.accepted is not None:
            return self._completed(run, seen, offer, dry_run=dry_run)
        if seen.cancelled is not None:
            return self._found("over", text=seen.cancelled.reason, **told)
        if not dry_run:
            self._add(run, offer)
        return self._found("open", run=run.id, text=run.status, **told)

    def _bytes(self) -> bytes:
        assert self._watched.drop is not None  # it is open
        return self._watched.drop.get(JobNames(self._job).request, limit=codec.MAX_BYTES)

    def _is_ours(self, data: bytes, offer: Offer, adopt: Sequence[str]) -> bool:
        if offer.dispatcher in (self._store.dispatcher_id, *adopt):
            return True
        if self._watched.session is not None and self._watched.session.is_private:
            return True
        key = self._watched.identity.key
        if key is None:
            return False
        only_us = Trust(mode="require", dispatcher_keys=(key.public,))
        try:
            codec.decode_request(data, drop=self._watched.drop_id, job=self._job, trust=only_us)
        except Untrusted:
            return False
        return True

    def _run(self, data: bytes, offer: Offer, seen: Observation) -> Run:
        """Return the run as its folder tells of it, under the id of the job."""
        entries = self._entries()
        sent_at = _time_of(self._job) or entries.get("request.json") or self._now
        working = bool(open_attempts(seen)) or bool(seen.done)
        status: Status = "running" if working else "queued"
        claims = [at for name, at in entries.items() if (it := parse_job_name(name)) and it.role == "claim"]
        return Run(
            id=self._job,
            key=hashlib.sha256(f"{self._watched.drop_id} {offer.digest}".encode()).hexdigest(),
            kind=offer.kind,
            status=status,
            drop=self._watched.address,
            drop_id=self._watched.drop_id,
            job=self._job,
            digest=offer.digest,
            request=data,
            created_at=sent_at,
            updated_at=self._now,
            title=", ".join(sorted(offer.inputs)),
            user=self._settings.user,
            machine=self._settings.machine,
            execution_config=self._config(offer, seen),
            queued_at=sent_at,
            started_at=min(claims, default=self._now) if working else None,
        )

    def _config(self, offer: Offer, seen: Observation) -> dict[str, object]:
        private = self._watched.session is not None and self._watched.session.is_private
        params = dict(seen.request.params) if seen.request else {}
        backend = "local" if private else "colab"
        return {"backend": backend, "params": params, "require_engine": offer.requires.engine, "reindexed": True}

    def _entries(self) -> dict[str, float]:
        """Return when each file of the folder was written, as the channel tells."""
        assert self._watched.drop is not None  # it is open
        entries: Sequence[Entry] = self._watched.drop.list(self._job)
        return {it.name: it.modified for it in entries if it.modified is not None}

    def _add(self, run: Run, offer: Offer) -> None:
        newest = self._store.latest(run.key)
        inputs = RunExtras(inputs=tuple(self._inputs(offer)))
        added, created = self._store.add_or_find(run, newest.id if newest else None, inputs)
        if created:
            self._store.trace.note(added.id, "taken back from the drop: the run database did not know it", at=self._now)

    def _inputs(self, offer: Offer) -> Iterator[Artifact]:
        """Yield the inputs, where the drop is a folder: their copies in it are what there is to send again."""
        folder = Path(self._watched.address) / self._job
        for name, file in offer.inputs.items():
            if (folder / file.in_).is_file():
                path = str(folder / file.in_)
                yield Artifact(role="input", name=name, path=path, size=file.size, sha256=file.sha256)

    def _completed(self, run: Run, seen: Observation, offer: Offer, *, dry_run: bool) -> ReindexedJob:
        """Take back a run whose result was accepted, if that is still here and whole."""
        told = {"kind": offer.kind, "dispatcher": offer.dispatcher}
        assert seen.accepted is not None  # the caller looked
        folder = self._settings.results / self._job / seen.accepted.nonce
        try:
            result = accept.load(run.id, folder)
        except VerificationError:
            return self._found("over", text="it was accepted, and its results are not here", **told)
        done = [it for attempt, it in seen.done.items() if attempt.nonce == seen.accepted.nonce]
        if not dry_run:
            self._add(replace(run, status="running"), offer)
            self._store.commit(
                run.id,
                "completed",
                at=self._now,
                result=ResultRecord(
                    nonce=seen.accepted.nonce,
                    results_dir=str(folder),
                    engine=result.engine.model_dump(mode="json") if result.engine else None,
                    verified="full",
                    checksum=seen.accepted.done_seal,
                ),
                ended=Ended(outputs=dict(result.summary), files=outputs_of(done[0], folder, {}) if done else ()),
            )
        return self._found("completed", run=run.id, text=str(folder), **told)

    def _found(
        self, outcome: Outcome, *, kind: str = "", dispatcher: str = "", run: str | None = None, text: str = ""
    ) -> ReindexedJob:
        return ReindexedJob(
            drop=self._watched.address,
            job=self._job,
            outcome=outcome,
            kind=kind,
            dispatcher=dispatcher,
            run=run,
            text=text,
        )


def _why_not(seen: Observation) -> str:
    if seen.plain_request is not None:
        return "of the simple form, which names no owner"
    if seen.too_new:
        return seen.too_new
    return next(iter(seen.unchecked.values()), "it holds no request")


def _time_of(job: str) -> float | None:
    """Return the time that an id of ours begins with."""
    try:
        return datetime.strptime(job[:13], "%y%m%d-%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None

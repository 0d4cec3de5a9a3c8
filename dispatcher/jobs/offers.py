"""From a job to the offer that is written to the drop, and checks that reject a mistake before anything is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import ValidationError

from dispatcher.jobs.digests import InputDigests
from dispatcher.jobs.job import Job
from dispatcher.runs.record import Artifact, Run, short
from protocol import codec
from protocol.errors import NotFoundError, UsageError
from protocol.kinds import KINDS
from protocol.layout import JobNames
from protocol.messages import (
    Choices,
    ClaimTerms,
    InputFile,
    Limits,
    Offer,
    Request,
    Requires,
    Whereabouts,
    WorkerCard,
)
from protocol.signing import Key
from usertext import installing

SHOWN = 12
"""List at most this many values, and only if none resembles the requested one."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A job whose parameters were checked and whose inputs were hashed. Equal jobs have equal digests."""

    job: Job
    inputs: Mapping[str, tuple[int, str]]  # name → size and sha256
    digest: str  # of kind, parameters, inputs and requirements

    def key(self, drop_id: str) -> str:
        """Return the key under which the run database finds runs of this job on a drop."""
        return hashlib.sha256(f"{drop_id} {self.digest}".encode()).hexdigest()

    @property
    def artifacts(self) -> list[Artifact]:
        """Return its inputs as the run database records them."""
        return [
            Artifact(
                role="input",
                name=name,
                path=str(self.job.inputs[name].absolute()),
                size=size,
                sha256=sha256,
                media=self.job.purpose.facts.get(name),
            )
            for name, (size, sha256) in self.inputs.items()
        ]

    def offer(
        self, run_id: str, *, drop_id: str, dispatcher: str, terms: ClaimTerms, where: Whereabouts | None = None
    ) -> Offer:
        """Return the offer of the job as a run. `terms` are the drop's; the job's own lease overrides theirs.

        `where` lets a worker see whether it is on the same machine.
        """
        job, names = self.job, JobNames(run_id)
        return Offer(
            drop=drop_id,
            id=run_id,
            dispatcher=dispatcher,
            kind=job.kind,
            digest=self.digest,
            inputs={
                name: InputFile(size=size, sha256=sha256, in_=names.input(k, name).rpartition("/")[2])
                for k, (name, (size, sha256)) in enumerate(sorted(self.inputs.items()), 1)
            },
            requires=Requires(engine=job.require_engine),
            claim=terms.model_copy(update={"lease_s": job.lease_s or terms.lease_s}),
            limits=Limits(attempts=job.attempts, wall_s=job.wall_s, stall_s=job.stall_s, queue_s=job.queue_s),
            where=where,
        )


def prepare(job: Job, digests: InputDigests) -> Submission:
    """Check the parameters and hash the inputs, before anything is written."""
    check_params(job)
    inputs = {name: digests.of(path) for name, path in job.inputs.items()}
    requires = Requires(engine=job.require_engine).model_dump(exclude_none=True)
    return Submission(job=job, inputs=inputs, digest=codec.digest(job.kind, dict(job.params), inputs, requires))


def encode_request(request: Request, key: Key | None, now: float) -> bytes:
    """Return a request as bytes. With a key it is signed, and expires when its owner stops waiting.

    Without that expiry, anybody could copy a signed request and offer it again for ever.
    """
    if key is None:
        return codec.encode(request)
    limits = request.job.limits
    ends = limits.model_copy(update={"not_after": now + limits.queue_s + limits.wall_s})
    return codec.encode(request.model_copy(update={"job": request.job.model_copy(update={"limits": ends})}), key)


def job_of(run: Run, files: Iterable[Artifact]) -> Job:
    """Return the job of a run, from its request and its input files."""
    request = codec.decode_request(run.request, drop=run.drop_id, job=run.job)
    offer = request.job
    return Job(
        kind=run.kind,
        params=request.params,
        inputs={file.name: Path(file.path) for file in files if file.role == "input"},
        require_engine=offer.requires.engine,
        attempts=offer.limits.attempts,
        wall_s=offer.limits.wall_s,
        stall_s=offer.limits.stall_s,
        queue_s=offer.limits.queue_s,
    )


def check_inputs(run: Run, offer: Offer, job: Job) -> None:
    """Raise NotFoundError if the path of an input of a run that has to be sent again is unknown.

    That is so for a run that was recovered from a drop that is not a folder.
    """
    if unknown := sorted(set(offer.inputs) - set(job.inputs)):
        raise NotFoundError(
            f"run {run.id} has to be sent again, but the path of its input {unknown[0]} is unknown: "
            f"run the command with the file again, or end the run: gpudrop runs cancel {short(run.id)}"
        )


def check_params(job: Job) -> None:
    """Raise UsageError for an unknown kind and for invalid parameters."""
    if job.kind not in KINDS:
        raise UsageError(f"unknown kind {job.kind!r}; known kinds: {', '.join(sorted(KINDS))}")
    try:
        KINDS[job.kind].params.model_validate(dict(job.params))
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{job.kind}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def refusal(job: Job, cards: Iterable[WorkerCard], *, started_here: bool = False) -> str | None:
    """Return why no worker that was ever seen can do a job, or None if one might.

    Only parameters that a card lists are checked; an engine that lists nothing accepts anything. With `started_here`
    the workers run in this interpreter, and the hint says how to install what is missing.
    """
    engines = [choices for card in cards for choices in _engines(job, card)]
    for name, value in job.params.items():
        if engines and isinstance(value, str) and not any(_accepts(choices, name, value) for choices in engines):
            elsewhere = _available_elsewhere(job.kind, name, value, engines, started_here)
            return _not_accepted(name, value, engines) + elsewhere
    return None


def _engines(job: Job, card: WorkerCard) -> list[Choices]:
    """Return the choices of each engine of a card that may do this job."""
    records = card.engines.get(job.kind, ())
    known = card.choices.get(job.kind, {})
    return [known.get(each.name, {}) for each in records if job.require_engine in (None, each.name)]


def _accepts(choices: Mapping[str, Sequence[str]], name: str, value: str) -> bool:
    return name not in choices or any(fnmatchcase(_normalised(value), _normalised(choice)) for choice in choices[name])


def _normalised(value: str) -> str:
    return value.strip().casefold().replace("_", "-")


def _not_accepted(name: str, value: str, engines: Sequence[Choices]) -> str:
    values = sorted({choice for choices in engines for choice in choices[name] if "*" not in choice})
    wrong = f"no worker seen here accepts the {name} {value!r}"
    if near := get_close_matches(value, values, n=3, cutoff=0.6):
        return f"{wrong}; did you mean {' or '.join(near)}? There are {len(values)} in all"
    return f"{wrong}; there are: {_first(values)}"


def _first(values: Sequence[str]) -> str:
    """Return the first few values and the number of the others."""
    more = len(values) - SHOWN
    return ", ".join(values[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _available_elsewhere(kind: str, name: str, value: str, engines: Sequence[Choices], started_here: bool) -> str:
    """Return the values that other workers accept and how to get such a worker; only the latter for such a value."""
    known = KINDS[kind].known.get(name)
    lacking = [each for each in known.values if not any(_accepts(one, name, each) for one in engines)] if known else []
    if known is None or not lacking:
        return ""
    hint = f"{known.needs} ({installing.with_extra(known.extra, here=started_here)}), or --backend colab"
    if any(_normalised(value) == _normalised(each) for each in lacking):
        return f". For {value} it takes {hint}"
    if near := get_close_matches(value, lacking, n=3, cutoff=0.6):
        return f". There are also, for {hint}: {', '.join(near)} ({len(lacking)} in all)"
    return f". There are also, for {hint}: {_first(lacking)}"

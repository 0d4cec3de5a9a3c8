"""What is offered, and what the workers of a drop can be asked for: a typing error is told before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import ValidationError

from dispatcher.jobs.job import Job
from dispatcher.runs.record import Artifact, Run, short
from protocol import codec
from protocol.errors import NotFoundError, UsageError
from protocol.kinds import KINDS
from protocol.messages import Choices, Offer, Request, WorkerCard
from protocol.signing import Key
from usertext import installing

SHOWN = 12
"""How many values are listed at most, and only where none of them looks like the one asked for."""


def spell(request: Request, key: Key | None, now: float) -> bytes:
    """Return a request as bytes, signed where there is a key: then it may be taken only as long as it is waited for.

    Without that end, whoever copies a signed request could offer it again for ever.
    """
    if key is None:
        return codec.encode(request)
    limits = request.job.limits
    ends = limits.model_copy(update={"not_after": now + limits.queue_s + limits.wall_s})
    return codec.encode(request.model_copy(update={"job": request.job.model_copy(update={"limits": ends})}), key)


def job_of(run: Run, files: Iterable[Artifact]) -> Job:
    """Return the job of a run again, by its request and the files that it was made from."""
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
    """Raise NotFoundError where an input of a run that has to be sent again is not known here.

    So it is with a run that was taken back from a drop that is no folder: no drop tells where files lay here.
    """
    if unknown := sorted(set(offer.inputs) - set(job.inputs)):
        raise NotFoundError(
            f"run {run.id} has to be sent again, and where its input {unknown[0]} lies is not known here: "
            f"give the command with the file again, or end the run: gpudrop runs cancel {short(run.id)}"
        )


def check_params(job: Job) -> None:
    """Raise UsageError for a kind that there is not, and for parameters that are not its own."""
    if job.kind not in KINDS:
        raise UsageError(f"unknown kind {job.kind!r}; there are: {', '.join(sorted(KINDS))}")
    try:
        KINDS[job.kind].params.model_validate(dict(job.params))
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{job.kind}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def refusal(job: Job, cards: Iterable[WorkerCard], *, started_here: bool = False) -> str | None:
    """Return why no worker that was ever here can do what a job asks for, or None as long as one might.

    Only names that a card lists are judged; an engine that lists nothing takes anything. What is missing is installed
    for this interpreter where it is that of the workers, `started_here`.
    """
    engines = [choices for card in cards for choices in _engines(job, card)]
    for name, value in job.params.items():
        if engines and isinstance(value, str) and not any(_takes(choices, name, value) for choices in engines):
            return _text(name, value, engines) + _elsewhere(job.kind, name, value, engines, started_here)
    return None


def _engines(job: Job, card: WorkerCard) -> list[Choices]:
    """Return what each engine of a card can be asked for that may do this job."""
    records = card.engines.get(job.kind, ())
    known = card.choices.get(job.kind, {})
    return [known.get(each.name, {}) for each in records if job.require_engine in (None, each.name)]


def _takes(choices: Mapping[str, Sequence[str]], name: str, value: str) -> bool:
    return name not in choices or any(fnmatchcase(_plain(value), _plain(choice)) for choice in choices[name])


def _plain(value: str) -> str:
    return value.strip().casefold().replace("_", "-")


def _text(name: str, value: str, engines: Sequence[Choices]) -> str:
    values = sorted({choice for choices in engines for choice in choices[name] if "*" not in choice})
    wrong = f"no worker that was seen here takes the {name} {value!r}"
    if near := get_close_matches(value, values, n=3, cutoff=0.6):
        return f"{wrong}; did you mean {' or '.join(near)}? There are {len(values)} in all"
    return f"{wrong}; there are: {_first(values)}"


def _first(values: Sequence[str]) -> str:
    """Return the first few values, and how many more there are."""
    more = len(values) - SHOWN
    return ", ".join(values[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _elsewhere(kind: str, name: str, value: str, engines: Sequence[Choices], started_here: bool) -> str:
    """Return what other workers may take, and how one gets such a worker; the hint alone for a value that they do."""
    known = KINDS[kind].known.get(name)
    lacking = [each for each in known.values if not any(_takes(one, name, each) for one in engines)] if known else []
    if known is None or not lacking:
        return ""
    hint = f"{known.needs} ({installing.with_extra(known.extra, here=started_here)}), or --backend colab"
    if any(_plain(value) == _plain(each) for each in lacking):
        return f". For {value} it takes {hint}"
    if near := get_close_matches(value, lacking, n=3, cutoff=0.6):
        return f". There are also, for {hint}: {', '.join(near)} ({len(lacking)} in all)"
    return f". There are also, for {hint}: {_first(lacking)}"

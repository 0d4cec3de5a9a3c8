"""Answers as a worker writes them, whole or broken in one way, put into a drop by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from protocol import codec
from protocol.drop import Drop
from protocol.layout import Attempt, JobNames
from protocol.messages import Claim, Done, DoneJob, EngineRecord, Failure, FailureJob, OutputFile, Request
from protocol.observation import JobReader, read_drop_id
from protocol.plain import PlainDone, PlainFailure
from protocol.signing import Key

ENGINE = EngineRecord(name="echo", version="1", provider="test", device="cpu", tier="embedded")
BOOT = "b" * 16


def request_in(drop: Drop, job: str) -> Request:
    """Return the request that a job folder holds."""
    request = JobReader(drop, read_drop_id(drop, "test"), job).look().request
    assert request is not None
    return request


def attempt(n: int = 1, worker: str = "w") -> Attempt:
    """Return an attempt whose nonce follows from its number."""
    return Attempt(n, f"{n:016x}", worker)


def claim(drop: Drop, job: str, tried: Attempt) -> None:
    """Write a claim."""
    offer = request_in(drop, job).job
    assert offer is not None
    who = {"attempt": tried.n, "nonce": tried.nonce, "worker": tried.worker, "boot": BOOT}
    message = Claim(drop=offer.drop, id=job, digest=offer.digest, **who)
    drop.put(JobNames(job).claim(tried), codec.encode(message))


def deliver(
    drop: Drop,
    job: str,
    tried: Attempt,
    contents: Mapping[str, bytes],
    *,
    stored: Mapping[str, bytes] | None = None,
    digest: str | None = None,
    engine: EngineRecord = ENGINE,
    key: Key | None = None,
) -> None:
    """Write outputs, then a done marker that promises `contents`; `stored` is what really lies there."""
    offer = request_in(drop, job).job
    assert offer is not None
    names, files = JobNames(job), []
    for k, (path, data) in enumerate(contents.items(), 1):
        really = data if stored is None else stored.get(path)
        if really is not None:
            drop.put(names.out(tried, k), really)
        source = names.out(tried, k).rpartition("/")[2]
        files.append(OutputFile(path=path, in_=source, size=len(data), sha256=hashlib.sha256(data).hexdigest()))
    marker = DoneJob(
        drop=offer.drop,
        id=job,
        digest=digest or offer.digest,
        attempt=tried.n,
        nonce=tried.nonce,
        worker=tried.worker,
        boot=BOOT,
        files=tuple(files),
        engine=engine,
        durable="local",
    )
    drop.put(names.done(tried), codec.encode(Done(plain=PlainDone(), job=marker), key))


def fail(drop: Drop, job: str, tried: Attempt, code: str, *, retryable: bool) -> None:
    """Write an error marker."""
    offer = request_in(drop, job).job
    assert offer is not None
    marker = FailureJob(
        drop=offer.drop,
        id=job,
        digest=offer.digest,
        attempt=tried.n,
        nonce=tried.nonce,
        worker=tried.worker,
        boot=BOOT,
        code=code,  # type: ignore[arg-type]
        retryable=retryable,
    )
    data = codec.encode(Failure(plain=PlainFailure(error=f"it said {code}"), job=marker))
    drop.put(JobNames(job).error(tried), data)

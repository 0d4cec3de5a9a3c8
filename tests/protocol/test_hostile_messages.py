"""Hostile bytes and names at the reader of both sides: refused in bounded time, and nothing else happens."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from protocol import codec
from protocol.errors import BadMessage, VersionTooNew
from protocol.layout import Attempt, JobNames, is_job_id, is_worker_id, parse_job_name, parse_worker_name
from protocol.messages import Cancel, Claim, Done
from protocol.observation import JobReader, WorkerReader
from protocol.transports.memory import MemoryDrop, named_store
from tests.support import hostile

DROP, JOB, NONCE = "0" * 16, "job", "a" * 16
PLACE = {"drop": DROP, "job": JOB}
TOO_SLOW_S = 1.0


@pytest.mark.fault("bad-json")
@pytest.mark.parametrize("what", hostile.JSON)
def test_hostile_bytes_are_no_message(what: str) -> None:
    """As a request, a marker, a plain marker or a control file: BadMessage or VersionTooNew, at once."""
    data = hostile.JSON[what]
    started = time.process_time()
    for decode in (
        lambda: codec.decode_any_request(data, **PLACE),
        lambda: codec.decode_done(data, **PLACE),
        lambda: codec.decode_failure(data, **PLACE),
        lambda: codec.decode_plain_done(data),
        lambda: codec.decode(data, Cancel, drop=DROP, id=JOB, k=1),
    ):
        with pytest.raises((BadMessage, VersionTooNew)) as told:
            decode()
        assert len(str(told.value)) < 500
    assert time.process_time() - started < TOO_SLOW_S


def test_a_folder_full_of_them_shows_nothing() -> None:
    """Under every name that a job or a worker has, a look shows no message and raises nothing."""
    drop = MemoryDrop(named_store("hostile-folder"))
    names, tried = JobNames(JOB), Attempt(1, NONCE, "w")
    drop.make_folder(JOB)
    drop.make_folder("_workers/w")
    paths = [
        *(names.request, names.cancel(1), names.need(NONCE, 1), names.reject(NONCE), names.accepted(1)),
        *(names.claim(tried), names.part(tried, 1), names.done(tried), names.error(tried)),
        *(names.plain_done, names.plain_error),
        *(f"_workers/w/hello-{NONCE}.json", f"_workers/w/beat-{NONCE}-1.json", "_workers/w/drain-1.json"),
    ]
    small = {what: data for what, data in hostile.JSON.items() if len(data) < 10_000}
    for data in small.values():
        for path in paths:
            drop.delete(path)
            drop.put(path, data)
        seen, shown = JobReader(drop, DROP, JOB).look(), WorkerReader(drop, DROP, "w").look()
        assert not any((seen.is_requested, seen.claims, seen.parts, seen.done, seen.errors, seen.needs, seen.rejected))
        assert not any((seen.accepted, seen.cancelled, seen.plain_done, seen.plain_error, shown.cards, shown.beats))
        assert not shown.drains


@pytest.mark.fault("naughty-names")
@pytest.mark.parametrize("what", hostile.NAMES)
def test_hostile_names_are_nobodys(what: str) -> None:
    """No such name is a job, a worker, or a file of either, also not inside a name of ours."""
    name = hostile.NAMES[what]
    assert not is_job_id(name)
    assert not is_worker_id(name)
    for found in (
        name,
        f"in-1-{name}",
        f"try-1-{NONCE}-{name}.claim.json",
        f"cancel-1.json{name}",
        f"{name}request.json",
    ):
        assert parse_job_name(found) is None or found == f"in-1-{name}"
    assert parse_worker_name(name) is None


def _fits(whole: dict[str, Any]) -> bytes:
    return hostile.with_checksum(whole)


WRONG_BODY: dict[str, dict[str, Any]] = {
    "attempt of nothing": {"attempt": 0},
    "attempt 1000": {"attempt": 1000},
    "attempt that is true": {"attempt": True},
    "attempt by half": {"attempt": 1.5},
    "a nonce that leads out": {"nonce": "../" * 5 + "a"},
    "a nonce in capitals": {"nonce": "A" * 16},
    "a worker that leads out": {"worker": "../x"},
    "a worker of another place": {"worker": "other"},
    "another job": {"id": "other"},
    "another drop": {"drop": "1" * 16},
    "another type": {"type": "cancel"},
    "a digest of nothing": {"digest": ""},
    "no boot": {"boot": None},
    "a boot with a line": {"boot": "b" * 15 + "\n"},
}


@pytest.mark.parametrize("what", WRONG_BODY)
def test_a_seal_does_not_make_a_message_right(what: str) -> None:
    """With a checksum that matches, everything else is still checked against types and place."""
    good = {"v": 2, "min_reader": 2, "type": "claim", "drop": DROP, "id": JOB, "attempt": 1, "nonce": NONCE}
    good |= {"worker": "w", "boot": "b" * 16, "digest": "0" * 64}
    place = {"drop": DROP, "id": JOB, "attempt": 1, "nonce": NONCE, "worker": "w"}
    assert codec.decode(_fits(dict(good)), Claim, **place).worker == "w"
    with pytest.raises(BadMessage):
        codec.decode(_fits({**good, **WRONG_BODY[what]}), Claim, **place)


def test_a_manifest_of_lies_makes_no_message_or_one_that_leads_nowhere() -> None:
    """Paths that lead out do not survive decoding; what does is a portable path inside the folder of results."""
    offer = {"drop": DROP, "id": JOB, "digest": "0" * 64}
    refused = 0
    for make in hostile.MANIFESTS.values():
        data = hostile.marker(offer, NONCE, make("audio/a.wav", b"x", f"try-1-{NONCE}-w.out-1"))
        try:
            found: Done = codec.decode_done(data, **PLACE)
        except BadMessage:
            refused += 1
            continue
        for file in found.job.files:
            assert not re.search(r"^[/~.]|\.\.|\\", file.path)
    assert refused >= 2 * len(hostile.PATHS)

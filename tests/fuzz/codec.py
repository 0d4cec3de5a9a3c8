"""Fuzz target: bytes at every reader of messages. They are refused with a reason, or they are a message of ours."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from protocol import codec
from protocol.errors import BadMessage, VersionTooNew
from protocol.kinds import KINDS, tts
from protocol.layout import parse_job_name, parse_worker_name
from protocol.messages import Accepted, Beat, Cancel, Claim, Drain, DropCard, Need, Part, Reject, WorkerCard
from protocol.plain import PlainDone, PlainFailure, PlainRequest
from protocol.signing import MAY_SIGN, Key, Trust, new_key, trusting

GOLDEN = Path(__file__).parent.parent / "golden"
CORPUS = tuple(path.read_bytes() for path in sorted(GOLDEN.rglob("*.json")))
KEPT = 0
DROP, JOB, WORKER = "0123456789abcdef", "260101-120000-0badcafe", "t4-1"
MOST_WORDS = 2000


@functools.cache
def _keys() -> Mapping[str, Key]:
    return {"dispatcher": new_key("dispatcher"), "worker": new_key("worker")}


@functools.cache
def _demanding() -> Trust:
    return trusting("require", tuple(key.public for key in _keys().values()), None)


def target(data: bytes) -> None:
    """Hold all that reads bytes or names of the drop to its promises; AssertionError, or any other, is a defect."""
    _check_value(data)
    for read in _readers():
        message = _refused_or(lambda read=read: read(data, codec.OFF))  # type: ignore[misc]
        if message is not None:
            _check_message(message, read)
        assert _refused_or(lambda read=read: read(data, _demanding())) is None, "unsigned, and believed"  # type: ignore[misc]
    text = data[:300].decode("utf-8", "surrogateescape")
    for name in (parse_job_name(text), parse_worker_name(text)):
        assert name is None or "/" not in text


def _check_value(data: bytes) -> None:
    """What parses has one canonical form, which parses to the same."""
    value = _refused_or(lambda: codec.loads(data))
    if value is not None:
        spelt = codec.canon(value)
        assert codec.canon(codec.loads(spelt)) == spelt if len(spelt) <= codec.MAX_BYTES else True
        for kind in KINDS.values():
            try:
                kind.outputs(kind.params.model_validate(value))
            except ValueError:
                continue
    _refused_or(lambda: tts.read_times(data))


def _check_message(message: Any, read: Callable[[bytes, Trust], Any]) -> None:
    """What is read is written and read again as the same, and believed once its own side has signed it."""
    again = read(codec.encode(message), codec.OFF)  # without what is null in the plain part
    assert again == read(codec.encode(again), codec.OFF)
    if isinstance(message, PlainRequest | PlainDone | PlainFailure):
        return  # the simple form cannot be signed
    head, same = getattr(message, "job", message), getattr(again, "job", again)
    assert head == same
    if head.type == "drop" or (head.type == "request" and head.limits.not_after is None):
        return
    role = next(role for role, types in MAY_SIGN.items() if head.type in types)
    assert read(codec.encode(message, _keys()[role]), _demanding()) == again


def _refused_or(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (BadMessage, VersionTooNew) as error:
        check_words(error)
        return None


def check_words(error: Exception) -> None:
    """An error says something, and no more than a page, whatever it is about."""
    assert 0 < len(str(error)) <= MOST_WORDS, f"an error of {len(str(error))} characters"


def _readers() -> tuple[Callable[[bytes, Trust], Any], ...]:
    """Return every way in which production code reads a message of the golden place."""

    def control(kind: Any, id_: str) -> Callable[[bytes, Trust], Any]:
        return lambda data, trust: codec.decode(data, kind, drop=DROP, id=id_, trust=trust)

    return (
        lambda data, trust: codec.decode_any_request(data, drop=DROP, job=JOB, trust=trust),
        lambda data, trust: codec.decode_done(data, drop=DROP, job=JOB, trust=trust),
        lambda data, trust: codec.decode_failure(data, drop=DROP, job=JOB, trust=trust),
        lambda data, trust: codec.decode_plain_done(data, trust=trust),
        lambda data, trust: codec.decode_plain_failure(data, trust=trust),
        *(control(kind, JOB) for kind in (Claim, Part, Cancel, Need, Reject, Accepted)),
        *(control(kind, WORKER) for kind in (Beat, WorkerCard, Drain)),
        control(DropCard, DROP),
    )

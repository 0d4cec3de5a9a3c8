"""Signatures: who may say what, what a reader does with the rest, and that nothing signed can be used elsewhere."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from protocol import codec
from protocol.errors import BadMessage, Untrusted
from protocol.fields import Message
from protocol.layout import Attempt, JobNames
from protocol.messages import (
    Accepted,
    Beat,
    Cancel,
    Claim,
    Done,
    DoneJob,
    Drain,
    EngineRecord,
    Failure,
    FailureJob,
    Limits,
    Need,
    Offer,
    Part,
    Reject,
    Request,
    WorkerCard,
)
from protocol.observation import JobReader, WorkerReader
from protocol.plain import PlainDone, PlainFailure
from protocol.signing import MAY_SIGN, Identity, Key, Trust, new_key, read_key, read_public, read_trusted, trusting
from protocol.transports.memory import MemoryDrop, named_store

DROP, JOB, WORKER, NONCE, BOOT = "0" * 16, "job-1", "colab-1", "a" * 16, "b" * 16
OURS, THEIRS = new_key("dispatcher"), new_key("worker")
KEYS = (OURS.public, THEIRS.public)
REQUIRE, WARN = trusting("require", KEYS, None), trusting("warn", KEYS, None)
ENGINE = EngineRecord(name="e", version="1", provider="cpu", device="cpu", tier="embedded")
TRY: dict[str, Any] = {"drop": DROP, "id": JOB, "attempt": 1, "nonce": NONCE, "worker": WORKER, "boot": BOOT}
PARAMS = {"text": "x"}


def offer(**more: Any) -> Request:
    """Make a request as a dispatcher with a key does."""
    job = Offer(
        drop=DROP,
        id=JOB,
        dispatcher="d" * 16,
        kind="echo",
        digest=codec.digest("echo", PARAMS, {}, {}),
        **{"limits": Limits(not_after=4e9), **more},
    )
    return Request(params=PARAMS, job=job)


SAID: dict[str, tuple[Message | Request | Done | Failure, type[Message] | None]] = {
    "request": (offer(), None),
    "cancel": (Cancel(drop=DROP, id=JOB, k=1, by="x", reason="x"), Cancel),
    "need": (Need(drop=DROP, id=JOB, nonce=NONCE, k=1, missing=("a",)), Need),
    "reject": (Reject(drop=DROP, id=JOB, nonce=NONCE, reason="x"), Reject),
    "accepted": (Accepted(drop=DROP, id=JOB, k=1, nonce=NONCE, done_seal="0" * 64), Accepted),
    "claim": (Claim(**TRY, digest="0" * 64), Claim),
    "part": (Part(**TRY, k=1, files=()), Part),
    "done": (
        Done(plain=PlainDone(), job=DoneJob(**TRY, digest="0" * 64, files=(), engine=ENGINE, durable="local")),
        None,
    ),
    "error": (
        Failure(plain=PlainFailure(error="x"), job=FailureJob(**TRY, digest="0" * 64, code="ENGINE", retryable=True)),
        None,
    ),
    "beat": (Beat(drop=DROP, id=WORKER, worker=WORKER, boot=BOOT, seq=1, at=0), Beat),
    "hello": (WorkerCard(drop=DROP, id=WORKER, worker=WORKER, boot=BOOT, kinds=(), engines={}), WorkerCard),
    "drain": (Drain(drop=DROP, id=WORKER, k=1), Drain),
}


def read(type_: str, data: bytes, trust: Trust, **there: str) -> Any:
    """Read a message of a type as its reader does."""
    place = {"drop": DROP, "id": WORKER if type_ in ("beat", "hello", "drain") else JOB, **there}
    job = {"drop": place["drop"], "job": place["id"]}
    match type_:
        case "request":
            return codec.decode_request(data, **job, trust=trust)
        case "done":
            return codec.decode_done(data, **job, trust=trust)
        case "error":
            return codec.decode_failure(data, **job, trust=trust)
    kind = SAID[type_][1]
    assert kind is not None
    return codec.decode(data, kind, **place, trust=trust)


def signer(type_: str) -> Key:
    """Return the key of the side that says this."""
    return OURS if type_ in MAY_SIGN["dispatcher"] else THEIRS


@pytest.mark.parametrize("type_", SAID)
def test_a_signed_message_is_believed_and_an_unsigned_one_is_not_there(type_: str) -> None:
    """Every type: signed by its side it is read; unsigned, changed, or signed by a stranger it is refused."""
    message, _ = SAID[type_]
    signed = codec.encode(message, signer(type_))
    assert read(type_, signed, REQUIRE) == read(type_, codec.encode(message), Trust()) == message
    with pytest.raises(Untrusted, match="not signed"):
        read(type_, codec.encode(message), REQUIRE)
    with pytest.raises(Untrusted, match="not trusted here"):
        read(type_, codec.encode(message, new_key(signer(type_).role)), REQUIRE)


@pytest.mark.parametrize("type_", [type_ for type_ in SAID if type_ != "drain"])
def test_a_side_cannot_speak_for_the_other(type_: str) -> None:
    """A worker's key on a dispatcher's message, or the other way round, is refused by writer and reader."""
    message, _ = SAID[type_]
    wrong = THEIRS if signer(type_) is OURS else OURS
    with pytest.raises(ValueError, match="does not sign"):
        codec.encode(message, wrong)
    body = resealed(codec.encode(message), {})
    forged = with_sig(codec.encode(message), {"key": wrong.public.id, "by": spelt(wrong, body)})
    with pytest.raises(Untrusted, match="must not sign"):
        read(type_, forged, REQUIRE)


def spelt(key: Key, body: bytes) -> str:
    """Sign anything at all, as whoever holds the key can."""
    return Key("worker" if key.role == "worker" else "dispatcher", key.secret).sign("drain", body)["by"]


def head(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a message that holds its checksum."""
    return whole["job"] if isinstance(whole.get("job"), dict) else whole


def resealed(data: bytes, changes: dict[str, Any]) -> bytes:
    """Return the canonical form of a message after changes, without its checksum and signature."""
    whole = json.loads(data)
    head(whole).update(changes)
    for name in ("seal", "sig"):
        head(whole).pop(name, None)
    return codec.canon(whole)


def with_sig(data: bytes, sig: Any, **changes: Any) -> bytes:
    """Return a message with another signature and a checksum that matches: what a forger without a key can make."""
    whole = json.loads(data)
    head(whole).update(changes)
    head(whole)["sig"] = sig
    head(whole)["seal"] = codec.checksum(whole)
    return json.dumps(whole).encode()


@pytest.mark.parametrize("sig", [None, "", 1, [], {}, {"key": "x"}, {"key": 1, "by": "x"}, {"key": "x", "by": None}])
def test_what_is_no_signature_is_refused(sig: Any) -> None:
    """A signature of any other shape is none."""
    with pytest.raises(Untrusted):
        read("cancel", with_sig(codec.encode(SAID["cancel"][0]), sig), REQUIRE)


@pytest.mark.parametrize("by", ["", "x", "A" * 86, "!" * 86, "A" * 86 + "==", "é" * 86])
def test_a_signature_that_does_not_fit_is_refused(by: str) -> None:
    """A known key with other bytes is refused, whatever the bytes are."""
    with pytest.raises(Untrusted, match="does not match"):
        read("cancel", with_sig(codec.encode(SAID["cancel"][0]), {"key": OURS.public.id, "by": by}), REQUIRE)


def test_changing_what_was_signed_is_noticed() -> None:
    """A new checksum over changed content does not help without the key."""
    signed = codec.encode(SAID["cancel"][0], OURS)
    forged = with_sig(signed, json.loads(signed)["sig"], reason="y")
    assert read("cancel", forged, Trust()).reason == "y"
    with pytest.raises(Untrusted, match="does not match"):
        read("cancel", forged, REQUIRE)


@pytest.mark.fault("forged-message")
@pytest.mark.parametrize("there", [{"drop": "1" * 16}, {"id": "job-2"}])
def test_a_signed_message_is_of_use_at_its_own_place_only(there: dict[str, str]) -> None:
    """Copied to another job or drop it does not check; changed to fit there it is no longer signed."""
    signed = codec.encode(offer(), OURS)
    with pytest.raises(BadMessage, match="its path says"):
        read("request", signed, REQUIRE, **there)
    moved = with_sig(signed, json.loads(signed)["job"]["sig"], **there)
    with pytest.raises(Untrusted, match="does not match"):
        read("request", moved, REQUIRE, **there)


def test_a_request_without_an_end_is_refused() -> None:
    """Under require a signed request must say until when it may be taken."""
    with pytest.raises(Untrusted, match="not_after"):
        read("request", codec.encode(offer(limits=Limits()), OURS), REQUIRE)
    assert read("request", codec.encode(offer(limits=Limits()), OURS), WARN) is not None


def read_request(data: bytes, trust: Trust) -> Request:
    """Read a request as a worker does."""
    return codec.decode_any_request(data, drop=DROP, job=JOB, trust=trust)


PLAIN = {
    "request": (b'{"voice": "x", "steps": []}', read_request),
    "done": (b'{"status": "completed"}', lambda data, trust: codec.decode_plain_done(data, trust=trust)),
    "error": (b'{"status": "error", "error": "x"}', lambda data, trust: codec.decode_plain_failure(data, trust=trust)),
}


@pytest.mark.parametrize("what", PLAIN)
def test_the_simple_form_is_refused_under_require(what: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody can sign a plain request, answer or error: require refuses them, warn takes them and says so."""
    data, decode = PLAIN[what]
    with pytest.raises(Untrusted, match="simple form"):
        decode(data, REQUIRE)
    assert decode(data, WARN) == decode(data, Trust())
    assert "simple form" in caplog.text


def test_warn_takes_everything_and_says_so_once_a_message(caplog: pytest.LogCaptureFixture) -> None:
    """What require refuses, warn accepts, with one line in the log however often it is read."""
    fresh = Cancel(drop=DROP, id=JOB, k=1, by="x", reason=new_key("worker").public.id)
    for _ in range(3):
        assert read("cancel", codec.encode(fresh), WARN) == fresh
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert "not signed" in caplog.text
    read("cancel", codec.encode(fresh, OURS), WARN)
    assert len(caplog.records) == 1


def test_an_unsigned_message_still_has_to_check() -> None:
    """Warn lowers no other bar."""
    with pytest.raises(BadMessage, match="checksum"):
        read("cancel", codec.encode(SAID["cancel"][0]).replace(b'"x"', b'"y"'), WARN)


@pytest.mark.fault("forged-message")
def test_readers_take_forgeries_for_not_there_and_report_them(caplog: pytest.LogCaptureFixture) -> None:
    """In a folder with signed and forged files only the signed ones are seen; each forgery is told once."""
    drop = MemoryDrop(named_store("forgeries"))
    forger = new_key("dispatcher")
    drop.make_folder(JOB)
    drop.make_folder(f"_workers/{WORKER}")
    drop.put(f"{JOB}/request.json", codec.encode(offer(), OURS))
    drop.put(f"{JOB}/cancel-1.json", codec.encode(SAID["cancel"][0], forger))
    drop.put(f"{JOB}/reject-{NONCE}.json", codec.encode(SAID["reject"][0]))
    drop.put(JobNames(JOB).claim(Attempt(1, NONCE, WORKER)), codec.encode(SAID["claim"][0], THEIRS))
    drop.put(f"_workers/{WORKER}/hello-{BOOT}.json", codec.encode(SAID["hello"][0]))
    drop.put(f"_workers/{WORKER}/beat-{BOOT}-1.json", codec.encode(SAID["beat"][0], THEIRS))
    reader, worker = JobReader(drop, DROP, JOB, REQUIRE), WorkerReader(drop, DROP, WORKER, REQUIRE)
    for _ in range(2):
        seen, shown = reader.look(), worker.look()
    assert (seen.request, seen.cancelled, seen.rejected, len(seen.claims)) == (offer(), None, {}, 1)
    assert (shown.cards, list(shown.beats)) == ({}, [BOOT])
    assert sorted(seen.unchecked) == [f"{JOB}/cancel-1.json", f"{JOB}/reject-{NONCE}.json"]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 3
    assert any("cancel-1.json" in line and forger.public.id in line for line in told)


def test_keys_are_read_back_and_hide_their_secret() -> None:
    """The text of a key gives the same key; neither repr nor str nor an error shows the secret."""
    secret = OURS.spell_secret()
    assert read_key(f" {secret}\n") == OURS
    assert read_public(str(OURS.public)) == OURS.public
    raw = secret.rpartition(":")[2]
    assert raw not in repr(OURS) + str(OURS) + repr(Identity(key=OURS))
    for read_it, text in ((read_public, secret), (read_key, secret + "x"), (read_key, secret[:-1])):
        with pytest.raises(ValueError, match="key") as told:
            read_it(text)
        assert raw[:-1] not in str(told.value)
    with pytest.raises(ValueError, match="public half"):
        read_key(str(OURS.public))


def test_trusted_keys_stand_in_lines_with_remarks() -> None:
    """Keys are apart by blanks, commas and lines; each is trusted in its own role."""
    text = f"# mine\n{OURS.public}  # laptop\n{THEIRS.public},{OURS.public}\n\n"
    assert read_trusted(text) == KEYS
    assert trusting("require", read_trusted(text), None) == REQUIRE
    assert trusting("require", (THEIRS.public,), OURS) == REQUIRE

"""The wire format as bytes: every message both ways against files that never change."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol import codec
from protocol import messages as m
from protocol.layout import Attempt
from protocol.plain import PlainDone, PlainFailure, PlainRequest

GOLDEN = Path(__file__).parent.parent / "golden"
DROP, DISPATCHER, NONCE, BOOT = "0123456789abcdef", "00000000000000d1", "a1b2c3d4e5f60718", "b0b0b0b0b0b0b0b0"
JOB, WORKER = "260101-120000-0badcafe", "t4-1"
ATTEMPT = Attempt(1, NONCE, WORKER)
WHO = {"attempt": 1, "nonce": NONCE, "worker": WORKER, "boot": BOOT}
HERE = {"drop": DROP, "id": JOB}
PARAMS = {
    "voice": "am_michael",
    "speed": 1.0,
    "language": "en-us",
    "steps": [{"id": "step-01", "narration": "Grüße — naïve café 😀"}],
}
DIGEST = codec.digest("tts", PARAMS, {}, {})
FILE = m.OutputFile(
    path="audio/step-step-01.wav", in_=f"{ATTEMPT}.out-1", at=0, size=44, sha256="5" * 64, media="audio/wav"
)
ENGINE = m.EngineRecord(
    name="espeak", version="1.52", voice="en-us+m3", rate=24000, provider="cpu", device="x86_64", tier="embedded"
)

WHERE = m.Whereabouts(host="00aa11bb22cc33dd", folder="44ee55ff66007711")

MESSAGES = {
    "drop": m.DropCard(drop=DROP, id=DROP),
    "request": m.Request(
        params=PARAMS,
        job=m.Offer(
            **HERE, dispatcher=DISPATCHER, kind="tts", digest=DIGEST, claim=m.ClaimTerms(settle_s=0, lease_s=16)
        ),
    ),
    "request-where": m.Request(
        params=PARAMS, job=m.Offer(**HERE, dispatcher=DISPATCHER, kind="tts", digest=DIGEST, where=WHERE)
    ),
    "request-plain": PlainRequest(params=PARAMS),
    "claim": m.Claim(**HERE, **WHO, digest=DIGEST),
    "part": m.Part(**HERE, **WHO, k=1, files=(FILE,)),
    "done": m.Done(
        plain=PlainDone(total_duration=45.2, steps_generated=1, timestamp="2026-01-15T10:30:00Z"),
        job=m.DoneJob(**HERE, **WHO, digest=DIGEST, files=(FILE,), engine=ENGINE, durable="local"),
    ),
    "done-plain": PlainDone(total_duration=45.2, steps_generated=12, timestamp="2025-01-15T10:30:00Z"),
    "error": m.Failure(
        plain=PlainFailure(error="unknown language 'xx'", step="step-01"),
        job=m.FailureJob(**HERE, **WHO, digest=DIGEST, code="BAD_REQUEST", retryable=False, step="step-01"),
    ),
    "error-plain": PlainFailure(error="model not loaded"),
    "beat": m.Beat(
        drop=DROP,
        id=WORKER,
        worker=WORKER,
        boot=BOOT,
        seq=7,
        at=1767268800.5,
        held=(m.Held(job=JOB, nonce=NONCE, done=3, total=12, note="step-03"),),
    ),
    "hello": m.WorkerCard(
        drop=DROP,
        id=WORKER,
        worker=WORKER,
        boot=BOOT,
        kinds=("tts",),
        engines={"tts": (ENGINE,)},
        choices={"tts": {"kokoro-onnx": {"voice": ("default", "af_heart"), "language": ("en-us", "fr-*")}}},
        gpu="Tesla T4",
        versions={"gpudrop": "0.1.0"},
    ),
    "hello-where": m.WorkerCard(
        drop=DROP, id=WORKER, worker=WORKER, boot=BOOT, kinds=("tts",), engines={"tts": (ENGINE,)}, where=WHERE
    ),
    "drain": m.Drain(drop=DROP, id=WORKER, k=1),
    "cancel": m.Cancel(**HERE, k=1, by="dispatcher", reason="cancelled by the user"),
    "need": m.Need(**HERE, nonce=NONCE, k=1, missing=("audio/step-step-01.wav",)),
    "reject": m.Reject(**HERE, nonce=NONCE, reason="its content does not fit the manifest"),
    "accepted": m.Accepted(**HERE, k=1, nonce=NONCE, done_seal="6" * 64),
}


def read(name: str, data: bytes) -> object:
    """Decode by the road that production code takes for this message."""
    message = MESSAGES[name]
    place = {key: value for key, value in WHO.items() if key != "boot"}
    match name:
        case "request" | "request-where" | "request-plain":
            return codec.decode_any_request(data, drop=DROP, job=JOB)
        case "done":
            return codec.decode_done(data, drop=DROP, job=JOB, **place)
        case "error":
            return codec.decode_failure(data, drop=DROP, job=JOB, **place)
        case "done-plain":
            return codec.decode_plain_done(data)
        case "error-plain":
            return codec.decode_plain_failure(data)
    return codec.decode(data, type(message), drop=DROP, id=message.id)


@pytest.mark.parametrize("name", MESSAGES)
def test_encoding_gives_the_golden_bytes(name: str) -> None:
    """What this version writes is what every earlier version wrote."""
    assert codec.encode(MESSAGES[name]) == (GOLDEN / f"{name}.json").read_bytes()


@pytest.mark.parametrize("name", MESSAGES)
def test_golden_bytes_decode_to_the_message(name: str) -> None:
    """What any earlier version wrote is still understood."""
    assert read(name, (GOLDEN / f"{name}.json").read_bytes()) == MESSAGES[name]


def test_a_card_without_choices_is_understood() -> None:
    """A worker from before cards listed choices can be asked for anything."""
    card = read("hello", (GOLDEN / "earlier" / "hello-without-choices.json").read_bytes())
    assert card == MESSAGES["hello"].model_copy(update={"choices": {}})


@pytest.mark.fault("torn-control-file")
@pytest.mark.parametrize("name", [name for name in MESSAGES if not name.endswith("-plain")])
def test_a_message_torn_at_any_byte_is_not_there_yet(name: str) -> None:
    """No prefix of a message is ever read as the message."""
    data = (GOLDEN / f"{name}.json").read_bytes()
    whole = len(data.rstrip())
    for length in range(whole):
        with pytest.raises(codec.BadMessage):
            read(name, data[:length])
    assert read(name, data[:whole]) == MESSAGES[name]


@pytest.mark.parametrize("name", [name for name in MESSAGES if not name.endswith("-plain")])
def test_a_changed_letter_breaks_the_seal(name: str) -> None:
    """A message whose content was altered does not check."""
    data = (GOLDEN / f"{name}.json").read_bytes()
    changed = data.replace(b"dispatcher", b"dispatchex") if b'"dispatcher"' in data else data.replace(b"a", b"b", 1)
    with pytest.raises(codec.BadMessage):
        read(name, changed)

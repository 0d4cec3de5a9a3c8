"""Messages to bytes and back: strict JSON, one canonical form, a checksum in every control file, and the simple form.

The only place that reads or writes wire JSON. `decode` returns a message that is whole, meant for this place, readable
by this version and signed as its reader demands, or raises `BadMessage` / `VersionTooNew`; there is no third outcome.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from protocol.errors import BadMessage, NotARequest, Untrusted, VersionTooNew
from protocol.fields import VERSION, Message
from protocol.messages import Done, DoneJob, Failure, FailureJob, Offer, Request
from protocol.plain import PlainDone, PlainFailure, PlainRequest
from protocol.signing import OFF, Key, Trust
from protocol.strict_json import MAX_BYTES as MAX_BYTES
from protocol.strict_json import canon as canon
from protocol.strict_json import loads as loads

M = TypeVar("M", bound=Message)
Plain = PlainRequest | PlainDone | PlainFailure

log = logging.getLogger(__name__)


def digest(
    kind: str, params: Mapping[str, Any], inputs: Mapping[str, tuple[int, str]], requires: Mapping[str, Any]
) -> str:
    """Return a job's digest: the sha256 of kind, raw parameters, inputs as {name: (size, sha256)} and requirements."""
    job = {"kind": kind, "params": dict(params), "inputs": dict(inputs), "requires": dict(requires)}
    return hashlib.sha256(canon(job)).hexdigest()


def checksum(message: Mapping[str, Any]) -> str:
    """Return the checksum of a whole message (`seal` on the wire): the sha256 of it without checksum and signature."""
    return hashlib.sha256(_body(message)).hexdigest()


def _body(message: Mapping[str, Any]) -> bytes:
    """Return what checksum and signature are made over: the canonical form of a message without the two."""
    body = {key: value for key, value in message.items() if key not in ("seal", "sig")}
    if isinstance(job := body.get("job"), dict):
        body["job"] = {key: value for key, value in job.items() if key not in ("seal", "sig")}
    return canon(body)


def encode(message: Message | Request | Done | Failure | Plain, key: Key | None = None) -> bytes:
    """Return the bytes of a message with its checksum, signed where a key is given; the simple form has neither."""
    match message:
        case PlainRequest():
            return _spell(message.params)
        case PlainDone() | PlainFailure():
            return _spell(_dump(message), ascii_only=True)  # some old readers do not read UTF-8
        case Request():
            return _in_job(dict(message.params), message.job, key)
        case Done() | Failure():
            return _in_job(_dump(message.plain), message.job, key)
        case _:
            whole = _dump(message)
            return _spell({**whole, **_proof(whole, message.type, key)})


def _in_job(plain: dict[str, Any], job: Message, key: Key | None) -> bytes:
    whole = {**plain, "job": _dump(job)}
    whole["job"] |= _proof(whole, job.type, key)
    return _spell(whole)


def _proof(whole: Mapping[str, Any], type: str, key: Key | None) -> dict[str, Any]:  # noqa: A002 - the format's word
    """Return the fields that complete a message: its checksum, and its signature where there is a key."""
    body = _body(whole)
    proof = {"seal": hashlib.sha256(body).hexdigest()}
    return {**proof, "sig": key.sign(type, body)} if key else proof


def _dump(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def _spell(value: dict[str, Any], *, ascii_only: bool = False) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only, allow_nan=False, indent=1).encode("utf-8") + b"\n"


def decode(data: bytes, kind: type[M], *, drop: str, id: str, trust: Trust = OFF, **place: Any) -> M:  # noqa: A002
    """Return the control message of type `kind` in `data`, for this drop and id.

    `place` holds what its path says (attempt, nonce, worker, boot, seq, k); the message must say the same.
    """
    whole = _checked_json(data, None)
    message = _checked(whole, kind, drop=drop, id=id, place=place)
    _check_signature(whole, message, trust)
    return message


def decode_request(data: bytes, *, drop: str, job: str, trust: Trust = OFF) -> Request:
    """Return the request in `data`; one of the simple form raises BadMessage."""
    request = decode_any_request(data, drop=drop, job=job, trust=trust)
    if isinstance(request, PlainRequest):
        raise BadMessage("is of the simple form: it has no key 'job'")
    return request


def decode_any_request(data: bytes, *, drop: str, job: str, trust: Trust = OFF) -> Request | PlainRequest:
    """Return the request in `data`, in whichever form it is; without the key `job` it is the simple form."""
    whole = loads(data)
    if not isinstance(whole, dict):
        raise NotARequest(
            f"request.json holds {_named(whole)}, and must hold one JSON object, such as "
            '{"voice": "default", "steps": [{"id": "1", "narration": "Hello."}]}.'
        )
    params = {key: value for key, value in whole.items() if key != "job"}
    if "job" not in whole:
        _check_plain(data, trust)
        return PlainRequest(params=params)
    offer = _checked(_checked_json(data, "job"), Offer, drop=drop, id=job, place={})
    if offer.digest != request_digest(params, offer):
        raise BadMessage("its digest does not match the request")
    _check_signature(whole, offer, trust)
    if trust.mode == "require" and offer.limits.not_after is None:
        raise Untrusted("is signed without not_after, so it could be offered again forever")
    return Request(params=params, job=offer)


def _named(value: Any) -> str:
    """Return the type of a JSON value, in words."""
    names = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def request_digest(params: Mapping[str, Any], offer: Offer) -> str:
    """Return the digest that a request with these parameters and this offer must carry."""
    inputs = {name: (file.size, file.sha256) for name, file in offer.inputs.items()}
    return digest(offer.kind, params, inputs, _dump(offer.requires))


def decode_done(data: bytes, *, drop: str, job: str, trust: Trust = OFF, **place: Any) -> Done:
    """Return the result marker of an attempt."""
    whole = _checked_json(data, "job")
    envelope = _checked(whole, DoneJob, drop=drop, id=job, place=place)
    _check_signature(whole, envelope, trust)
    return Done(plain=_made(PlainDone, _without_job(whole)), job=envelope)


def decode_failure(data: bytes, *, drop: str, job: str, trust: Trust = OFF, **place: Any) -> Failure:
    """Return the error marker of an attempt."""
    whole = _checked_json(data, "job")
    envelope = _checked(whole, FailureJob, drop=drop, id=job, place=place)
    _check_signature(whole, envelope, trust)
    return Failure(plain=_made(PlainFailure, _without_job(whole)), job=envelope)


def decode_plain_done(data: bytes, *, trust: Trust = OFF) -> PlainDone:
    """Return a simple-form result marker. It proves nothing: see FORMAT.md, the simple form."""
    marker = _made(PlainDone, _plain_object(data))
    _check_plain(data, trust)
    return marker


def decode_plain_failure(data: bytes, *, trust: Trust = OFF) -> PlainFailure:
    """Return a simple-form error marker."""
    marker = _made(PlainFailure, _plain_object(data))
    _check_plain(data, trust)
    return marker


def checksum_of(data: bytes) -> str:
    """Return the checksum in a message that was checked."""
    whole = loads(data)
    return str(whole["job"]["seal"] if isinstance(whole.get("job"), dict) else whole["seal"])


def _plain_object(data: bytes) -> dict[str, Any]:
    whole = loads(data)
    if not isinstance(whole, dict) or "job" in whole:
        raise BadMessage("not a marker in the simple form")
    return whole


def _without_job(whole: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in whole.items() if key != "job"}


def _checked_json(data: bytes, envelope: str | None) -> dict[str, Any]:
    """Return the parsed message if its version and then its checksum are right."""
    whole = loads(data)
    if not isinstance(whole, dict):
        raise BadMessage("a message is a JSON object")
    head = whole.get(envelope) if envelope else whole
    if not isinstance(head, dict):
        raise BadMessage(f"the envelope {envelope!r} is not an object")
    _check_version(head)
    try:
        expected = checksum(whole)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"it has no canonical form: {error}") from error
    if head.get("seal") != expected:
        raise BadMessage("its checksum does not match: torn, or changed on the way")
    return whole


def _check_signature(whole: dict[str, Any], message: Message, trust: Trust) -> None:
    """Check a valid message against the keys that its reader trusts. The signature covers everything its path says."""
    if trust.mode == "off":
        return
    head = whole["job"] if isinstance(message, Offer | DoneJob | FailureJob) else whole
    body = _body(whole)
    _doubted(trust, trust.doubt(message.type, body, head.get("sig")), f"{message.type} of {message.id}", body)


def _check_plain(data: bytes, trust: Trust) -> None:
    if trust.mode != "off":
        _doubted(trust, "is in the simple form, which cannot be signed", "a message", data)


def _doubted(trust: Trust, doubt: str | None, what: str, body: bytes) -> None:
    if doubt is not None and trust.mode == "require":
        raise Untrusted(doubt)
    if doubt is not None:
        _warn_once(hashlib.sha256(body).hexdigest(), f"{what} {doubt}; it is accepted anyway (auth: warn)")


@functools.lru_cache(maxsize=10_000)
def _warn_once(_message: str, text: str) -> None:
    log.warning("%s", text)


def _check_version(head: dict[str, Any]) -> None:
    needed = head.get("min_reader", head.get("v"))
    if not isinstance(needed, int) or isinstance(needed, bool):
        raise BadMessage("it has no version")
    if needed > VERSION:
        raise VersionTooNew(
            f"it needs a reader of format {needed}, and this version reads format {VERSION}: upgrade gpudrop here"
        )


def _checked(whole: dict[str, Any], kind: type[M], *, drop: str, id: str, place: dict[str, Any]) -> M:  # noqa: A002
    head = whole["job"] if kind in (Offer, DoneJob, FailureJob) else whole
    message = _made(kind, head)
    for field, expected in {"drop": drop, "id": id, **place}.items():
        if getattr(message, field) != expected:
            raise BadMessage(f"it says {field} {getattr(message, field)!r}, its path says {expected!r}")
    return message


B = TypeVar("B", bound=BaseModel)


def _made(kind: type[B], value: Any) -> B:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "message"
        raise BadMessage(f"{where}: {first['msg']}") from error

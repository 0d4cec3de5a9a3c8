"""Strict JSON, the canonical form, seals, versions and places."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import codec
from protocol.errors import BadMessage, VersionTooNew
from protocol.messages import Claim, InputFile, Offer, Reject, Request

DROP, NONCE = "0" * 16, "a" * 16

BAD_JSON = {
    "NaN": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "infinity by exponent": b'{"a": 1e400}',
    "duplicate key": b'{"a": 1, "a": 2}',
    "duplicate key below": b'{"x": [{"a": 1, "a": 2}]}',
    "lone surrogate": b'{"a": ["\\ud800"]}',
    "lone surrogate as a key": b'{"\\udc00": 1}',
    "integer beyond 2^53": b"[9007199254740993]",
    "endless integer": b"[" + b"9" * 5000 + b"]",
    "depth bomb": b"[" * 100_000 + b"]" * 100_000,
    "33 levels": b"[" * 33 + b"]" * 33,
    "two megabytes": b'"' + b"x" * (2 << 20) + b'"',
    "not UTF-8": b'{"a": "\xff"}',
    "empty": b"",
    "two values": b"{} {}",
}


@pytest.mark.fault("bad-json")
@pytest.mark.parametrize("name", BAD_JSON)
def test_bad_json_is_refused(name: str) -> None:
    """Whatever is not strict JSON is a BadMessage and nothing else."""
    with pytest.raises(BadMessage):
        codec.loads(BAD_JSON[name])


def test_brackets_inside_strings_are_no_depth() -> None:
    """Depth counts nesting, not letters."""
    text = "[" * 1000 + '\\" {'
    assert codec.loads(json.dumps({"a": text}).encode()) == {"a": text}


def test_a_surrogate_pair_is_one_letter() -> None:
    """An escaped emoji is not half a pair."""
    assert codec.loads(b'"\\ud83d\\ude00"') == "😀"


def test_canon_has_one_spelling() -> None:
    """Order, white space and the kind of number do not change the canonical form."""
    assert codec.canon({"b": 1.0, "a": [-0.0, 0.1, "é"]}) == b'{"a":[0,0.1,"\\u00e9"],"b":1}'
    assert codec.canon({"a": [0, 0.1, "é"], "b": 1}) == codec.canon({"b": 1.0, "a": [-0.0, 0.1, "é"]})


@pytest.mark.parametrize("value", [2**53 + 1, float("inf"), float("nan"), 1e300])
def test_canon_refuses_what_json_readers_disagree_on(value: float) -> None:
    """Numbers that other readers would round have no canonical form."""
    with pytest.raises(ValueError, match=r"finite|beyond"):
        codec.canon([value])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_canon_survives_a_round_trip(value: object) -> None:
    """Reading the canonical form and spelling it again gives the same bytes."""
    assert codec.canon(codec.loads(codec.canon(value))) == codec.canon(value)


@pytest.mark.fault("bad-json")
@given(st.binary(max_size=300))
def test_no_bytes_crash_a_reader(data: bytes) -> None:
    """Any bytes at all are either a message or a BadMessage."""
    with pytest.raises(BadMessage):
        codec.decode(data, Reject, drop=DROP, id="job")


def claim(**change: object) -> dict[str, object]:
    """Return the JSON of a good claim, changed, with a new checksum."""
    good = json.loads(
        codec.encode(Claim(drop=DROP, id="job", attempt=1, nonce=NONCE, worker="w", boot="b" * 16, digest="d" * 64))
    )
    changed = {**good, **change}
    return {**changed, "seal": codec.checksum(changed)}


@pytest.mark.parametrize(
    "change",
    [{"drop": "1" * 16}, {"id": "other"}, {"nonce": "c" * 16}, {"worker": "v"}, {"attempt": 2}, {"type": "reject"}],
)
def test_a_message_in_the_wrong_place_does_not_check(change: dict[str, object]) -> None:
    """A message that was renamed or copied elsewhere is not a message there."""
    data = json.dumps(claim(**change)).encode()
    with pytest.raises(BadMessage):
        codec.decode(data, Claim, drop=DROP, id="job", attempt=1, nonce=NONCE, worker="w")


@pytest.mark.fault("version-99")
def test_the_version_is_looked_at_before_the_seal() -> None:
    """A message of the future says so, although this reader cannot know its checksum."""
    data = json.dumps({**claim(), "min_reader": 99, "seal": "?"}).encode()
    with pytest.raises(VersionTooNew, match="99"):
        codec.decode(data, Claim, drop=DROP, id="job")


def test_newer_keys_of_a_readable_message_are_left_alone() -> None:
    """A newer writer may add keys; the checksum covers them, the reader ignores them."""
    data = json.dumps(claim(v=3, min_reader=2, hint="new")).encode()
    assert codec.decode(data, Claim, drop=DROP, id="job").worker == "w"


def test_a_request_whose_digest_does_not_fit_is_refused() -> None:
    """Sealing a request anew over other parameters does not make it good."""
    offer = Offer(drop=DROP, id="job", dispatcher=DROP, kind="echo", digest=codec.digest("echo", {"text": "a"}, {}, {}))
    good, bad = (codec.encode(Request(params={"text": text}, job=offer)) for text in "ab")
    assert codec.decode_request(good, drop=DROP, job="job").params == {"text": "a"}
    with pytest.raises(BadMessage, match="digest"):
        codec.decode_request(bad, drop=DROP, job="job")


def test_the_digest_is_of_what_was_asked_not_of_defaults() -> None:
    """Parameters count as written: leaving a default out is another request than spelling it."""
    assert codec.digest("echo", {}, {}, {}) != codec.digest("echo", {"text": ""}, {}, {})


@pytest.mark.parametrize("name", ["../other/request.json", "request.json", "in-1-../x", "/etc/passwd", "in-0-x", ""])
def test_an_input_can_only_be_an_input_of_its_job(name: str) -> None:
    """A request cannot name a file outside its folder, nor one that is no input."""
    assert InputFile(size=1, sha256="a" * 64, in_="in-1-film.mp4").in_ == "in-1-film.mp4"
    with pytest.raises(ValueError, match="name of an input"):
        InputFile(size=1, sha256="a" * 64, in_=name)

"""What somebody who may write to the folder could put there: JSON, names, requests, manifests and sounds made to hurt.

Everything is made here, from constants; nothing is random, so that a failing case has a name.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from typing import Any

from protocol import codec

MIB = 1 << 20
DEEP = 100_000


def with_checksum(whole: dict[str, Any]) -> bytes:
    """Return a message with a checksum that matches: what anybody who knows the format can make."""
    head = whole["job"] if isinstance(whole.get("job"), dict) else whole
    head["seal"] = codec.checksum(whole)
    return json.dumps(whole).encode()


JSON: dict[str, bytes] = {
    "empty": b"",
    "blanks": b" \n\t",
    "nothing but a mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"job": {}}'.encode("utf-16"),
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "a lone surrogate": b'{"a": "\\ud800"}',
    "a lone surrogate as a key": b'{"\\udfff": 1}',
    "NaN": b'{"steps": NaN}',
    "infinity": b'{"steps": [Infinity]}',
    "infinity by exponent": b'{"speed": 1e999}',
    "an exponent without end": b'{"speed": 1e' + b"9" * 5000 + b"}",
    "an endless integer": b'{"v": ' + b"9" * (MIB - 20) + b"}",
    "an endless fraction": b"[0." + b"1" * (MIB - 20) + b"]",
    "beyond 2^53 by exponent": b'{"v": 1e308}',
    "a long key twice": b'{"' + b"k" * 400_000 + b'":0,"' + b"k" * 400_000 + b'":0}',
    "beyond 2^53": b'{"v": 9007199254740993}',
    "a key twice": b'{"steps": [], "steps": []}',
    "a key twice by escape": b'{"steps": [], "st\\u0065ps": []}',
    "deep lists": b"[" * DEEP,
    "deep lists that close": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep behind strings": b'{"a": "' + b"\\\\" * DEEP + b'", "b": ' + b"[" * 40 + b"]" * 40 + b"}",
    "quotes without end": b'{"a": "' + b'\\"' * 500_000,
    "a flood of keys": b"{" + b",".join(b'"%d":0' % n for n in range(80_000)) + b',"0":1}',
    "two megabytes": b'"' + b"x" * (2 * MIB) + b'"',
    "two values": b"{}{}",
    "a remark": b'{"a": 1} // x',
    "a comma too many": b'{"steps": [1,],}',
    "single quotes": b"{'steps': []}",
    "a list": b"[]",
    "a word": b"null",
    "a job that is a list": b'{"job": []}',
    "a job that is a word": b'{"job": "x"}',
    "a version that is a word": b'{"job": {"v": "2", "min_reader": "2"}}',
    "a version that is true": b'{"job": {"v": true, "min_reader": true}}',
    "a version to come": b'{"job": {"v": 99, "min_reader": 99, "seal": "x"}}',
    "a checksum that is a list": b'{"job": {"v": 2, "min_reader": 2, "seal": []}}',
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93\x94.",
    "gzip": bytes.fromhex("1f8b08000000000000ff"),
    "zeros": b"\0" * MIB,
}
"""Bytes that are no message of ours, by what is wrong with them."""

NAMES: dict[str, str] = {
    "hidden": ".hidden",
    "two dots": "..hidden",
    "reserved": "nul",
    "reserved with an ending": "COM1.txt",
    "a dot at the end": "job.",
    "a blank at the end": "job ",
    "a line": "job\nrequest.json",
    "a bell": "job\a",
    "escape codes": "job\x1b[2J",
    "right to left": "job\u202egnp",
    "no width": "jo\u200bb",
    "another alphabet": "jоb",
    "full width": "ｊｏｂ",
    "a percent": "%2e%2e%2f",
    "a backslash": "..\\..\\x",
    "a shell": "$(touch x)",
    "an option": "--drop",
    "a star": "*",
    "a quote": "'\"",
    "too long": "j" * 41,
    "longest": "j" * 255,
    "a conflict copy": "job (1)",
    "a sync conflict": "job.sync-conflict-20260101-000000-ABCDEFG",
    "not UTF-8": "job\udcff",
    "emoji": "job😀",
}
"""Names of folders that are no jobs, as far as a file system can hold them."""

PATHS: dict[str, Any] = {
    "up": "../outside.txt",
    "up from below": "audio/../../outside.txt",
    "absolute": "/tmp/outside.txt",
    "a drive": "C:\\outside.txt",
    "a share": "\\\\host\\share\\x",
    "backslashes": "audio\\..\\..\\x",
    "a zero": "audio/a\0.wav",
    "empty": "",
    "a dot": ".",
    "a slash at the end": "audio/",
    "two slashes": "audio//x",
    "reserved": "audio/con.wav",
    "a stream": "audio/a.wav:evil",
    "hidden": ".done.marker",
    "a tilde": "~/x",
    "a variable": "$HOME/x",
    "an address": "http://127.0.0.1/x",
    "deep": "a/b/c/d/e/f",
    "long": "a" * 300,
    "right to left": "audio/\u202evaw.exe",
    "a number": 7,
    "nothing": None,
}
"""Paths in a manifest that could lead out of the folder of results, or that no file system holds."""

SOURCES: dict[str, Any] = {
    "the request": "request.json",
    "another job": "../other/try-1-{nonce}-w.out-1",
    "absolute": "/etc/passwd",
    "an input": "in-1-secret",
    "the drop's card": "../_drop.json",
    "a marker": "try-1-{nonce}-w.done.marker",
    "no output": "out-1",
    "empty": "",
    "nothing": None,
    "zero": "try-1-{nonce}-w.out-0",
}
"""Files of a manifest that are no outputs of a worker."""

ENTRIES: dict[str, dict[str, Any]] = {
    "larger than there is": {"size": 10_000_000},
    "larger than any disk": {"size": 2**53},
    "negative": {"size": -1},
    "a size that is a word": {"size": "2"},
    "a size that is true": {"size": True},
    "a part behind the end": {"at": 10_000_000},
    "a part before the start": {"at": -5},
    "a part at the end of numbers": {"at": 2**53, "size": 2**53},
    "another content": {"sha256": "0" * 64},
    "no hash": {"sha256": ""},
    "a hash in capitals": {"sha256": "A" * 64},
}
"""Changes to a manifest's entry that make it a lie."""


def request(drop: str, job: str, kind: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a request whose checksum and digest can be made to match, whatever it asks for."""
    inputs = more.get("inputs", {})
    facts = {name: (file.get("size"), file.get("sha256")) for name, file in inputs.items()}
    return {
        **params,
        "job": {
            "v": 2,
            "min_reader": 2,
            "type": "request",
            "drop": drop,
            "id": job,
            "dispatcher": "d" * 16,
            "kind": kind,
            "digest": codec.digest(kind, params, facts, {}),
            **more,
        },
    }


def _input(**changes: Any) -> dict[str, Any]:
    return {"inputs": {"x": {"size": 1, "sha256": "0" * 64, "in": "in-1-x", **changes}}}


def _step(**changes: Any) -> dict[str, Any]:
    return {"steps": [{"id": "a", "narration": "x", **changes}]}


REQUESTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "an unknown kind": ("../../x", {}, {}),
    "a step that leads out": ("tts", _step(id="../../../outside"), {}),
    "a step with a zero": ("tts", _step(id="a\0b"), {}),
    "a step that is reserved": ("tts", _step(id="nul"), {}),
    "steps that differ in case": ("tts", {"steps": [{"id": "A", "narration": ""}, {"id": "a", "narration": ""}]}, {}),
    "a flood of steps": ("tts", {"steps": [{"id": f"s{n}", "narration": "x"} for n in range(10_000)]}, {}),
    "a step without end": ("tts", _step(narration="x " * 400_000), {}),
    "a speed of nothing": ("tts", {"speed": 0, **_step()}, {}),
    "a voice that leads out": ("tts", {"voice": "../../../etc/passwd", **_step()}, {}),
    "a language that is an option": ("tts", {"language": "--path=/tmp", **_step()}, {}),
    "a pause for ever": ("tts", _step(pauses=[[0, 1e10]]), {}),
    "a lexicon that is a pattern": ("tts", {"lexicon": {"(a+)+$": "x"}, **_step(narration="a" * 60 + "!")}, {}),
    "a key that is not there": ("tts", {"__class__": "x", **_step()}, {}),
    "work for a year": ("echo", {"text": "x", "units": 10_000, "unit_s": 1e9}, {}),
    "an input that leads out": ("echo", {"text": "x"}, _input(**{"in": "../../outside"})),
    "an input that is a marker": ("echo", {"text": "x"}, _input(**{"in": "request.json"})),
    "an input named outside": ("echo", {"text": "x"}, {"inputs": {"../x": _input()["inputs"]["x"]}}),
    "an input larger than any disk": ("echo", {"text": "x"}, _input(size=2**53)),
    "an input of another content": ("echo", {"text": "x"}, _input()),
    "a lease of nothing": ("echo", {"text": "x"}, {"claim": {"lease_s": 0}}),
    "a lease for ever": ("echo", {"text": "x"}, {"claim": {"lease_s": 1e10}}),
    "settling for ever": ("echo", {"text": "x"}, {"claim": {"mode": "settle", "settle_s": 1e10}}),
    "no time at all": ("echo", {"text": "x", "units": 2, "unit_s": 3000}, {"limits": {"wall_s": 0}}),
    "attempts without end": ("echo", {"text": "x"}, {"limits": {"attempts": 10**9}}),
}  # fmt: skip
"""Requests with a checksum and digest that match: kind, parameters, and what else stands in the envelope."""


def wav(
    frames: bytes = b"\0\0" * 2400,
    *,
    tag: int = 1,
    channels: int = 1,
    rate: int = 24_000,
    bits: int = 16,
    riff_size: int | None = None,
    data_size: int | None = None,
    before: bytes = b"",
) -> bytes:
    """Return a WAV file, whole unless told otherwise."""
    align = channels * bits // 8
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, channels, rate, rate * align & 0xFFFFFFFF, align & 0xFFFF, bits)
    data = struct.pack("<4sI", b"data", len(frames) if data_size is None else data_size) + frames
    body = b"WAVE" + before + fmt + data
    return b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body


def _chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(content) if size is None else size) + content


PLAYLIST = b"ffconcat version 1.0\nfile '/etc/passwd'\n"
SOUNDS: dict[str, bytes] = {
    "ffconcat": PLAYLIST,
    "a playlist of the net": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n",
    "ffconcat in a RIFF": b"RIFF" + struct.pack("<I", len(PLAYLIST) + 4) + b"WAVE" + PLAYLIST,
    "empty": b"",
    "a header only": b"RIFF\x04\0\0\0WAVE",
    "no format": b"RIFF" + struct.pack("<I", 4 + 8 + 4) + b"WAVE" + _chunk(b"data", b"\0\0\0\0"),
    "no data": b"RIFF" + struct.pack("<I", 4 + 24) + b"WAVE" + wav()[12:36],
    "no frames": wav(b""),
    "half a frame": wav(b"\0"),
    "data beyond the file": wav(data_size=0x7FFFFFFF),
    "data without end": wav(data_size=0xFFFFFFFF),
    "data before the format": b"RIFF\x28\0\0\0WAVE" + _chunk(b"data", b"\0" * 4) + wav()[12:36],
    "RIFF beyond the file": wav(riff_size=0x7FFFFFFF),
    "RIFF without end": wav(riff_size=0xFFFFFFFF),
    "RIFF too short": wav(riff_size=40),
    "no channels": wav(channels=0),
    "65535 channels": wav(b"\0" * 131_070, channels=65_535),
    "no rate": wav(rate=0),
    "one frame a second": wav(rate=1),
    "four billion frames a second": wav(rate=0xFFFFFFFF),
    "no bits": wav(bits=0),
    "7 bits": wav(bits=7),
    "65528 bits": wav(bits=65_528),
    "an unknown coding": wav(tag=0x9999),
    "MP3 inside": wav(tag=0x55),
    "GSM inside": wav(tag=0x31),
    "ADPCM inside": wav(tag=0x11, bits=4),
    "extensible without its extension": wav(tag=0xFFFE),
    "a chunk without end": wav(before=_chunk(b"LIST", b"INFO", 0xFFFFFFF0)),
    "a flood of chunks": wav(before=_chunk(b"junk", b"") * 100_000),
    "a huge remark": wav(before=_chunk(b"LIST", b"x" * (4 * MIB))),
    "AIFF": b"FORM\0\0\0\x1eAIFFCOMM" + b"\0" * 22,
    "RF64": b"RF64\xff\xff\xff\xffWAVE" + _chunk(b"ds64", b"\0" * 28) + wav()[12:],
    "Ogg": b"OggS" + b"\0" * 100,
    "FLAC": b"fLaC" + b"\0" * 100,
    "a picture": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
    "cut": wav()[:-100],
    "more behind": wav() + b"\0" * 100,
}  # fmt: skip
"""Files that call themselves WAV, by what is wrong with them."""


TIMES: dict[str, Any] = {
    "a list": [],
    "a word": "x",
    "nothing in it": {},
    "no words": {"seconds": 1, "exact": True},
    "words that are a word": {"seconds": 1, "exact": True, "words": "abc"},
    "words without times": {"seconds": 1, "exact": True, "words": ["a", "b"]},
    "half a time": {"seconds": 1, "exact": True, "words": [["a", 0]]},
    "a time too many": {"seconds": 1, "exact": True, "words": [["a", 0, 1, 2]]},
    "a time that is a word": {"seconds": 1, "exact": True, "words": [["a", "x", 1]]},
    "a time before the start": {"seconds": 1, "exact": True, "words": [["a", -1, 1]]},
    "a time in a year": {"seconds": 1, "exact": True, "words": [["a", 0, 1e300]]},
    "a word that is a number": {"seconds": 1, "exact": True, "words": [[1, 0, 1]]},
    "a word that is an object": {"seconds": 1, "exact": True, "words": [[{}, 0, 1]]},
    "seconds that are nothing": {"seconds": None, "exact": True, "words": []},
    "seconds for ever": {"seconds": 1e308, "exact": True, "words": []},
    "exact as a word": {"seconds": 1, "exact": "no", "words": []},
    "doubt that is a number": {"seconds": 1, "exact": True, "words": [], "doubtful": 5},
}
"""Files of word times that are JSON, and no word times."""

SUMMARIES: dict[str, dict[str, Any]] = {
    "numbers": {"passed_over": 5, "silent": 5, "unstressed": 5, "doubtful": 5, "substituted": 5},
    "words": {"passed_over": "x", "silent": "x", "unstressed": "x", "doubtful": "x", "substituted": "x"},
    "lists of objects": {"passed_over": [{}], "silent": [{}], "unstressed": [[]], "doubtful": [{}], "substituted": []},
    "objects": {"passed_over": {"a": 1}, "silent": {}, "unstressed": {}, "doubtful": {"a": 7}, "substituted": {"a": 1}},
    "nothing": {"passed_over": None, "silent": None, "unstressed": None, "doubtful": None, "substituted": None},
    "escape codes": {"passed_over": ["\x1b[2J\x1b]0;x\a"], "silent": ["\x1b[31m"], "doubtful": {"a": ["\u202e"]}},
}
"""What a worker may tell beside its manifest, in shapes that nobody asked for."""


def entry(path: Any, content: bytes, source: Any, **changes: Any) -> dict[str, Any]:
    """Return an entry of a manifest that tells the truth, but for its changes."""
    return {"path": path, "in": source, "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), **changes}


ENGINE = {"name": "e", "version": "1", "provider": "p", "device": "cpu", "tier": "embedded"}


def marker(offer: dict[str, Any], nonce: str, files: list[dict[str, Any]], **told: Any) -> bytes:
    """Return a done marker of an attempt with a checksum that matches, whatever its manifest and the rest of it say."""
    who = {"attempt": 1, "nonce": nonce, "worker": "w", "boot": "b" * 16}
    place = {key: offer[key] for key in ("drop", "id", "digest")}
    job = {
        "v": 2,
        "min_reader": 2,
        "type": "done",
        **place,
        **who,
        "files": files,
        "engine": ENGINE,
        "durable": "local",
    }
    return with_checksum({"status": "completed", **told, "job": job})


def signs(drop: str, job: str, nonce: str) -> dict[str, bytes]:
    """Return {path: content} of signs of life, cards, claims and parts of a worker that lies, with good seals."""
    head = {"v": 2, "min_reader": 2, "drop": drop}
    worker = {**head, "id": "w", "worker": "w", "boot": "b" * 16}
    tried = {**head, "id": job, "attempt": 1, "nonce": nonce, "worker": "w", "boot": "b" * 16, "digest": "0" * 64}
    beat = {**worker, "type": "beat", "at": 0}
    held = [{"job": job, "nonce": nonce, "done": 2**53, "total": 0, "note": "\x1b[2J" * 50}]
    part = {**tried, "type": "part", "k": 1, "engine": {**ENGINE, "name": "\x1b[31mred"}}
    folder, beats = f"{job}/try-1-{nonce}-w", f"_workers/w/beat-{'b' * 16}-"
    return {
        f"{beats}1.json": with_checksum({**beat, "seq": 1, "held": held}),
        f"{beats}2.json": with_checksum({**beat, "seq": 2, "held": held * 3000}),
        f"{beats}3.json": with_checksum({**beat, "seq": 3, "at": 1e10, "probe": "\a" * 200}),
        f"{beats}{2**53}.json": with_checksum({**beat, "seq": 2**53, "held": [{}]}),
        f"{beats}{'9' * 100}.json": with_checksum({**beat, "seq": 1}),
        f"_workers/w/hello-{'b' * 16}.json": with_checksum(
            {**worker, "type": "hello", "kinds": [], "engines": {"tts": [5]}}
        ),
        f"_workers/w/hello-{'c' * 16}.json": with_checksum(
            {
                **worker,
                "boot": "c" * 16,
                "type": "hello",
                "kinds": ["tts"] * 9000,
                "engines": {"tts": [{**ENGINE, "name": "\x1b[2J"}], "\u202e": []},
                "choices": {"tts": {"x": {"voice": ["*"] * 9000}}},
                "gpu": "\x1b]0;x\a",
                "beat_s": 0,
            }
        ),
        f"{folder}.claim.json": with_checksum({**tried, "type": "claim"}),
        f"{folder}.part-1.json": with_checksum({**part, "files": [entry("x", b"", "../../secret.txt")] * 500}),
        f"{folder}.part-2.json": with_checksum(
            {**part, "k": 2, "files": [entry(f"f{n}", b"", "x") for n in range(3000)]}
        ),
    }


MANIFESTS: dict[str, Callable[[str, bytes, str], list[dict[str, Any]]]] = {
    **{f"path: {what}": lambda p, c, s, to=to: [entry(to, c, s)] for what, to in PATHS.items()},
    **{f"beside: {what}": lambda p, c, s, to=to: [entry(p, c, s), entry(to, c, s)] for what, to in PATHS.items()},
    **{
        f"source: {what}": lambda p, c, s, at=at: [entry(p, c, at and at.format(nonce=s.split("-")[2]))]
        for what, at in SOURCES.items()
    },
    **{f"entry: {what}": lambda p, c, s, ch=change: [entry(p, c, s, **ch)] for what, change in ENTRIES.items()},
    "nothing": lambda p, c, s: [],
    "twice": lambda p, c, s: [entry(p, c, s), entry(p, c, s)],
    "in another case": lambda p, c, s: [entry(p, c, s), entry(p.upper(), c, s)],
    "a file as a folder": lambda p, c, s: [entry(p, c, s), entry(f"{p}/x", c, s)],
    "one over the other": lambda p, c, s: [entry(p, c, s), entry(p.replace("wav", "json"), c, s)],
    "a flood": lambda p, c, s: [entry(f"f{n}", c, s) for n in range(5000)],
}  # fmt: skip
"""Manifests of a result that must not be used: (path asked for, its content, the output) → entries."""

"""Fuzz target: what a worker delivers, changed. It is refused and leaves nothing, or it is whole and what it says.

The first byte of an input says which file it stands for: the done marker, the sound, the word times, or a part.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dispatcher.jobs import accept
from media import audio
from protocol import codec
from protocol.errors import BadMessage, MediaError, VerificationError
from protocol.integrity import sha256_of
from protocol.kinds import tts
from protocol.layout import Attempt, JobNames
from protocol.messages import Offer, Request
from protocol.observation import JobReader
from protocol.transports.memory import MemoryDrop, MemoryStore
from tests.fuzz.codec import MOST_WORDS, check_words
from tests.support import hostile

DROP, JOB, NONCE = "0" * 16, "job", "a" * 16
TRIED = Attempt(1, NONCE, "w")
PARAMS = {"steps": [{"id": "a", "narration": "x"}]}
DIGEST = codec.digest("tts", PARAMS, {}, {})
OFFER = Offer(drop=DROP, id=JOB, dispatcher="d" * 16, kind="tts", digest=DIGEST)
WAV, WORDS = tts.wav_path("a"), tts.words_path("a")
EXPECTED = {WAV: "audio/wav", WORDS: "application/json"}
SOUND, TIMES = hostile.wav(), b'{"seconds": 0.1, "exact": true, "words": [["x", 0, 0.1]]}'
SOURCES = {WAV: f"{TRIED}.out-1", WORDS: f"{TRIED}.out-2"}


def _marker(sound: bytes, times: bytes) -> bytes:
    files = [hostile.entry(WAV, sound, SOURCES[WAV]), hostile.entry(WORDS, times, SOURCES[WORDS])]
    return hostile.marker({"drop": DROP, "id": JOB, "digest": DIGEST}, NONCE, files)


def _part() -> bytes:
    files = [hostile.entry(WAV, SOUND, SOURCES[WAV])]
    place = {"v": 2, "min_reader": 2, "type": "part", "drop": DROP, "id": JOB, "digest": DIGEST}
    who = {"attempt": 1, "nonce": NONCE, "worker": "w", "boot": "b" * 16}
    return hostile.with_checksum({**place, **who, "k": 1, "files": files, "engine": hostile.ENGINE})


MARKER, WAVE, TIMED, PART = b"\x00", b"\x01", b"\x02", b"\x03"
SMALL = 20_000
KEPT = 1
CORPUS = (
    *[MARKER + _marker(SOUND, TIMES)] * 40,
    *[PART + _part()] * 10,
    *[TIMED + TIMES] * 10,
    *(WAVE + hostile.wav(b"\0" * 96, tag=1, bits=bits, channels=2) for bits in (8, 24)),
    *(WAVE + hostile.wav(b"\0" * 96, tag=3, bits=bits) for bits in (32, 64)),
    *(WAVE + data for data in hostile.SOUNDS.values() if len(data) < SMALL),
    *(TIMED + json.dumps(value).encode() for value in hostile.TIMES.values()),
    *(TIMED + data for data in hostile.JSON.values() if len(data) < SMALL),
)  # fmt: skip


def target(data: bytes) -> None:
    """Deliver the input as one of the files and take the result as the dispatcher does."""
    which, content = data[:1], data[1:]
    sound = content if which == WAVE else SOUND
    times = content if which == TIMED else TIMES
    marker = content if which == MARKER else _marker(sound, times)
    drop = _delivered(marker, content if which == PART else _part(), {WAV: sound, WORDS: times})
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        _take(drop, folder)
    finally:
        shutil.rmtree(folder)


def _delivered(marker: bytes, part: bytes, outputs: Mapping[str, bytes]) -> MemoryDrop:
    drop, names = MemoryDrop(MemoryStore()), JobNames(JOB)
    drop.make_folder(JOB)
    drop.put(names.request, codec.encode(Request(params=PARAMS, job=OFFER)))
    for path, content in outputs.items():
        drop.put(names.file(SOURCES[path]), content)
    drop.put(names.part(TRIED, 1), part)
    drop.put(names.done(TRIED), marker)
    return drop


def _take(drop: MemoryDrop, folder: Path) -> None:
    seen = JobReader(drop, DROP, JOB).look()
    assert all(len(why) <= MOST_WORDS for why in seen.unchecked.values())
    for done in seen.done.values():
        try:
            accept.check_listed(done, seen)
            taken, _ = accept.fetch(drop, done, OFFER, EXPECTED, folder / "results", seen.parts)
        except (VerificationError, BadMessage, MediaError) as error:
            check_words(error)
            _check_empty(folder)
            continue
        _check_taken(taken, folder)


def _check_empty(folder: Path) -> None:
    assert not [path for path in folder.rglob("*") if path.is_file()], "a refused result left something"


def _check_taken(taken: Path, folder: Path) -> None:
    """What was taken holds just the files asked for, each as promised, and each can be used."""
    found = {path.relative_to(taken).as_posix() for path in taken.rglob("*") if path.is_file()}
    assert found == {WAV, WORDS, accept.MARKER}
    assert len([path for path in folder.rglob("*") if path.is_file()]) == len(found)
    result = accept.load("run", taken)
    marker = codec.decode_done((taken / accept.MARKER).read_bytes(), drop=DROP, job=JOB)
    assert {file.path: (file.size, file.sha256) for file in marker.job.files} == {
        path: sha256_of(local) for path, local in result.files.items()
    }
    assert audio.check_wav(taken / WAV) > 0
    assert audio.read_mono(taken / WAV, 48_000).ndim == 1
    tts.read_times((taken / WORDS).read_bytes())

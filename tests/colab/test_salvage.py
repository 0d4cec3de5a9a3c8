"""What another worker left, when that worker meant harm."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from colab.attach import attach
from colab.salvage import salvage
from protocol import codec
from protocol.kinds import tts
from protocol.layout import Attempt, JobNames
from protocol.messages import DropCard, EngineRecord, OutputFile, Part
from protocol.transports.memory import MemoryDrop, named_store
from tests.support import hostile

DROP, JOB = "d" * 16, "job"
TRIED = Attempt(1, "a" * 16, "w")
WAV, WORDS = tts.wav_path("a"), tts.words_path("a")
GOOD = {WAV: hostile.wav(), WORDS: b'{"seconds": 0.1, "exact": true, "words": []}'}


def left(name: str, contents: dict[str, bytes], **changes: object) -> set[str]:
    """Put outputs and a part that tells of them into a drop; return which of them the next attempt keeps."""
    drop = MemoryDrop(named_store(name))
    drop.put("_drop.json", codec.encode(DropCard(drop=DROP, id=DROP)))
    drop.make_folder(JOB)
    files = []
    for k, (path, data) in enumerate(contents.items(), 1):
        drop.put(JobNames(JOB).out(TRIED, k), data)
        entry = {"in": f"{TRIED}.out-{k}", "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), **changes}
        files.append(OutputFile.model_validate({"path": path, **entry}))
    who = {"attempt": 1, "nonce": TRIED.nonce, "worker": "w", "boot": "b" * 16}
    engine = EngineRecord.model_validate(hostile.ENGINE)
    part = Part(drop=DROP, id=JOB, k=1, files=tuple(files), engine=engine, **who)
    return set(salvage(attach(f"memory:{name}"), JOB, "tts", {TRIED: [part]}, Path(name).absolute()))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_good_leftovers_are_kept() -> None:
    """Sound and word times that check stay."""
    assert left("good", GOOD) == {WAV, WORDS}


@pytest.mark.parametrize("what", ["MP3 inside", "ffconcat", "data without end", "65535 channels"])
def test_a_sound_that_is_none_is_made_again(what: str) -> None:
    """A true hash does not make it usable: the next attempt would be rejected for it."""
    assert left(what, {**GOOD, WAV: hostile.SOUNDS[what]}) == {WORDS}


@pytest.mark.parametrize("data", [b"[]", b"{}", b'{"seconds": NaN}', hostile.JSON["deep lists"]])
def test_word_times_that_are_none_are_made_again(data: bytes) -> None:
    """The handler counts on them."""
    assert left(hashlib.sha256(data).hexdigest(), {**GOOD, WORDS: data}) == {WAV}


@pytest.mark.parametrize("changes", [{"in": "request.json"}, {"in": "../../x"}, {"size": 2**53}])
def test_a_part_that_lies_leaves_nothing_and_ends_nothing(changes: dict[str, object]) -> None:
    """Entries that point elsewhere, or promise more than any disk holds, are no leftovers."""
    assert left(repr(changes).replace("/", "-"), GOOD, **changes) == set()


def test_one_output_is_not_copied_a_thousand_times() -> None:
    """Entries over one another would fill the disk with what the drop holds once."""
    many = {f"f{n}": GOOD[WAV] for n in range(3)}
    assert left("over", many, **{"in": f"{TRIED}.out-1"}) == set()

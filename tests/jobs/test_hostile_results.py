"""Results made to hurt, on a real folder: never accepted, refused in bounded time, and nothing written elsewhere."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatcher.jobs import accept
from dispatcher.jobs.client import Client, Handle
from dispatcher.jobs.job import Job
from dispatcher.runs.store import RunStore
from dispatcher.tour.narration.clips import doubtful, warnings
from protocol import codec
from protocol.errors import BadMessage, VerificationError
from protocol.kinds import tts
from protocol.messages import Offer, OutputFile
from tests.support import answers, hostile
from tests.support.drops import make_drop

SPEECH = Job(kind="tts", params={"steps": [{"id": "a", "narration": "x"}]}, attempts=99)
WAV, WORDS = tts.wav_path("a"), tts.words_path("a")
SOUND, TEXT = hostile.wav(), b'{"seconds": 0.1, "exact": true, "words": []}'
TOO_SLOW_S = 5.0


class Place:
    """A drop in a folder with one job in it, and a file beside it that nobody may touch."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = make_drop(folder / "drop"), folder
        self.runs = RunStore.open(f"sqlite:///{folder / 'runs.sqlite3'}")
        self.client = Client(self.folder, store=self.runs, results=folder / "results")
        self.handle: Handle = self.client.submit(SPEECH)
        self.job = self.runs.get(self.handle.run).job
        request = codec.decode_request(self.runs.get(self.handle.run).request, drop=self.client.drop_id, job=self.job)
        self.offer: Offer = request.job
        self.secret = folder / "secret.txt"
        self.secret.write_text("secret")
        self.before = self.files()
        self.now = 0.0

    def files(self) -> set[str]:
        """Return what lies outside the drop and the database, staging left out."""
        found = {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}
        return {name for name in found if not name.startswith(("drop/", "runs.sqlite3"))}

    def put(self, nonce: str, files: list[dict[str, Any]], *outputs: bytes, **told: Any) -> bytes:
        """Put an attempt into the job: its outputs as they are, then a marker with this manifest."""
        for k, data in enumerate(outputs, 1):
            (self.folder / self.job / f"try-1-{nonce}-w.out-{k}").write_bytes(data)
        place = {"drop": self.client.drop_id, "id": self.job, "digest": self.offer.digest}
        data = hostile.marker(place, nonce, files, **told)
        (self.folder / self.job / f"try-1-{nonce}-w.done.marker").write_bytes(data)
        return data

    def refusal(self, data: bytes) -> str:
        """Take a marker as the dispatcher does and return why it is refused."""
        expected = {WAV: "audio/wav", WORDS: "application/json"}
        try:
            done = codec.decode_done(data, drop=self.client.drop_id, job=self.job)
            accept.fetch(self.client.drop, done, self.offer, expected, self.root / "results")
        except (BadMessage, VerificationError) as error:
            return str(error)
        pytest.fail("it was accepted")

    def step(self) -> bool:
        """Let the dispatcher look once, an hour later, and say whether it accepted something."""
        self.now += 3600
        self.handle._lifecycle.step(self.now, self.now)
        return self.handle._lifecycle.result is not None


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A fresh folder with one job."""
    made = Place(tmp_path)
    yield made
    made.client.close()
    made.runs.close()
    assert made.files() <= made.before | {
        f"results/{made.job}/{'f' * 16}/{name}" for name in (WAV, WORDS, accept.MARKER)
    }
    assert made.secret.read_text() == "secret"


def test_no_manifest_of_lies_is_accepted(place: Place) -> None:
    """Every one is refused in bounded time, with a reason, and leaves nothing behind."""
    words = "try-1-{}-w.out-2"
    for n, (what, make) in enumerate(hostile.MANIFESTS.items(), 1):
        nonce = f"{n:016x}"
        files = make(WAV, SOUND, f"try-1-{nonce}-w.out-1")
        if all(file["path"] != WORDS for file in files):
            files.append(hostile.entry(WORDS, TEXT, words.format(nonce)))
        data = place.put(nonce, files, SOUND, TEXT)
        started = time.process_time()
        assert place.refusal(data), what
        assert time.process_time() - started < TOO_SLOW_S, what
        assert place.files() == place.before, what


@pytest.mark.parametrize("what", [what for what, data in hostile.SOUNDS.items() if len(data) < 1 << 20])
def test_no_hostile_sound_is_accepted(place: Place, what: str) -> None:
    """A true manifest over a file that is no plain WAV is refused for what the file is."""
    data = hostile.SOUNDS[what]
    source = f"try-1-{'1' * 16}-w.out-"
    files = [hostile.entry(WAV, data, f"{source}1"), hostile.entry(WORDS, TEXT, f"{source}2")]
    assert "is not usable audio/wav" in place.refusal(place.put("1" * 16, files, data, TEXT))


@pytest.mark.parametrize("what", hostile.JSON)
def test_no_hostile_json_is_accepted(place: Place, what: str) -> None:
    """The same for a file that has to be JSON, unless it is: then only its content is of use to nobody."""
    data = hostile.JSON[what]
    source = f"try-1-{'1' * 16}-w.out-"
    files = [hostile.entry(WAV, SOUND, f"{source}1"), hostile.entry(WORDS, data, f"{source}2")]
    marker = place.put("1" * 16, files, SOUND, data)
    try:
        codec.loads(data)
    except BadMessage:
        assert "is not usable application/json" in place.refusal(marker)


@pytest.mark.parametrize("what", hostile.TIMES)
def test_no_hostile_word_times_are_accepted(place: Place, what: str) -> None:
    """JSON that is no file of word times is refused where it comes in, so that nobody stumbles over it later."""
    data = json.dumps(hostile.TIMES[what]).encode()
    source = f"try-1-{'1' * 16}-w.out-"
    files = [hostile.entry(WAV, SOUND, f"{source}1"), hostile.entry(WORDS, data, f"{source}2")]
    assert f"{WORDS} is not usable application/json" in place.refusal(place.put("1" * 16, files, SOUND, data))


@pytest.mark.parametrize("what", hostile.SUMMARIES)
def test_what_a_worker_tells_beside_its_result_breaks_nothing(place: Place, what: str) -> None:
    """A good result with a summary of the wrong shape is a result; the tour's warnings say what can be said."""
    source = f"try-1-{'f' * 16}-w.out-"
    files = [hostile.entry(WAV, SOUND, f"{source}1"), hostile.entry(WORDS, TEXT, f"{source}2")]
    place.put("f" * 16, files, SOUND, TEXT, **hostile.SUMMARIES[what])
    result = next(place.handle._lifecycle.result for _ in range(20) if place.step())
    assert result is not None
    assert all(isinstance(text, str) for text in warnings(result, SPEECH.params))
    assert isinstance(doubtful(result), dict)


def test_signs_of_life_that_lie_end_nothing(place: Place) -> None:
    """Beats, cards, claims and parts of a hostile worker are looked at and lead nowhere; a result still comes."""
    bad, nonce = "1" * 16, "f" * 16
    for path, data in hostile.signs(place.client.drop_id, place.job, bad).items():
        (place.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (place.folder / path).write_bytes(data)
    for n, data in enumerate(hostile.JSON.values(), 1):
        (place.folder / "_workers" / "w" / f"beat-{'d' * 16}-{n}.json").write_bytes(data)
        (place.folder / place.job / f"try-2-{n:016x}-x.part-1.json").write_bytes(data)
        (place.folder / place.job / f"try-2-{n:016x}-x.error.marker").write_bytes(data)
    assert not any(place.step() for _ in range(3))
    source = f"try-1-{nonce}-w.out-"
    place.put(nonce, [hostile.entry(WAV, SOUND, f"{source}1"), hostile.entry(WORDS, TEXT, f"{source}2")], SOUND, TEXT)
    assert any(place.step() for _ in range(20))


def test_a_part_that_lies_keeps_nobody_from_a_good_result(place: Place, tmp_path_factory: Any) -> None:
    """An entry of another attempt that promises the same content somewhere else is passed over."""
    nonce = "f" * 16
    source = f"try-1-{nonce}-w.out-"
    files = [hostile.entry(WAV, SOUND, f"{source}1"), hostile.entry(WORDS, TEXT, f"{source}2")]
    data = place.put(nonce, files, SOUND, TEXT)
    missing = place.folder / place.job / f"{source}1"
    missing.unlink()
    done = codec.decode_done(data, drop=place.client.drop_id, job=place.job)
    lies = [OutputFile.model_validate(hostile.entry(WAV, SOUND, at)) for at in ("request.json", "../../secret.txt")]
    with pytest.raises(VerificationError) as told:
        accept.collect(place.client.drop, place.job, done.job.files, tmp_path_factory.mktemp("staging"), lies)  # type: ignore[union-attr]
    assert told.value.missing == (WAV,)


@pytest.mark.parametrize("target", ["secret.txt", "drop/_drop.json", "nowhere", "/dev/zero", "drop"])
def test_links_are_not_followed(place: Place, target: str) -> None:
    """An output, and a marker, that is a link is refused: neither read, nor waited for, nor a way out."""
    nonce, content = "1" * 16, place.secret.read_bytes()
    source = f"try-1-{nonce}-w.out-"
    files = [hostile.entry(WAV, content, f"{source}1"), hostile.entry(WORDS, TEXT, f"{source}2")]
    data = place.put(nonce, files, b"", TEXT)
    out = place.folder / place.job / f"{source}1"
    out.unlink()
    out.symlink_to(place.root / target)
    assert WAV in place.refusal(data)
    marker = out.with_name(f"try-1-{nonce}-w.done.marker")
    (place.root / "marker").write_bytes(data)
    place.before = place.files()
    marker.unlink()
    marker.symlink_to(place.root / "marker")
    assert not place.step()


def test_a_pipe_and_a_folder_do_not_hang_it(place: Place) -> None:
    """What is no regular file is no output and no marker, whatever it is called."""
    folder, nonce = place.folder / place.job, "1" * 16
    files = [hostile.entry(WAV, SOUND, f"try-1-{nonce}-w.out-1"), hostile.entry(WORDS, TEXT, f"try-1-{nonce}-w.out-2")]
    data = place.put(nonce, files, SOUND, TEXT)
    (folder / f"try-1-{nonce}-w.out-1").unlink()
    os.mkfifo(folder / f"try-1-{nonce}-w.out-1")
    assert WAV in place.refusal(data)
    (folder / f"try-1-{nonce}-w.done.marker").unlink()
    os.mkfifo(folder / f"try-1-{nonce}-w.done.marker")
    (folder / "cancel-1.json").mkdir()
    assert not place.step()


def test_a_good_result_among_hostile_ones_is_accepted(place: Place) -> None:
    """Hostile attempts are rejected or not there; they keep nobody from the good one."""
    chosen = ["path: up", "beside: up", "source: the request", "entry: another content", "twice", "a flood", "nothing"]
    for n, what in enumerate(chosen, 1):
        files = hostile.MANIFESTS[what](WAV, SOUND, f"try-1-{n:016x}-w.out-1")
        place.put(f"{n:016x}", [*files, hostile.entry(WORDS, TEXT, f"try-1-{n:016x}-w.out-2")], SOUND, TEXT)
        assert not place.step()
    nonce = "f" * 16
    source = f"try-1-{nonce}-w.out-"
    place.put(nonce, [hostile.entry(WAV, SOUND, f"{source}1"), hostile.entry(WORDS, TEXT, f"{source}2")], SOUND, TEXT)
    assert any(place.step() for _ in range(20))
    result = place.handle._lifecycle.result
    assert result is not None
    assert result.files[WAV].read_bytes() == SOUND
    assert result.engine != answers.ENGINE


def test_a_result_is_no_larger_than_what_lies_in_the_drop(place: Place) -> None:
    """Outputs that share bytes, or that no disk could hold, are refused before a byte is copied."""
    source = f"try-1-{'1' * 16}-w.out-1"
    files = [hostile.entry(WAV, SOUND, source, at=0), hostile.entry(WORDS, SOUND, source, at=len(SOUND) - 1)]
    assert "overlaps another output" in place.refusal(place.put("1" * 16, files, SOUND))
    files = [hostile.entry(WAV, SOUND, source), hostile.entry(WORDS, SOUND, source, at=0, size=2**53)]
    assert "at most" in place.refusal(place.put("1" * 16, files, SOUND))

"""The simple form byte for byte: what an old dispatcher writes, and what our worker answers, against golden folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import soundfile

from colab.attach import Attached
from colab.plain_form import PlainPublisher, understand
from media.audio import check_wav
from protocol import codec
from protocol.errors import JobFailed
from protocol.kinds import tts
from protocol.messages import EngineRecord
from protocol.plain import PlainRequest
from protocol.transports.host import Host
from protocol.transports.memory import MemoryDrop, MemoryStore
from tests.support import old_dispatcher
from tests.support.drops import make_drop, worker
from tests.support.media import tone

GOLDEN = Path(__file__).parent.parent / "golden" / "plain"
ENGINE = EngineRecord(name="espeak", version="1.52", provider="cpu", device="x86_64", tier="embedded")
SPEC = {
    "steps": [
        {"id": "step-01", "narration": "Welcome to this tutorial: naïve café 😀"},
        {"id": "Übung 2", "narration": "First, let's create a file."},
    ]
}
SUMMARY = {
    "total_duration": 1.5,
    "steps_generated": 2,
    "results": [{"step": "step-01", "duration": 1.0}, {"step": "2--bung-2", "duration": 0.5}],
    "substituted": {"voice": "am_michael", "by": "en-us+m3", "engine": "espeak"},
}


def request_of(folder: str) -> dict[str, Any]:
    """Return the parameters of a golden request, by the road that production code takes."""
    return codec.decode_any_request((GOLDEN / folder / "request.json").read_bytes(), drop="d" * 16, job=folder).params


def publisher(tmp_path: Path, folder: str) -> tuple[PlainPublisher, MemoryStore]:
    """Return a publisher that answers a golden request, and the store it writes to."""
    store = MemoryStore()
    store.make_folder(folder)
    host = Host(wall=lambda: 1736937000.0)  # 2025-01-15T10:30:00Z
    at = Attached(drop=MemoryDrop(store), drop_id="d" * 16, worker="w", boot="b" * 16, host=host)
    return PlainPublisher(at, folder, tmp_path, understand(request_of(folder)), {}), store


def test_an_old_dispatcher_writes_the_golden_request(tmp_path: Path) -> None:
    """The stand-in writes what the golden folder holds, and our codec reads it as a plain request."""
    folder = old_dispatcher.submit(tmp_path, "answered", SPEC)
    data = (folder / "request.json").read_bytes()
    assert data == (GOLDEN / "answered" / "request.json").read_bytes()
    request = codec.decode_any_request(data, drop="d" * 16, job="answered")
    assert isinstance(request, PlainRequest)
    assert request.params["steps"] == SPEC["steps"]


def test_our_worker_writes_the_golden_answer(tmp_path: Path) -> None:
    """Clips under the asker's names, then the marker, to the byte; word times and manifests stay away."""
    made, store = publisher(tmp_path, "answered")
    (tmp_path / "audio").mkdir()
    for step in understand(request_of("answered")).params["steps"]:
        made.add(tts.wav_path(step["id"]))
        tone(tmp_path / tts.wav_path(step["id"]), 0.5)
        made.add(tts.words_path(step["id"]))
    made.done(ENGINE, SUMMARY, "log")
    assert sorted(store.files) == [
        "answered/audio/step-step-01.wav",
        "answered/audio/step-Übung 2.wav",
        "answered/done.marker",
    ]
    assert store.files["answered/done.marker"] == (GOLDEN / "answered" / "done.marker").read_bytes()


def test_our_worker_writes_the_golden_error(tmp_path: Path) -> None:
    """The error marker to the byte, with the step as the asker names it; nothing for what may still come right."""
    made, store = publisher(tmp_path, "refused")
    made.failed("ENGINE", "later", step=None, log="log")
    assert not store.files
    made.failed("BAD_REQUEST", "there is no language 'xx'", step="1--bung-1", log="log")
    assert store.files == {"refused/error.marker": (GOLDEN / "refused" / "error.marker").read_bytes()}


def test_the_codec_reads_the_golden_markers() -> None:
    """Both markers decode to what they say, and writing them again gives the same bytes, in ASCII for old readers."""
    done_bytes = (GOLDEN / "answered" / "done.marker").read_bytes()
    error_bytes = (GOLDEN / "refused" / "error.marker").read_bytes()
    done, failure = codec.decode_plain_done(done_bytes), codec.decode_plain_failure(error_bytes)
    assert (done.steps_generated, done.total_duration) == (2, 1.5)
    assert failure.step == "Übung 1"
    assert (codec.encode(done), codec.encode(failure)) == (done_bytes, error_bytes)
    assert done_bytes.isascii()
    assert error_bytes.isascii()


def test_a_real_answer_has_the_form_of_the_golden_one(tmp_path: Path) -> None:
    """What does not depend on the engine is the same: the marker's keys and types, the clips' names and format."""
    drop = make_drop(tmp_path / "drop")
    old_dispatcher.submit(drop, "answered", SPEC)
    with worker(drop, "--once") as process:
        process.wait(60)
    golden = json.loads((GOLDEN / "answered" / "done.marker").read_bytes())
    told = json.loads((drop / "answered" / "done.marker").read_bytes())
    known = {key: type(value) for key, value in told.items() if key in golden}  # engines may tell more
    assert list(known.items()) == [(key, type(value)) for key, value in golden.items()]
    facts = json.loads((GOLDEN / "answered" / "clips.json").read_bytes())
    for name in facts["names"]:
        clip = drop / "answered" / "audio" / name
        found = soundfile.info(clip)
        assert check_wav(clip) > 0.3
        assert {"format": found.format, "subtype": found.subtype} == {key: facts[key] for key in ("format", "subtype")}
        assert (found.samplerate, found.channels) == (facts["rate"], facts["channels"])
    assert sorted(path.name for path in (drop / "answered" / "audio").iterdir()) == sorted(facts["names"])


@pytest.mark.parametrize("odd", [None, 7, "text", [1], [{"id": None}], [{}]])
def test_nonsense_is_left_to_the_kinds_own_check(odd: object) -> None:
    """Understanding a request never raises, whatever its steps are."""
    assert "extra" not in understand({"steps": odd, "extra": 1}).params


def test_someone_elses_clips_are_never_replaced(tmp_path: Path) -> None:
    """When `audio/` appeared while we worked, the attempt is released and nothing of the other's is touched."""
    made, store = publisher(tmp_path, "answered")
    store.make_folder("answered/audio")
    with pytest.raises(JobFailed, match="another worker") as failed:
        made.done(ENGINE, SUMMARY, "log")
    assert failed.value.code == "RELEASED"
    assert not store.files

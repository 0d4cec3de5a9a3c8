"""Plain requests that no worker can serve are answered with a sentence, named by doctor, and leave nothing behind."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from dispatcher.config import Settings
from dispatcher.doctor.place import examine_place
from protocol.transports import open_drop
from tests.support.drops import make_drop, wait_for, worker

STEPS = [{"id": "one", "narration": "Hello."}]
SPEECH = {"voice": "default", "speed": 1.0, "language": "en-us", "steps": STEPS}
OPERATIONS = {"input_files": ["a.mp4"], "operations": [{"type": "scale"}], "output_format": "mp4"}

REFUSED = {
    "a list": ("tour-1", [SPEECH], "must hold one JSON object"),
    "no steps": ("tour-2", {"voice": "default", "text": "Hello."}, "has no `steps`"),
    "nothing": ("tour-3", {}, "has no `steps`"),
    "a blank in its name": ("my tour", SPEECH, "folder name 'my tour' cannot be used"),
    "a long name": ("tour-" + "x" * 60, SPEECH, "at most 40 letters"),
    "steps that are none": ("tour-4", {**SPEECH, "steps": "Hello."}, "Steps must be a list, not 'Hello.'."),
    "a number as text": ("tour-5", {**SPEECH, "steps": [{"id": "a", "narration": 7}]}, "narration of step 1 must be"),
    "no narration": ("tour-6", {**SPEECH, "steps": [{"id": "a"}]}, "The narration of step 1 is missing."),
}


def ask(drop: Path, job: str, request: object) -> Path:
    """Write a request as old dispatchers do; return the job's folder."""
    folder = drop / job
    folder.mkdir()
    (folder / "request.json").write_text(json.dumps(request))
    return folder


def test_what_cannot_be_served_is_told_so(tmp_path: Path) -> None:
    """Each gets an error.marker of one or two sentences, which no reader has to know pydantic for."""
    drop = make_drop(tmp_path / "drop")
    folders = {what: ask(drop, job, request) for what, (job, request, _) in REFUSED.items()}
    with worker(drop, "--beat", "0.2"):
        for folder in folders.values():
            wait_for((folder / "error.marker").exists, 60)
    for what, (_, _, words) in REFUSED.items():
        told = json.loads((folders[what] / "error.marker").read_text())
        assert told["status"] == "error"
        assert words in told["error"], what
        assert told["error"][0].isupper() or told["error"].startswith("request.json"), what
        assert told["error"].endswith("."), what
        assert "validation" not in told["error"].lower()
        assert "Input should" not in told["error"]


def test_old_video_work_is_refused_once_nobody_else_does_it(tmp_path: Path) -> None:
    """An operations job is left to an old worker as long as its folder changes, and then answered."""
    drop = make_drop(tmp_path / "drop")
    folder = ask(drop, "encode-1", OPERATIONS)
    with worker(drop, "--beat", "0.5"):
        for n in range(3):  # somebody is at it
            time.sleep(1.0)
            (folder / f"part-{n}.mp4").write_bytes(b"x")
            assert not (folder / "error.marker").exists()
        wait_for((folder / "error.marker").exists, 60)
    assert "gpudrop encode" in json.loads((folder / "error.marker").read_text())["error"]


def test_copies_of_sync_tools_and_full_requests_are_left_alone(tmp_path: Path) -> None:
    """A folder that a sync tool has copied, a request on its way, and one of another dispatcher get no marker."""
    drop = make_drop(tmp_path / "drop")
    copied = ask(drop, "tour-1 (1)", SPEECH)
    full = ask(drop, "my full job", {**SPEECH, "job": {"v": 1}})
    torn = drop / "torn one"
    torn.mkdir()
    (torn / "request.json").write_text(json.dumps(SPEECH)[:40])
    refused = ask(drop, "a job", SPEECH)
    with worker(drop, "--beat", "0.2"):
        wait_for((refused / "error.marker").exists, 60)
    assert [sorted(it.name for it in folder.iterdir()) for folder in (copied, full, torn)] == [["request.json"]] * 3


def test_a_plain_answer_leaves_no_other_marker(tmp_path: Path) -> None:
    """Beside done.marker there is no error.marker of an attempt, also after the worker has looked again and ended."""
    drop = make_drop(tmp_path / "drop")
    good, bad = ask(drop, "tour-1", SPEECH), ask(drop, "tour-2", {**SPEECH, "speed": 9})
    with worker(drop, "--beat", "0.2"):
        wait_for((good / "done.marker").exists)
        wait_for((bad / "error.marker").exists)
        time.sleep(2)
    assert [it.name for it in good.glob("*error.marker")] == []
    assert [it.name for it in bad.glob("*error.marker")] == ["error.marker"]


@pytest.mark.parametrize("what", [*REFUSED, "torn"])
def test_doctor_names_what_gets_no_answer(tmp_path: Path, what: str) -> None:
    """Without a worker nobody has told its writer: doctor does, with the folder and the reason."""
    job, request, words = REFUSED.get(what, ("torn", SPEECH, "is torn or still arriving"))
    if what in ("steps that are none", "a number as text", "no narration"):
        pytest.skip("a worker would answer it")
    drop = make_drop(tmp_path / "drop")
    folder = ask(drop, job, request)
    if what == "torn":
        (folder / "request.json").write_text(json.dumps(SPEECH)[:40])
    ask(drop, "fine", SPEECH)
    settings = Settings(data_dir=tmp_path / "data", config_dir=tmp_path / "config", home=tmp_path)
    found = [it for it in examine_place(drop, settings, open_drop(drop)) if it.check == "requests"]
    assert len(found) == 1
    assert job in found[0].said
    assert words in found[0].said
    assert found[0].hint
    (folder / "error.marker").write_text('{"status": "error", "error": "told"}')
    if what != "torn":
        assert not [it for it in examine_place(drop, settings, open_drop(drop)) if it.check == "requests"]

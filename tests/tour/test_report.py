"""The report beside the video."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dispatcher.tour.actions.assertions import AssertionResult
from dispatcher.tour.output.report import StepReport, TourReport, write
from protocol.errors import EnvironmentNotReady

STEP = StepReport(
    id="a",
    title="A",
    narration="Grüße.",
    narration_seconds=1.25,
    capture_seconds=1.75,
    start=0.0,
    engine="espeak",
    retries=1,
    assertions=(AssertionResult(type="url_contains", expected="lab", ok=True),),
)
REPORT = TourReport(
    spec="tour.json",
    title="T",
    video="tour.mp4",
    captions=("tour.srt", "tour.vtt"),
    seconds=1.75,
    engine="espeak",
    warnings=("spoken by another voice",),
    versions={"gpudrop": "0"},
    steps=(STEP,),
)


def test_what_a_report_holds(tmp_path: Path) -> None:
    """The names and shapes that scripts read."""
    write(tmp_path / "report.json", REPORT)
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert "Grüße" in text
    assert json.loads(text) == {
        "spec": "tour.json",
        "title": "T",
        "video": "tour.mp4",
        "captions": ["tour.srt", "tour.vtt"],
        "seconds": 1.75,
        "engine": "espeak",
        "warnings": ["spoken by another voice"],
        "versions": {"gpudrop": "0"},
        "steps": [
            {
                "id": "a",
                "title": "A",
                "narration": "Grüße.",
                "narration_seconds": 1.25,
                "capture_seconds": 1.75,
                "start": 0.0,
                "engine": "espeak",
                "retries": 1,
                "assertions": [{"type": "url_contains", "expected": "lab", "ok": True}],
            }
        ],
    }


def test_a_new_report_takes_the_place_of_the_old(tmp_path: Path) -> None:
    """One file is left, the new one."""
    write(tmp_path / "report.json", REPORT)
    write(tmp_path / "report.json", replace(REPORT, title="New"))
    assert json.loads((tmp_path / "report.json").read_text())["title"] == "New"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_the_old_report_stays_if_the_new_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure between writing and renaming leaves the old report whole and nothing beside it."""
    write(tmp_path / "report.json", REPORT)

    def fail(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(EnvironmentNotReady, match=r"report\.json cannot be written: No space"):
        write(tmp_path / "report.json", replace(REPORT, title="New"))
    assert json.loads((tmp_path / "report.json").read_text())["title"] == "T"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The report that could not be written is named."""
    with pytest.raises(EnvironmentNotReady, match=r"gone/report\.json"):
        write(tmp_path / "gone" / "report.json", REPORT)


def test_no_number_that_json_lacks(tmp_path: Path) -> None:
    """A NaN would make the report unreadable: it is our own fault and not written."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(tmp_path / "report.json", replace(REPORT, seconds=float("nan")))
    assert list(tmp_path.iterdir()) == []

"""The schema for editors: it takes what is valid, refuses what is misspelt, and is the one that is committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.tour.spec.action_types import ACTIONS, ASSERTIONS
from dispatcher.tour.spec.json_schema import schema
from dispatcher.tour.spec.loading import load
from dispatcher.tour.spec.slide_models import SLIDES
from tests.support.drops import ROOT
from tests.support.specs import demo, slides, whole
from tests.tour.test_spec import FULL, step

EXAMPLES = sorted(path for path in (ROOT / "examples").rglob("*.json") if "narration" in path.read_text())
VALIDATOR = jsonschema.Draft202012Validator(schema())


def refused(content: Any) -> list[str]:
    """Return the problems that an editor would show."""
    return [error.message for error in VALIDATOR.iter_errors(content)]


def test_the_schema_is_a_schema() -> None:
    """It is what JSON Schema allows, and names every action, assertion and slide that there is."""
    made = schema()
    jsonschema.Draft202012Validator.check_schema(made)
    named = {
        each["properties"]["type"]["const"] for each in made["$defs"].values() if "type" in each.get("properties", {})
    }
    assert {*ACTIONS, *ASSERTIONS, *SLIDES, "demo"} <= named


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_example_is_valid(path: Path) -> None:
    """As it is, and with the schema named in it."""
    content = json.loads(path.read_text())
    assert refused(content) == []
    assert refused({"$schema": "../tour.schema.json", **content}) == []


def test_there_are_examples() -> None:
    """The search for them has not gone wrong."""
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize(
    "content",
    [
        FULL,
        whole(slides("a", slides={"range": "1-2"}), demo("b", duration=2), slides("c", slides={"range": {"start": 2}})),
        whole(slides("a", slides={"range": [1, 3], "advance_interval": 2}), slides("b", slides={"range": 2})),
        {"settings": {"viewport": "640x480", "video_size": [640, 480]}, "steps": [step()]},
        {"steps": [step(zoom={"to": "editor", "factor": 2}, scroll={"to": 300})]},
        {"steps": [step(zoom={"center": [10, 20.5]}, scroll={"to": "#a"})]},
        {"steps": [step(actions=[{"type": "highlight_lines", "lines": lines} for lines in ("3-5", [3, 5], 4)])]},
        {"steps": [step(actions=[{"type": "pause", "duration": 1}, {"type": "wait_for_load", "optional": True}])]},
        {"output": {"intro_clip": "a.mp4", "audio_bitrate": 128}, "steps": [step()]},
        {"output": {"outro_clip": {"path": "b.mp4", "title": "B"}}, "steps": [step()]},
        {"output": {"intro_clip": None}, "segments": None, "steps": [step(narration="")]},
    ],
)  # fmt: skip
def test_every_documented_spelling_is_valid(tmp_path: Path, content: Any) -> None:
    """What the schema takes, the recorder takes too."""
    assert refused(content) == []
    (tmp_path / "tour.json").write_text(json.dumps({"$schema": "x", **content}))
    load(tmp_path / "tour.json", is_recorded=False)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"steps": "a"},
        {"stepz": []},
        {"steps": [step(narrations="x")]},
        {"steps": [{"url": "about:blank"}]},
        {"steps": [step(actions=[{"type": "clik"}])]},
        {"steps": [step(actions=[{"type": "pause"}])]},
        {"steps": [step(actions=[{"type": "pause", "seconds": "2"}])]},
        {"steps": [step(actions=[{"type": "click_selector", "selektor": "#a", "selector": "#a"}])]},
        {"steps": [step(zoom={"factor": 9, "to": "full"})]},
        {"settings": {"speech_speed": 3}, "steps": [step()]},
        {"settings": {"viewport": 640}, "steps": [step()]},
        {"output": {"video_crf": 99}, "steps": [step()]},
        whole(demo(type="slide")),
    ],
)
def test_what_is_wrong_is_marked(content: Any) -> None:
    """An unknown key, a missing one, a wrong type and a value out of range are marked while they are written."""
    assert refused(content) != []


def test_the_command_prints_it(tmp_path: Path) -> None:
    """On stdout, or into a file whose name is then on stdout."""
    assert json.loads(CliRunner().invoke(app, ["tour", "schema"]).stdout) == schema()
    ran = CliRunner().invoke(app, ["tour", "schema", "-o", str(tmp_path / "tour.schema.json")])
    assert ran.stdout == f"{tmp_path / 'tour.schema.json'}\n"
    assert json.loads((tmp_path / "tour.schema.json").read_text()) == schema()


def test_the_command_does_not_overwrite_a_file_unless_it_is_told_to(tmp_path: Path) -> None:
    """As `tour import`: the error names the flag, and the file stays as it is."""
    there = tmp_path / "mine.json"
    there.write_text("mine")
    ran = CliRunner().invoke(app, ["tour", "schema", "-o", str(there)])
    assert ran.exit_code != 0
    assert "--force" in str(ran.exception)
    assert there.read_text() == "mine"
    assert CliRunner().invoke(app, ["tour", "schema", "-o", str(there), "--force"]).exit_code == 0
    assert json.loads(there.read_text()) == schema()


def test_the_committed_schema_is_current() -> None:
    """`make reference` was run after the last change of a spec."""
    assert json.loads((ROOT / "docs" / "reference" / "tour.schema.json").read_text()) == schema()


def test_a_schema_must_be_named_by_a_text(tmp_path: Path) -> None:
    """Anything else under $schema is a mistake like any other."""
    assert refused({"$schema": 3, "steps": [step()]}) != []

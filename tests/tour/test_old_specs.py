"""Specs of the old recorder: all of its keys are understood, mean what they meant, and are told once each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.tour.spec import action_models, editor_action_models
from dispatcher.tour.spec.loading import load
from dispatcher.tour.spec.model import Spec
from dispatcher.tour.spec.old_specs import is_old, translate
from dispatcher.tour.spec.slide_models import THEMES
from dispatcher.tour.spec.steps import Zoom
from protocol.errors import SpecError

HERE = Path(__file__).parent / "old_specs"
NAMES = sorted(path.stem for path in HERE.glob("*.json"))

WARNED: dict[str, list[str]] = {
    "waits": [
        "$.settings.f5_ref_audio: is read as ref_audio; it is used only with --tts-backend colab-f5",
        "$.settings.f5_ref_text: is read as ref_text; it is used only with --tts-backend colab-f5",
        "$.settings.f5_nfe_step: is read as nfe_step; it is used only with --tts-backend colab-f5",
        "$.settings.f5_nfe_step: 2 is read as 4, the minimum",
        '$.settings.browser: "firefox" is ignored: Chromium records the tour',
        "$.steps[0].actions[0] (and 7 more): a wait or a click that fails is a warning, as it was in the old recorder",
        "$.steps[0].actions[1].timeout (and 4 more): 30000 is read as milliseconds: write 30, or 30000.0 if seconds "
        "are meant",
    ],
    "editor": [
        "$.steps[0].actions[3].delay: is read as delay_ms",
        "$.steps[0].actions[5].from_line (and 1 more): is read as start",
        "$.steps[0].actions[5].to_line: is read as end",
    ],
    "zoom": ["$.steps[0].zoom (and 5 more): has the old recorder's keys; it is used only with --zoom auto or mobile"],
    "slides": [
        "$.slides.generate: is not needed: slides are rendered on this machine",
        f'$.slides.theme: there is no theme "Chisel": light is used; there are: {", ".join(THEMES)}',
        '$.slides.cache_key: "my talk: first" cannot be a folder name, and is ignored',
        "$.segments[0].slides.advance_interval (and 1 more): 1500 is read as milliseconds: write 1.5, or 1500.0 if "
        "seconds are meant",
        "$.segments[1].actions[0]: in a segment, Enter is pressed only if press_enter is true",
        "$.segments[1].zoom: has the old recorder's keys; it is used only with --zoom auto or mobile",
        "$.segments[1]: has no url and opens http://127.0.0.1:8080, as it did in the old recorder",
        "$.segments[2].duration: 1500 is read as milliseconds: write 1.5, or 1500.0 if seconds are meant",
        "$.segments[3].slides: each slide is shown for 5 s, as it was in the old recorder",
    ],
    "output": [
        "$.settings.f5_nfe_step: is read as nfe_step; it is used only with --tts-backend colab-f5",
        '$.settings.browser: "webkit" is ignored: Chromium records the tour',
        "$.output.video_crf: 22.5 is read as 22",
        '$.output.video_preset: "placebo" is read as "veryslow"',
    ],
    "milliseconds": [
        "$.settings.default_step_timeout: 20000 is read as milliseconds: write 20, or 20000.0 if seconds are meant",
        "$.steps[0].actions[0].timeout (and 1 more): 5000 is read as milliseconds: write 5, or 5000.0 if seconds are "
        "meant",
        "$.steps[0].actions[2].timeout (and 1 more): 999 is read as seconds: write 999.0, or 0.999 if milliseconds "
        "are meant",
        "$.steps[0].actions[7].seconds: 2000 is read as milliseconds: write 2, or 2000.0 if seconds are meant",
        "$.steps[0].actions[8].pause_at_bottom (and 1 more): 1000 is read as milliseconds: write 1, or 1000.0 if "
        "seconds are meant",
    ],
}


def spec(name: str) -> Spec:
    """Return one of the old specs, as we understand it."""
    return load(HERE / f"{name}.json")


def written(folder: Path, content: dict[str, Any]) -> Path:
    """Write a spec."""
    (folder / "tour.json").write_text(json.dumps(content))
    return folder / "tour.json"


def one(folder: Path, action: dict[str, Any], **settings: Any) -> Spec:
    """Return a spec of one step with one action."""
    steps = [{"id": "a", "url": "about:blank", "actions": [action]}]
    return load(written(folder, {"settings": settings, "steps": steps}))


@pytest.mark.parametrize("name", NAMES)
def test_each_translation_is_told_once(name: str) -> None:
    """However often a field stands in a spec, it is one warning: its first place, and what was understood."""
    assert list(spec(name).warnings) == WARNED[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_takes_them(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are, by the command that people have: exit code 0, and the warnings are shown."""
    monkeypatch.setenv("GPUDROP_DATA_DIR", str(tmp_path / "data"))
    for path in HERE.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    ran = CliRunner().invoke(app, ["tour", str(tmp_path / f"{name}.json"), "--dry-run", "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["warnings"][: len(WARNED[name])] == WARNED[name]


def test_waits() -> None:
    """Milliseconds are seconds, states are kept, and a wait or a click that fails does not end the tour."""
    own = spec("waits")
    settings, actions = own.settings, own.steps[0].actions
    assert (settings.browser, settings.ref_audio, settings.ref_text, settings.nfe_step) == (
        "chromium",
        "~/voices/not-there.wav",
        "A short sentence.",
        4,
    )
    assert settings.default_step_timeout == 30
    waits = [action for action in actions if isinstance(action, action_models.WaitForSelector)]
    assert [(wait.state, wait.timeout) for wait in waits] == [
        ("visible", 30.0),
        ("detached", 10.0),
        ("attached", 0.5),
        ("hidden", None),
    ]
    assert actions[0] == action_models.WaitForLoad(type="wait_for_load", timeout=15, optional=True)
    assert actions[5] == action_models.WaitForHidden(
        type="wait_for_hidden", selector="#loading", timeout=10, optional=True
    )
    assert actions[7] == action_models.ClickSelector(
        type="click_selector", selector="#not-there", timeout=0.3, optional=True
    )
    assert [action.type for action in actions if not action.optional] == ["dismiss_popups", "pause"]
    assert own.steps[0].scroll == action_models.Scroll(to=400, speed="normal", pause_at_bottom=0.5)


def test_editors_and_terminals() -> None:
    """Delays stay milliseconds, lines are counted from 1 with both ends, Enter is pressed in steps."""
    actions = spec("editor").steps[0].actions
    typed = [action for action in actions if isinstance(action, action_models.TypeText)]
    assert [(action.delay_ms, action.selector) for action in typed] == [(40, None), (None, None)]
    marked = [action for action in actions if isinstance(action, editor_action_models.HighlightLines)]
    assert [action.span for action in marked] == [(1, 2), (3, 3)]
    commands = [action for action in actions if isinstance(action, editor_action_models.CommandPalette)]
    assert [(action.command, action.submit) for action in commands] == [("Split", True), ("", True)]
    terminal = [action for action in actions if isinstance(action, editor_action_models.TerminalType)]
    assert [action.press_enter for action in terminal] == [True, False]


def test_slides() -> None:
    """Intervals are milliseconds with a default of five seconds; in segments Enter is pressed only where asked for."""
    own = spec("slides")
    assert own.slides is not None
    assert (own.slides.theme, own.slides.cache_key) == (THEMES[0], "deck")
    assert [slide.type for slide in own.slides.content] == ["title", "bullets", "bullets"]
    shows = [step.show for step in own.steps if step.show]
    assert [show.advance_interval for show in shows] == [1.5, 5.0, 0.8]
    demo, other = own.steps[1], own.steps[2]
    assert (demo.url, demo.least_s, other.least_s) == ("http://127.0.0.1:8080", 2, 1.5)
    assert [action.press_enter for action in demo.actions] == [False, True]


def test_zooms() -> None:
    """Places are scaled from a picture of 1920x1080 to the viewport, and times are seconds."""
    assert [step.zoom for step in spec("zoom").steps] == [
        Zoom(to="editor", factor=1.6, seconds=0.8),
        Zoom(to="terminal", factor=4),
        Zoom(to="full", factor=1),
        Zoom(factor=2, center=(240, 405)),
        Zoom(center=(960, 270)),
        Zoom(factor=1.5, center=(480, 270)),
    ]


def test_output() -> None:
    """A rate factor is a whole number, an empty clip is none, and the path may begin at the home folder."""
    output = spec("output").output
    assert (output.video_crf, output.video_preset, output.audio_bitrate) == (22, "veryslow", "192k")
    assert (output.intro_clip, output.outro_clip) == (None, None)
    assert spec("output").output_path().parent == Path.home()


def test_milliseconds_in_a_spec_of_ours() -> None:
    """A whole number of 1000 or more is milliseconds, a smaller one and any fraction seconds; nothing is forgiven."""
    own = spec("milliseconds")
    actions = own.steps[0].actions
    assert own.settings.default_step_timeout == 20
    assert [action.timeout for action in actions[:7]] == [5, 3, 999, 100, 99, 1200, 300]
    assert (actions[7].seconds, actions[8].pause_at_bottom) == (2, 1)
    assert own.steps[0].scroll is not None
    assert own.steps[0].scroll.pause_at_bottom == 1.5
    assert not any(getattr(action, "optional", False) for action in actions)


def test_small_milliseconds_of_an_old_spec(tmp_path: Path) -> None:
    """Where the old recorder took milliseconds, 500 is half a second in its specs and 500 seconds in ours."""
    action = {"type": "click_selector", "selector": "#a", "timeout": 500}
    assert one(tmp_path, action, f5_nfe_step=32).steps[0].actions[0].timeout == 0.5
    assert one(tmp_path, action).steps[0].actions[0].timeout == 500
    assert one(tmp_path, {**action, "timeout": 30}, f5_nfe_step=32).steps[0].actions[0].timeout == 30


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_says_that_a_spec_is_ours(name: str) -> None:
    """With $schema nothing is treated as old: no default of the old recorder is put in, although its keys are read."""
    raw = json.loads((HERE / f"{name}.json").read_text())
    assert is_old(raw) == (name != "milliseconds")
    own = translate({"$schema": "tour.schema.json", **raw})
    assert "old recorder" not in " ".join(warning for warning in own.warnings if "zoom" not in warning)


def test_a_spec_of_ours_is_left_alone(tmp_path: Path) -> None:
    """Nothing is told of it, and what was read is what is validated."""
    raw = {"settings": {"default_step_timeout": 20}, "steps": [{"id": "a", "url": "about:blank"}]}
    assert translate(raw).spec == raw
    assert load(written(tmp_path, raw)).warnings == ()


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ({"type": "type_text", "text": "a", "delay": "40"}, "actions[0].delay: must be a number"),
        ({"type": "type_text", "text": "a", "delay": 5000}, "actions[0].delay: must be at most 2000"),
        ({"type": "highlight_lines", "from_line": 0}, "actions[0].from_line: must be at least 1"),
        ({"type": "highlight_lines", "from_line": 5, "to_line": 3}, "actions[0]: has an end"),
        ({"type": "wait_for_selector", "selector": "a", "state": "gone"}, "actions[0].state: must be 'visible'"),
        ({"type": "wait_for_selector", "selector": "a", "timeout": True}, "actions[0].timeout: must be a number"),
        ({"type": "wait_for_selector", "selector": "a", "timeout": -1000}, "actions[0].timeout: must be more than 0"),
        ({"type": "wait_for_selector", "selector": "a", "timeout": 9_000_000}, "must be at most 3600"),
        ({"type": "click_selector", "selector": "a", "optional": 1}, "actions[0].optional: must be true or false"),
    ],
)
def test_what_is_wrong_is_named_as_it_was_written(tmp_path: Path, action: dict[str, Any], said: str) -> None:
    """The place of a problem is the one in the file, also where the field has another name with us."""
    with pytest.raises(SpecError) as caught:
        one(tmp_path, action)
    assert said in caught.value.problems[0]


@pytest.mark.parametrize(
    ("zoom", "said"),
    [
        ({}, "zoom: must name a place"),
        ({"factor": 2}, "zoom: must name a place"),
        ({"to": "editor", "factor": 0.5}, "zoom.factor: must be at least 1"),
        ({"to": "editor", "factor": 5}, "zoom.factor: must be at most 4"),
        ({"to": ""}, "zoom.to: must have at least 1"),
        ({"center": [1]}, "zoom.center[1]: is missing"),
        ({"center": [-1, 2]}, "zoom.center[0]: must be at least 0"),
        ({"to": "full", "seconds": 11}, "zoom.seconds: must be at most 10"),
        ({"to": "full", "seconds": -1}, "zoom.seconds: must be at least 0"),
        ({"tow": "full"}, "zoom.tow: is not a known key; did you mean 'to'"),
        ({"focus": 3}, "zoom.focus: must be text"),
        ({"z": "2", "cx": 1}, "zoom.z: must be a number"),
        ({"cx": "left"}, "zoom.cx: must be a number"),
        ("editor", "zoom: must be an object"),
    ],
)
def test_a_wrong_zoom(tmp_path: Path, zoom: Any, said: str) -> None:
    """Where the camera should look is checked like everything else, in our words and in the old ones."""
    with pytest.raises(SpecError) as caught:
        load(written(tmp_path, {"steps": [{"id": "a", "url": "about:blank", "zoom": zoom}]}))
    assert said in caught.value.problems[0]


def test_both_names_of_a_field(tmp_path: Path) -> None:
    """Ours counts, and that the old one does not is told."""
    own = one(tmp_path, {"type": "type_text", "text": "a", "delay": 10, "delay_ms": 20})
    assert own.steps[0].actions[0].delay_ms == 20
    assert own.warnings == ("$.steps[0].actions[0].delay: is ignored: delay_ms is also there",)


def test_an_unknown_key_is_still_an_error(tmp_path: Path) -> None:
    """What only one of the recorders would have ignored is a mistake, with a suggestion."""
    with pytest.raises(SpecError, match="did you mean 'ref_text'"):
        one(tmp_path, {"type": "wait_for_load"}, f5_nfe_step=32, f5_reftext="x")

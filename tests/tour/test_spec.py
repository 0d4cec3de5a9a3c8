"""A tour's spec: what a good one means, and every way in which one is wrong, named with its place and its hint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dispatcher.tour.spec import action_models, action_types, editor_action_models
from dispatcher.tour.spec.loading import load
from dispatcher.tour.spec.model import Spec
from dispatcher.tour.spec.settings import SpecSettings
from protocol.errors import NotFoundError, SpecError, UsageError

URL = "http://127.0.0.1:8888/lab"


def step(name: str = "one", **more: Any) -> dict[str, Any]:
    """Return a good step with these keys added."""
    return {"id": name, "url": URL, "narration": "Hello.", **more}


def write(folder: Path, content: Any) -> Path:
    """Write a spec: bytes as they are, text as UTF-8, anything else as JSON."""
    path = folder / "tour.json"
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content)).encode()
    path.write_bytes(content)
    return path


def problems(folder: Path, content: Any, **options: Any) -> list[str]:
    """Return the problems of a spec that must be refused."""
    with pytest.raises(SpecError) as caught:
        load(write(folder, content), **options)
    assert caught.value.exit_code == 5
    assert caught.value.source.endswith("tour.json")
    return caught.value.problems


def only_problem(folder: Path, content: Any) -> str:
    """Return the one problem of a spec."""
    found = problems(folder, content)
    assert len(found) == 1, found
    return found[0]


def good(folder: Path, content: Any, **options: Any) -> Spec:
    """Return a spec that must be accepted."""
    return load(write(folder, content), **options)


FULL = {
    "meta": {"title": "T", "description": "D", "target_duration_seconds": 60, "max_duration_seconds": 90},
    "settings": {
        "viewport": {"width": 1280, "height": 720},
        "video_size": "1920x1080",
        "voice": "am_michael",
        "speech_speed": 1.1,
        "language": "en-us",
        "default_step_timeout": 20,
        "max_retries_per_step": 0,
        "browser": "chromium",
        "mode": "continuous",
        "preloader_selector": "#spinner",
        "base_url": "http://127.0.0.1:8888",
        "browser_context": {
            "locale": "pt_br",
            "timezone": "Europe/Berlin",
            "color_scheme": "dark",
            "device_scale_factor": 2,
            "mobile": True,
            "headers": {"X-Tenant": "demo", "Authorization": "Bearer ${TOKEN}"},
            "http_credentials": {"username": "ann", "password": "${PASSWORD}"},
            "ignore_https_errors": True,
        },
    },
    "pre_setup": ["true"],
    "steps": [
        {
            "id": "a",
            "url": "/lab",
            "title": "A",
            "narration": "Hello.",
            "actions": [
                {"type": "wait_for_load", "timeout": 3},
                {"type": "wait_for_selector", "selector": "#a"},
                {"type": "wait_for_hidden", "selector": "#a", "timeout": 1.5},
                {"type": "pause", "duration": 2},
                {"type": "scroll", "to": 400, "speed": "fast"},
                {"type": "click_selector", "selector": "#a"},
                {"type": "type_text", "text": "1+1", "clear": True, "delay_ms": 20},
                {"type": "press_key", "key": "Shift+Enter", "times": 2},
                {"type": "dismiss_popups"},
                {"type": "focus_editor", "selector": ".cm-editor", "line": 3, "column": 5},
                {"type": "command_palette", "command": "New Terminal", "key": "F1", "submit": False},
                {"type": "terminal_type", "text": "ls", "press_enter": True, "wait_for": "done", "timeout": 5},
                {"type": "select_all_and_delete", "selector": ".cm-editor"},
                {"type": "highlight_lines", "start": 3, "end": 5, "seconds": 2, "color": "#ff0"},
                {"type": "hide_secondary_sidebar"},
                {"type": "hover", "selector": "#a", "frame": "#inner"},
                {"type": "double_click", "selector": "#a", "frame": ["#outer", "#inner"]},
                {"type": "right_click", "selector": "#a", "timeout": 3},
                {"type": "drag", "selector": "#a", "by": [120, 0]},
                {"type": "select_option", "selector": "#a", "label": "Gift box"},
                {"type": "upload", "selector": "#a", "file": __file__, "drop": True},
                {"type": "dialog", "answer": "accept", "text": "new name", "seconds": 2},
                {"type": "go_back"},
                {"type": "reload", "timeout": 5},
                {"type": "switch_tab", "tab": 1},
                {"type": "close_tab"},
            ],
            "assertions": [
                {"type": "url_contains", "text": "lab"},
                {"type": "title_contains", "value": "Jupyter"},
                {"type": "element_visible", "selector": "#a", "timeout": 2},
            ],
            "scroll": {"to": "bottom", "speed": "slow", "pause_at_bottom": 1},
        },
        {"id": "b", "narration": ""},
    ],
    "output": {"path": "out/film.mp4", "video_codec": "h264", "intro_clip": None, "outro_clip": None},
}


def test_a_spec_with_everything(tmp_path: Path) -> None:
    """Every documented key is taken, and every action and assertion becomes the record of its type."""
    spec = good(tmp_path, FULL)
    first = spec.steps[0]
    assert [type(action) for action in first.actions] == list(action_types.ACTIONS.values())
    assert [type(claim) for claim in first.assertions] == list(action_types.ASSERTIONS.values())
    assert first.actions[3] == action_models.Pause(type="pause", seconds=2)
    assert spec.settings.size == (1920, 1080)
    assert spec.source == tmp_path / "tour.json"
    assert spec.output_path() == tmp_path / "out" / "film.mp4"


def test_defaults(tmp_path: Path) -> None:
    """A spec of one step says how the video is made by leaving everything out."""
    spec = good(tmp_path, {"steps": [{"id": "a", "url": "about:blank"}]})
    settings, output = spec.settings, spec.output
    assert (settings.size, settings.voice, settings.speech_speed, settings.language) == (
        (1280, 720),
        "default",
        1.0,
        "en-us",
    )
    assert (settings.default_step_timeout, settings.max_retries_per_step, settings.mode) == (30, 2, "independent")
    assert (output.video_codec, output.video_crf, output.audio_codec, output.audio_bitrate, output.format) == (
        "libx264",
        20,
        "aac",
        "192k",
        "mp4",
    )
    assert spec.output_path() == tmp_path / "tour.mp4"


def test_a_spec_never_changes(tmp_path: Path) -> None:
    """What was checked stays as it was checked."""
    spec = good(tmp_path, FULL)
    with pytest.raises(ValueError, match="frozen"):
        spec.settings.mode = "independent"
    with pytest.raises(ValueError, match="frozen"):
        spec.steps[0].actions[0].timeout = 9.0


@pytest.mark.parametrize("size", ["640x480", "640 × 480", [640, 480], {"width": 640, "height": 480}])
def test_sizes_have_three_spellings(tmp_path: Path, size: object) -> None:
    """A size is an object, a pair or a text, and the video's is the viewport's unless said otherwise."""
    assert good(tmp_path, {"settings": {"viewport": size}, "steps": [step()]}).settings.size == (640, 480)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ("641x480", "641"),
        ([640, 62], "62"),
        ([4098, 480], "4098"),
        ("big", "is not a size"),
        ([640], "is not a size"),
        ([640.0, 480], "is not a size"),
        ([True, 480], "is not a size"),
        ({"width": 640}, "is not a size"),
        ({"width": 640, "height": 480, "depth": 1}, "is not a size"),
    ],
)
def test_a_size_no_video_can_have(tmp_path: Path, size: object, said: str) -> None:
    """Odd, tiny, huge and misspelt sizes are refused with the spellings or bounds that hold."""
    line = only_problem(tmp_path, {"settings": {"video_size": size}, "steps": [step()]})
    assert line.startswith("$.settings.video_size: ")
    assert said in line


def test_a_missing_file(tmp_path: Path) -> None:
    """A spec that is not there is not found, which is another error than a wrong one."""
    with pytest.raises(NotFoundError, match=r"nowhere\.json does not exist"):
        load(tmp_path / "nowhere.json")


def test_a_folder_is_no_spec(tmp_path: Path) -> None:
    """A folder is named as what cannot be read."""
    with pytest.raises(SpecError, match="cannot be read"):
        load(tmp_path)


def test_not_json(tmp_path: Path) -> None:
    """The line and the column of the first mistake are named."""
    assert "line 2, column 12" in only_problem(tmp_path, '{\n "steps": [,]}')


@pytest.mark.parametrize("text", ["", "  ", "{", '{"steps": []} x'])
def test_torn_json(tmp_path: Path, text: str) -> None:
    """A file that stops too early or goes on too long is not JSON."""
    assert "is not JSON" in only_problem(tmp_path, text)


def test_not_utf8(tmp_path: Path) -> None:
    """Another encoding is named as such, with the hint."""
    assert only_problem(tmp_path, '{"meta": {"title": "é"}}'.encode("latin-1")).endswith("save it as UTF-8")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """What Windows editors put before UTF-8 does not matter."""
    assert good(tmp_path, b"\xef\xbb\xbf" + json.dumps({"steps": [step()]}).encode()).steps[0].id == "one"


@pytest.mark.parametrize("text", ["[]", '"steps"', "3", "null"])
def test_a_spec_is_an_object(tmp_path: Path, text: str) -> None:
    """Any other JSON value is refused."""
    assert only_problem(tmp_path, text).startswith("$: must be an object")


def test_deep_nesting(tmp_path: Path) -> None:
    """A depth bomb is a problem of the spec, not a crash."""
    assert "nested too deeply" in only_problem(tmp_path, '{"steps": ' + "[" * 200_000 + "]" * 200_000 + "}")


def test_duplicate_keys_are_named_where_they_stand(tmp_path: Path) -> None:
    """A duplicate key would silently override the other: each is listed by its path."""
    text = '{"steps": [{"id": "a", "url": "about:blank", "id": "b"}], "meta": {"title": "x", "title": "y"}}'
    assert problems(tmp_path, text) == [
        "$.steps[0].id: duplicate key; keep one of them",
        "$.meta.title: duplicate key; keep one of them",
    ]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 5000])
def test_numbers_beyond_json(tmp_path: Path, number: str) -> None:
    """NaN, Infinity and what becomes it are named once, not once more as out of bounds."""
    text = '{"settings": {"default_step_timeout": 0}, "steps": [{"id": "a", "url": "about:blank"}]}'.replace(
        "0", number
    )
    assert only_problem(tmp_path, text).startswith("$.settings.default_step_timeout: is not a number")


def test_half_a_character(tmp_path: Path) -> None:
    """A lone surrogate could be neither spoken nor written to a report."""
    text = '{"steps": [{"id": "a", "url": "about:blank", "narration": "\\ud83d"}]}'
    assert only_problem(tmp_path, text).startswith("$.steps[0].narration: contains half")


def test_zero_steps(tmp_path: Path) -> None:
    """A tour without a step is no tour."""
    assert only_problem(tmp_path, {"steps": []}) == "$.steps: has no step; add at least one"


def test_no_steps_at_all(tmp_path: Path) -> None:
    """The missing key is named."""
    assert only_problem(tmp_path, {}) == "$.steps: is missing; add it, or segments instead"


def test_500_steps(tmp_path: Path) -> None:
    """Five hundred steps are a long tour, and allowed."""
    assert len(good(tmp_path, {"steps": [step(f"s{n}") for n in range(500)]}).steps) == 500


def test_501_steps(tmp_path: Path) -> None:
    """One more is refused, with the number that was found."""
    line = only_problem(tmp_path, {"steps": [step(f"s{n}") for n in range(501)]})
    assert line == "$.steps: has 501 steps; a tour has at most 500: split it"


def test_a_missing_id(tmp_path: Path) -> None:
    """Each step without an id is named by its number."""
    assert only_problem(tmp_path, {"steps": [step(), {"url": URL}]}) == "$.steps[1].id: is missing; add it"


def test_duplicate_ids(tmp_path: Path) -> None:
    """The second step of a name is named, with the first."""
    line = only_problem(tmp_path, {"steps": [step("a"), step("b"), step("a")]})
    assert line == '$.steps[2].id: "a" is also the id of step 1; ids are file names: choose another'


def test_ids_that_differ_by_case(tmp_path: Path) -> None:
    """Ids name files, and some file systems do not tell case apart."""
    line = only_problem(tmp_path, {"steps": [step("Intro"), step("intro")]})
    assert line.startswith('$.steps[1].id: "intro" differs only in case from "Intro", the id of step 1')


@pytest.mark.parametrize("name", ["", "../a", "a/b", "con", "NUL.txt", "a.", ".a", "é", "a b", "x" * 65])
def test_ids_that_are_no_names(tmp_path: Path, name: str) -> None:
    """An id that could not name a file everywhere is refused."""
    assert only_problem(tmp_path, {"steps": [step(name)]}).startswith("$.steps[0].id: ")


def test_the_longest_id(tmp_path: Path) -> None:
    """Sixty-four characters fit."""
    assert good(tmp_path, {"steps": [step("x" * 64)]})


def test_narration_has_a_length(tmp_path: Path) -> None:
    """50,000 characters are spoken; one more is refused with both numbers."""
    assert good(tmp_path, {"steps": [step(narration="x" * 50_000)]})
    line = only_problem(tmp_path, {"steps": [step(narration="x" * 50_001)]})
    assert line == "$.steps[0].narration: has 50001 characters; shorten it to at most 50000"


def test_an_unknown_action(tmp_path: Path) -> None:
    """The nearest actions there are are offered."""
    line = only_problem(tmp_path, {"steps": [step(actions=[{"type": "wait_for_lod"}])]})
    assert line.startswith("$.steps[0].actions[0]: unknown action \"wait_for_lod\"; did you mean 'wait_for_load'")


def test_an_action_like_no_other(tmp_path: Path) -> None:
    """Where none is near, all are listed."""
    line = only_problem(tmp_path, {"steps": [step(actions=[{"type": "qqq"}])]})
    assert all(name in line for name in action_types.ACTIONS)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ({}, "$.steps[0].actions[0]: has no type; add one of: wait_for_load,"),
        (
            {"type_text": {"text": "a"}},
            '$.steps[0].actions[0]: has no type; write {"type": "type_text", …} instead of {"type_text": …}',
        ),
        ("pause", '$.steps[0].actions[0]: must be an object with a type, not "pause"'),
        ({"type": 3}, "$.steps[0].actions[0]: unknown action 3"),
        ({"type": ["pause"]}, "$.steps[0].actions[0]: unknown action a list"),
        ({"type": "click_selector"}, "$.steps[0].actions[0].selector: is missing; add it"),
        ({"type": "click_selector", "selector": ""}, "$.steps[0].actions[0].selector: must have at least 1"),
        ({"type": "click_selector", "selektor": "#a", "selector": "#a"}, "selektor: is not a known key; did you mean"),
        ({"type": "pause"}, "$.steps[0].actions[0].seconds: is missing; add it"),
        ({"type": "pause", "seconds": "2"}, 'seconds: must be a number, not "2"'),
        ({"type": "pause", "seconds": True}, "seconds: must be a number, not true"),
        ({"type": "pause", "seconds": -1}, "seconds: must be at least 0, not -1"),
        ({"type": "pause", "seconds": 1, "duration": 2}, "duration: is another spelling of 'seconds'"),
        ({"type": "wait_for_load", "timeout": 0}, "timeout: must be more than 0, not 0"),
        ({"type": "press_key", "key": "a", "times": 1.5}, "times: must be a whole number, not 1.5"),
        ({"type": "scroll", "to": True}, '$.steps[0].actions[0].to: must be "bottom"'),
        ({"type": "scroll", "to": {}}, '$.steps[0].actions[0].to: must be {"x": 600}'),
        ({"type": "scroll", "to": {"x": -1}}, "$.steps[0].actions[0].to: must be {"),
        ({"type": "scroll", "to": {"z": 1}}, "$.steps[0].actions[0].to: must be {"),
        ({"type": "scroll", "to": -5}, "$.steps[0].actions[0].to: must be"),
        ({"type": "scroll", "selector": ""}, "$.steps[0].actions[0].selector"),
        ({"type": "scroll", "speed": "warp"}, "speed: must be 'slow', 'normal' or 'fast', not \"warp\""),
        ({"type": "type_text", "text": "a", "clear": "yes"}, "clear: must be true or false"),
        ({"type": "dismiss_popups", "selectors": "#a"}, 'selectors: must be a list, not "#a"'),
    ],
)
def test_a_wrong_action(tmp_path: Path, action: object, said: str) -> None:
    """Each mistake in an action is one line with its place and what would be right."""
    line = only_problem(tmp_path, {"steps": [step(actions=[action])]})
    assert line.startswith("$.steps[0].actions[0]")
    assert said in line


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ({"type": "url_contain", "value": "x"}, "unknown assertion \"url_contain\"; did you mean 'url_contains'"),
        ({"type": "url_contains"}, "value: is missing"),
        ({"type": "url_contains", "value": "a", "text": "b"}, "text: is another spelling of 'value'"),
        ({"type": "element_visible", "selector": "a", "time": 1}, "time: is not a known key; did you mean 'timeout'"),
    ],
)
def test_a_wrong_assertion(tmp_path: Path, claim: object, said: str) -> None:
    """Assertions are checked as strictly as actions."""
    line = only_problem(tmp_path, {"steps": [step(assertions=[claim])]})
    assert line.startswith("$.steps[0].assertions[0]")
    assert said in line


@pytest.mark.parametrize("key", ["value", "text"])
def test_spellings_of_an_expected_text(tmp_path: Path, key: str) -> None:
    """What an assertion expects may be called value or text."""
    spec = good(tmp_path, {"steps": [step(assertions=[{"type": "title_contains", key: "Lab"}])]})
    assert spec.steps[0].assertions == (action_types.TitleContains(type="title_contains", value="Lab"),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"stepz": [], "steps": [step()]}, "$.stepz: is not a known key; did you mean 'steps'?"),
        ({"steps": [step(narrations="x")]}, "$.steps[0].narrations: is not a known key; did you mean 'narration'"),
        ({"settings": {"view_port": "640x480"}, "steps": [step()]}, "did you mean 'viewport'"),
        ({"settings": {"size": 1}, "steps": [step()]}, "did you mean 'video_size'"),
        ({"output": {"crf": 20}, "steps": [step()]}, "$.output.crf: is not a known key"),
        ({"source": "x", "steps": [step()]}, "$.source: is not a known key"),
        ({"a key\n": 1, "steps": [step()]}, '$["a key\\n"]: is not a known key'),
        ({"meta": [], "steps": [step()]}, "$.meta: must be an object, not a list"),
        ({"settings": None, "steps": [step()]}, "$.settings: must be an object, not null"),
        ({"steps": {"id": "a"}}, "$.steps: must be a list, not an object"),
        ({"steps": ["a"]}, '$.steps[0]: must be an object, not "a"'),
        ({"pre_setup": "true", "steps": [step()]}, '$.pre_setup: must be a list, not "true"'),
        ({"settings": {"speech_speed": 2.5}, "steps": [step()]}, "$.settings.speech_speed: must be at most 2, not 2.5"),
        ({"settings": {"mode": "both"}, "steps": [step()]}, "must be 'independent' or 'continuous', not \"both\""),
        ({"output": {"audio_bitrate": "loud"}, "steps": [step()]}, "$.output.audio_bitrate: must be a bit rate"),
        ({"output": {"path": "film.avi"}, "steps": [step()]}, "$.output.path: 'film.avi' does not end in .mp4"),
    ],
)
def test_a_wrong_key_or_type(tmp_path: Path, content: object, said: str) -> None:
    """Unknown keys get the nearest known one, wrong types the right one."""
    assert said in only_problem(tmp_path, content)


@pytest.mark.parametrize(
    ("fields", "span"),
    [
        ({"lines": "3-5"}, (3, 5)),
        ({"lines": [3, 5]}, (3, 5)),
        ({"lines": 4}, (4, 4)),
        ({"start": 3, "end": 5}, (3, 5)),
        ({"from": 3, "to": 5}, (3, 5)),
        ({"line": 4}, (4, 4)),
    ],
)
def test_lines_in_every_spelling(fields: dict[str, Any], span: tuple[int, int]) -> None:
    """However lines are written, the same ones are meant."""
    assert editor_action_models.HighlightLines.model_validate({"type": "highlight_lines", **fields}).span == span


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ({"type": "highlight_lines"}, "actions[0]: must name the lines"),
        ({"type": "highlight_lines", "lines": "3", "start": 3}, "actions[0]: must name the lines in one way"),
        ({"type": "highlight_lines", "lines": "x"}, "actions[0].lines: are not line numbers"),
        ({"type": "highlight_lines", "lines": [5, 3]}, "actions[0].lines: go from 5 to 3"),
        ({"type": "highlight_lines", "start": 5, "end": 3}, "actions[0]: has an end"),
        ({"type": "highlight_lines", "start": 0}, "actions[0].start: must be at least 1"),
        (
            {"type": "highlight_lines", "lines": 1, "colr": "red"},
            "actions[0].colr: is not a known key; did you mean 'color'",
        ),
        ({"type": "focus_editor", "column": 3}, "actions[0]: has a column but no line"),
        ({"type": "focus_editor", "line": "3"}, "actions[0].line: must be a whole number"),
        ({"type": "command_palette"}, "actions[0].command: is missing"),
        ({"type": "terminal_type", "text": 3}, "actions[0].text: must be text"),
        ({"type": "terminal_type", "text": "a", "command": "b"}, "another spelling of 'text'"),
        ({"type": "select_all_and_delete", "selector": ""}, "actions[0].selector: must have at least 1"),
        ({"type": "hide_secondary_sidebar", "timeout": 0}, "actions[0].timeout: must be more than 0"),
    ],
)
def test_a_wrong_field_of_an_editor_action(tmp_path: Path, action: dict[str, Any], said: str) -> None:
    """What is wrong with an action for editors is named by its place, with the hint."""
    assert said in only_problem(tmp_path, {"steps": [step(actions=[action])]})


def test_all_problems_at_once(tmp_path: Path) -> None:
    """One look at the message is enough to mend the whole spec."""
    found = problems(
        tmp_path,
        {
            "meta": {"titel": "x"},
            "settings": {"viewport": "1x1", "speech_speed": 9},
            "steps": [
                {"id": "A", "url": "gone.html", "actions": [{"type": "nope"}, {"type": "pause"}]},
                {"id": "a", "url": URL, "assertions": [{"type": "element_visible"}]},
                {"url": "localhost:8888"},
            ],
        },
    )
    assert [line.split(": ")[0] for line in found] == [
        "$.meta.titel",
        "$.settings.viewport",
        "$.settings.speech_speed",
        "$.steps[0].actions[0]",
        "$.steps[0].actions[1].seconds",
        "$.steps[1].assertions[0].selector",
        "$.steps[2].id",
        "$.steps[1].id",
        "$.steps[0].url",
        "$.steps[2].url",
    ]


def test_the_error_shows_every_line(tmp_path: Path) -> None:
    """The message holds the file and each problem on a line of its own."""
    path = write(tmp_path, {"steps": [{"url": URL}], "x": 1})
    with pytest.raises(SpecError) as caught:
        load(path)
    assert str(caught.value).splitlines()[0] == f"{path}: 2 problem(s)"
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("base", "url", "address"),
    [
        ("http://h:1", "/lab", "http://h:1/lab"),
        ("http://h:1/", "lab?reset", "http://h:1/lab?reset"),
        ("http://h:1/user/me", "/lab#top", "http://h:1/user/me/lab#top"),
        ("http://h:1", "https://other/x", "https://other/x"),
        ("http://h:1", "about:blank", "about:blank"),
    ],
)
def test_addresses_below_a_base(tmp_path: Path, base: str, url: str, address: str) -> None:
    """A relative address continues base_url; a whole one stays."""
    spec = good(tmp_path, {"settings": {"base_url": base}, "steps": [step(url=url)]})
    assert spec.resolve_url(spec.steps[0]) == address


def test_addresses_of_files(tmp_path: Path) -> None:
    """Without a base url, a relative address is the url of a file beside the spec, query and fragment kept."""
    (tmp_path / "a page.html").write_text("<p>")
    spec = good(tmp_path, {"steps": [step(url="a%20page.html?x=1#here"), step("b", url="a page.html")]})
    file = (tmp_path / "a page.html").as_uri()
    assert [spec.resolve_url(each) for each in spec.steps] == [f"{file}?x=1#here", file]


def test_a_relative_address_without_a_base(tmp_path: Path) -> None:
    """No base url and no such file: the hint is named."""
    line = only_problem(tmp_path, {"steps": [step(url="/lab")]})
    assert line == '$.steps[0].url: "/lab" is not a file next to the spec; set settings.base_url or pass --base-url'


def test_a_base_url_that_is_told(tmp_path: Path) -> None:
    """The caller's base url stands in place of the spec's own, and makes relative addresses good."""
    content = {"settings": {"base_url": "http://old"}, "steps": [step(url="lab")]}
    spec = good(tmp_path, content, base_url="http://new:2")
    assert spec.resolve_url(spec.steps[0]) == "http://new:2/lab"
    assert spec.source == tmp_path / "tour.json"


def test_another_base_url_is_another_spec(tmp_path: Path) -> None:
    """`with_base_url` returns a new spec and leaves the old one as it was."""
    spec = good(tmp_path, {"settings": {"base_url": "http://old"}, "steps": [step(url="lab")]})
    assert spec.with_base_url("http://new").settings.base_url == "http://new"
    assert spec.settings.base_url == "http://old"


@pytest.mark.parametrize("base", ["localhost:8888", "lab", "http://", "about:blank", "http://h/?token=x", "ftp://h"])
def test_a_base_url_nothing_can_be_joined_to(tmp_path: Path, base: str) -> None:
    """Told on the command line it is a wrong option, written in the spec a problem of the spec."""
    with pytest.raises(UsageError, match="--base-url"):
        good(tmp_path, {"steps": [step()]}, base_url=base)
    assert only_problem(tmp_path, {"settings": {"base_url": base}, "steps": [step()]}).startswith("$.settings.base_url")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost:8888/lab", "write http://localhost:8888/lab"),
        ("127.0.0.1:8888", "write http://127.0.0.1:8888"),
        ("javascript:alert(1)", "cannot be opened"),
        ("about:config", "cannot be opened"),
        ("http:///lab", "has no host"),
        ("http://h:99999/", "is not a valid address"),
        ("http://[::1", "is not a valid address"),
        ("x" * 5000, "is not a file"),
        ("~nobody/page.html", "is not a file"),
        ("", "must have at least 1"),
    ],
)
def test_an_address_that_leads_nowhere(tmp_path: Path, url: str, said: str) -> None:
    """What can be known of an address without opening it is checked before anything runs."""
    line = only_problem(tmp_path, {"steps": [step(url=url)]})
    assert line.startswith("$.steps[0].url: ")
    assert said in line


def test_steps_without_an_address(tmp_path: Path) -> None:
    """Only later steps of a continuous tour may stay on their page."""
    steps = [{"id": "a"}, {"id": "b"}]
    assert [line.split(":")[0] for line in problems(tmp_path, {"steps": steps})] == ["$.steps[0].url", "$.steps[1].url"]
    settings = {"mode": "continuous"}
    assert only_problem(tmp_path, {"settings": settings, "steps": steps}).startswith("$.steps[0].url: is missing")
    spec = good(tmp_path, {"settings": settings, "steps": [step(), {"id": "b"}]})
    assert spec.resolve_url(spec.steps[1]) is None


@pytest.mark.parametrize(
    ("viewport", "video", "scale"),
    [("640x360", None, 1), ("640x360", "1280x720", 2), ("1280x720", "1920x1080", 2), ("1920x1080", "1280x720", 1)],
)
def test_a_film_larger_than_its_page_is_recorded_larger(viewport: str, video: str | None, scale: int) -> None:
    """A page is recorded with whole pixels for one, at least as many as the video shows."""
    assert SpecSettings.model_validate({"viewport": viewport, "video_size": video}).scale == scale

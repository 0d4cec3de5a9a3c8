"""Recordings of Chrome's DevTools: each type of step becomes what it meant, and what has no equivalent is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dispatcher.cli import app
from dispatcher.tour.browser.selectors import alternatives
from dispatcher.tour.spec.devtools import DevtoolsSpec, spec_of
from dispatcher.tour.spec.importing import import_spec
from dispatcher.tour.spec.loading import load
from protocol.errors import NotFoundError, SpecError, UsageError

SIZE = {"type": "setViewport", "width": 960, "height": 540, "deviceScaleFactor": 1, "isMobile": False}
OPEN = {
    "type": "navigate",
    "url": "http://127.0.0.1:8765/shop.html",
    "assertedEvents": [{"type": "navigation", "url": "http://127.0.0.1:8765/shop.html", "title": "Shop"}],
}
FRAMES = ["iframe >> nth=0", "iframe >> nth=2"]
NONE = {"operator": "==", "count": 0}
ON = {"target": "main", "selectors": [["aria/Add"], ["#add"]]}


def flow(*steps: Any, **more: Any) -> dict[str, Any]:
    """Return a recording that opens a page and does these steps."""
    return {"title": "Buy", "steps": [SIZE, OPEN, *steps], **more}


def made(*steps: Any, **more: Any) -> DevtoolsSpec:
    """Return what such a recording becomes."""
    return spec_of(flow(*steps, **more))


def actions(*steps: Any) -> list[dict[str, Any]]:
    """Return the actions of a recording that has nothing without an equivalent."""
    own = made(*steps)
    assert own.notes == ()
    return [action for step in own.spec["steps"] for action in step["actions"]]


def write(folder: Path, content: Any, name: str = "flow.json") -> Path:
    """Write a file of JSON."""
    (folder / name).write_text(json.dumps(content))
    return folder / name


@pytest.mark.parametrize(
    ("step", "action"),
    [
        ({"type": "click", **ON, "offsetX": 3, "offsetY": 4}, {"type": "click_selector"}),
        ({"type": "click", **ON, "button": "secondary"}, {"type": "right_click"}),
        ({"type": "doubleClick", **ON}, {"type": "double_click"}),
        ({"type": "hover", **ON}, {"type": "hover"}),
        ({"type": "change", **ON, "value": "3"}, {"type": "type_text", "text": "3", "clear": True}),
        ({"type": "click", **ON, "timeout": 5000}, {"type": "click_selector", "timeout": 5}),
        ({"type": "click", **ON, "frame": [0, 2]}, {"type": "click_selector", "frame": FRAMES}),
        ({"type": "waitForElement", **ON}, {"type": "wait_for_selector", "state": "attached"}),
        ({"type": "waitForElement", **ON, "visible": True}, {"type": "wait_for_selector", "state": "visible"}),
        ({"type": "waitForElement", **ON, "visible": False}, {"type": "wait_for_selector", "state": "hidden"}),
        ({"type": "waitForElement", **ON, **NONE}, {"type": "wait_for_selector", "state": "detached"}),
    ],
)  # fmt: skip
def test_steps_on_an_element(step: dict[str, Any], action: dict[str, Any]) -> None:
    """Each becomes one action on the same element."""
    assert actions(step) == [{"selector": "aria/Add || #add", **action}]


@pytest.mark.parametrize(
    ("selectors", "selector"),
    [
        ([["#a"]], "#a"),
        (["#a", "#b"], "#a || #b"),
        ([["aria/Save"], ["text/Save"], ["xpath///*[@id='a']"]], "aria/Save || text=Save || xpath=//*[@id='a']"),
        ([['aria/Save[role="button"]']], 'aria/Save[role="button"]'),
        ([["my-app", "aria/Menu", "li > a"]], "my-app >> aria/Menu >> li > a"),
        ([["#a"], ["pierce/#a"], [], [3], None], "#a"),
    ],
)  # fmt: skip
def test_selectors(selectors: Any, selector: str) -> None:
    """Alternatives stay in their order, each in our words, and what is inside a shadow root comes after its host."""
    [action] = actions({"type": "click", "selectors": selectors})
    assert action["selector"] == selector


def test_many_alternatives_are_cut_to_what_fits() -> None:
    """The first ones are kept."""
    [action] = actions({"type": "click", "selectors": [["#a"], [f"#{'b' * 1990}"], ["#c"]]})
    assert alternatives(action["selector"]) == ["#a", f"#{'b' * 1990}"]


def test_keys() -> None:
    """Keys down and up become presses; modifiers that are held are part of the chord, and repeats are counted."""
    keys = ("Control", "a"), ("Shift",), ("Shift", "Control", "ArrowDown"), ("Enter",), ("Enter",), (" ",)
    steps = []
    for chord in keys:
        steps += [{"type": "keyDown", "target": "main", "key": key} for key in chord]
        steps += [{"type": "keyUp", "target": "main", "key": key} for key in reversed(chord)]
    assert actions(*steps) == [
        {"type": "press_key", "key": "Control+a"},
        {"type": "press_key", "key": "Shift"},
        {"type": "press_key", "key": "Control+Shift+ArrowDown"},
        {"type": "press_key", "key": "Enter", "times": 2},
        {"type": "press_key", "key": "Space"},
    ]


def test_scrolling() -> None:
    """To a position of the page, sideways too, or of a box."""
    box = [["#list"]]
    assert actions(
        {"type": "scroll", "x": 0, "y": 300},
        {"type": "scroll", "x": 40, "y": 0, "selectors": box},
        {"type": "scroll", "y": 12.5, "selectors": box},
    ) == [
        {"type": "scroll", "to": 300},
        {"type": "scroll", "to": {"x": 40, "y": 0}, "selector": "#list"},
        {"type": "scroll", "to": 12.5, "selector": "#list"},
    ]


def test_a_navigation_begins_a_step() -> None:
    """Also one that a click leads to; the step is named by the page, and stays where the click has led."""
    click = {"type": "click", **ON, "assertedEvents": [{"type": "navigation", "url": "http://x/cart", "title": "Cart"}]}
    other = {"type": "navigate", "url": "http://x/help/faq"}
    own = made(click, {"type": "hover", **ON}, other)
    assert [(step["id"], step.get("title"), step.get("url")) for step in own.spec["steps"]] == [
        ("step-01", "Shop", OPEN["url"]),
        ("step-02", "Cart", None),
        ("step-03", "help/faq", "http://x/help/faq"),
    ]
    assert own.spec["settings"] == {"mode": "continuous", "viewport": [960, 540]}
    assert own.spec["meta"] == {"title": "Buy"}


@pytest.mark.parametrize(
    ("expression", "assertion"),
    [
        ("document.title==='Cart'", {"type": "title_contains", "value": "Cart"}),
        ('document.title == "Cart";', {"type": "title_contains", "value": "Cart"}),
        ("location.pathname === '/cart'", {"type": "url_contains", "value": "/cart"}),
        ("window.location.href.includes('cart')", {"type": "url_contains", "value": "cart"}),
    ],
)
def test_expressions_that_are_assertions(expression: str, assertion: dict[str, Any]) -> None:
    """What is said of the title or the address is asserted at the end of the step; the next action is in another."""
    own = made(
        {"type": "click", **ON}, {"type": "waitForExpression", "expression": expression}, {"type": "hover", **ON}
    )
    assert own.notes == ()
    assert [step.get("assertions") for step in own.spec["steps"]] == [[assertion], None]


def test_tabs() -> None:
    """A tab that opens is followed by itself; going back to the first, and closing the other, are actions."""
    popup = {"type": "click", "selectors": [["#b"]], "target": "http://x/popup"}
    assert [action["type"] for action in actions({"type": "click", **ON}, popup, {"type": "click", **ON})] == [
        "click_selector",
        "click_selector",
        "switch_tab",
        "click_selector",
    ]
    closing = {"type": "close", "target": "http://x/popup"}
    assert [action["type"] for action in actions(popup, closing, {"type": "click", **ON})] == [
        "click_selector",
        "close_tab",
        "click_selector",
    ]


def test_the_browser_that_was_recorded() -> None:
    """Density and a phone are kept, times are milliseconds, and sides are made even."""
    size = {
        "type": "setViewport",
        "width": 411,
        "height": 731,
        "deviceScaleFactor": 2,
        "isMobile": True,
        "hasTouch": True,
    }
    own = spec_of({"steps": [size, OPEN], "timeout": 8000})
    assert own.spec["settings"] == {
        "mode": "continuous",
        "viewport": [412, 732],
        "browser_context": {"device_scale_factor": 2, "mobile": True},
        "default_step_timeout": 8,
    }
    assert own.notes == (
        "step 1 (setViewport) is rounded to 412x732: a video has even sides",
        "step 1 (setViewport) has a touch screen: clicks remain mouse clicks",
    )


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"type": "customStep", "name": "x", "parameters": {}}, "step 3 (customStep) has no equivalent"),
        ({"type": "emulateNetworkConditions", "latency": 1}, "step 3 (emulateNetworkConditions) has no equivalent"),
        ({"type": "swipe"}, "step 3 (swipe) has no equivalent"),
        ({"type": ["click"]}, "step 3 (a list) has no equivalent"),
        ({}, "step 3 (null) has no equivalent"),
        ("click", "step 3 (click) has no equivalent"),
        ({"type": "click", "selectors": []}, "step 3 (click) names no element"),
        ({"type": "click"}, "step 3 (click) names no element"),
        ({"type": "click", **ON, "button": "auxiliary"}, "step 3 (click) uses the auxiliary button"),
        ({"type": "doubleClick", **ON, "button": "secondary"}, "step 3 (doubleClick) uses the secondary"),
        ({"type": "change", **ON}, "step 3 (change) has no value"),
        ({"type": "keyDown"}, "step 3 (keyDown) names no key"),
        ({"type": "scroll"}, "step 3 (scroll) names no position"),
        ({"type": "scroll", "y": 10, "frame": [0]}, "step 3 (scroll) scrolls within a frame"),
        ({"type": "navigate"}, "step 3 (navigate) names no address"),
        ({"type": "setViewport", "width": 100}, "step 3 (setViewport) has no size"),
        ({"type": "setViewport", "width": 100, "height": 100}, "step 3 (setViewport) changes the size"),
        ({"type": "close"}, "step 3 (close) is left out: the browser ends with the tour"),
        ({"type": "waitForExpression", "expression": "a()"}, "step 3 (waitForExpression) has an expression that a"),
        ({"type": "waitForExpression"}, "step 3 (waitForExpression) has an expression that a"),
    ],
)
def test_what_has_no_equivalent_is_told(step: Any, said: str) -> None:
    """By its place and type; the rest of the recording is kept."""
    own = made(step, {"type": "hover", **ON})
    assert len(own.notes) == 1
    assert own.notes[0].startswith(said)
    assert [action["type"] for action in own.spec["steps"][0]["actions"]] == ["hover"]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"type": "waitForElement", **ON, "count": 3}, "waits for >= 3 elements: the tour waits for the first one"),
        ({"type": "waitForElement", **ON, "properties": {"a": 1}}, "checks properties or attributes"),
        ({"type": "click", **ON, "deviceType": "touch"}, "is a tap (touch): it becomes a click"),
    ],
)
def test_what_is_kept_in_part_is_told_too(step: dict[str, Any], said: str) -> None:
    """The action is there, and what of it is not asked for."""
    own = made(step)
    assert said in own.notes[0]
    assert len(own.spec["steps"][0]["actions"]) == 1


def test_a_recording_that_opens_no_page(tmp_path: Path) -> None:
    """The first step has an empty page, and that its url must be set is told."""
    own = import_spec(write(tmp_path, {"steps": [{"type": "click", **ON}]}))
    assert own.spec["steps"][0]["url"] == "about:blank"
    assert "set the url of the first step" in own.notes[0]


def run(*arguments: object) -> Result:
    """Run `gpudrop tour import`."""
    return CliRunner().invoke(app, ["tour", "import", *map(str, arguments)])


def test_the_command_writes_a_spec_that_is_valid(tmp_path: Path) -> None:
    """The file is a spec, its path is on stdout, and what is not in it on stderr; nothing is written over."""
    source = write(tmp_path, flow({"type": "click", **ON}, {"type": "customStep"}))
    ran = run(source, "-o", tmp_path / "tour.json")
    assert ran.exit_code == 0, ran.output
    assert ran.stdout == f"{tmp_path / 'tour.json'}\n"
    assert "step 4 (customStep)" in ran.stderr
    assert "1 step from a recording" in ran.stderr
    assert load(tmp_path / "tour.json").steps[0].title == "Shop"
    again = run(source, "-o", tmp_path / "tour.json")
    assert isinstance(again.exception, UsageError)
    assert "--force" in str(again.exception)
    assert run(source, "-o", tmp_path / "tour.json", "--force").exit_code == 0


def test_the_command_prints_a_spec_or_what_it_made(tmp_path: Path) -> None:
    """Without a file the spec itself; with --json a line for programs."""
    source = write(tmp_path, flow({"type": "customStep"}))
    assert json.loads(run(source, "-q").stdout)["steps"][0]["id"] == "step-01"
    told = json.loads(run(source, "-o", tmp_path / "tour.json", "--json").stdout)
    assert (told["steps"], told["spec"]) == (1, str(tmp_path / "tour.json"))
    assert "customStep" in told["warnings"][0]
    assert isinstance(run(source, "--json").exception, UsageError)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"steps": []}, "is a spec already"),
        ({"title": "x"}, "is neither a recording"),
        ([], "must be an object"),
        ({"steps": [{"type": "customStep"}]}, "has nothing that a tour can record"),
        ({"steps": [{"id": "a", "url": "about:blank"}]}, "is a spec already; record it"),
        ({"steps": [{"id": "a"}], "settings": {"f5_nfe_step": 200}}, "nfe_step: must be at most 128"),
    ],
)
def test_what_cannot_be_imported(tmp_path: Path, content: Any, said: str) -> None:
    """It is said what the file is."""
    with pytest.raises(SpecError, match=said):
        import_spec(write(tmp_path, content))


def test_a_missing_file(tmp_path: Path) -> None:
    """It is not found."""
    with pytest.raises(NotFoundError):
        import_spec(tmp_path / "nothing.json")


def test_a_recording_is_no_spec(tmp_path: Path) -> None:
    """Given to the recorder, it is known for what it is, with the command that makes a spec of it."""
    with pytest.raises(SpecError, match=r"gpudrop tour import .*flow\.json -o tour\.json"):
        load(write(tmp_path, flow({"type": "click", **ON})))


def test_an_old_spec_becomes_one_of_ours(tmp_path: Path) -> None:
    """Read again, nothing of it needs a translation; it lies beside the old one, where its paths start."""
    old = Path(__file__).parent / "old_specs"
    for path in old.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for path in sorted(old.glob("*.json")):
        new = tmp_path / f"new-{path.name}"
        assert run(tmp_path / path.name, "-o", new).exit_code == 0
        assert load(new).warnings == ()
        assert load(new).model_dump() == load(tmp_path / path.name).model_dump()
    elsewhere = run(tmp_path / "waits.json", "-o", tmp_path / "deep" / "new.json")
    assert isinstance(elsewhere.exception, UsageError)
    assert "must lie beside" in str(elsewhere.exception)

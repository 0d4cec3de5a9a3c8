"""Segments and slides in a spec: what they mean, and every way in which they are wrong, by place and with the hint."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dispatcher.tour.output import duration
from dispatcher.tour.spec import slide_rules
from dispatcher.tour.spec.loading import load
from dispatcher.tour.spec.model import Spec
from dispatcher.tour.spec.slide_models import SLIDES, bounds
from dispatcher.tour.spec.steps import TAIL_S, DemoSegment, SlidesSegment
from protocol.errors import SpecError
from tests.support.specs import DECK, demo, slides, whole, write

PNG = b"\x89PNG\r\n\x1a\n" + bytes(30)


def good(folder: Path, content: Any) -> Spec:
    """Return a spec that must be accepted."""
    return load(write(folder, content))


def problems(folder: Path, content: Any) -> list[str]:
    """Return the problems of a spec that must be refused."""
    with pytest.raises(SpecError) as caught:
        load(write(folder, content))
    assert caught.value.exit_code == 5
    return caught.value.problems


def only_problem(folder: Path, content: Any) -> str:
    """Return the one problem of a spec."""
    found = problems(folder, content)
    assert len(found) == 1, found
    return found[0]


def deck(*content: Any, **more: Any) -> dict[str, Any]:
    return {"content": list(content), **more}


def test_segments_are_the_steps(tmp_path: Path) -> None:
    """What is written as segments is recorded as steps, in its order, with narration, actions and slides."""
    actions = [{"type": "pause", "seconds": 1}]
    first = slides("a", title="Start", slides={"range": [1, 2], "advance_interval": 4}, duration=12)
    second = demo("b", actions=actions, assertions=[{"type": "url_contains", "value": "blank"}], duration=3)
    spec = good(tmp_path, whole(first, second, slides("c", slides={"range": "3"})))
    talk, app, _ = spec.steps
    assert isinstance(talk, SlidesSegment)
    assert isinstance(app, DemoSegment)
    assert (talk.title, talk.narration, talk.least_s) == ("Start", "Hello.", 12)
    assert talk.show is not None
    assert (talk.show.numbers(DECK["content"]), talk.show.advance_interval) == ((1, 2), 4)
    assert (app.show, app.least_s, len(app.actions), len(app.assertions)) == (None, 3, 1, 1)
    assert spec.slides is not None
    assert (spec.slides.theme, spec.slides.cache_key, len(spec.slides.content)) == ("dark", "talk", 3)
    assert slide_rules.warnings(spec.slides, spec.steps) == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (None, (1, 2, 3)),
        ([1, 3], (1, 2, 3)),
        ([2, 2], (2,)),
        ("2-3", (2, 3)),
        (" 2 – 3 ", (2, 3)),
        ("3", (3,)),
        (2, (2,)),
        ({"start": 1, "end": 2}, (1, 2)),
        ({"start": 2}, (2, 3)),
        ({"end": 2}, (1, 2)),
    ],
)
def test_every_way_to_write_a_range(tmp_path: Path, written: object, meant: tuple[int, ...]) -> None:
    """A range is counted from 1, with its last slide; left out it is the whole deck."""
    spec = good(tmp_path, whole(slides(slides={"range": written})))
    assert spec.steps[0].show is not None
    assert spec.steps[0].show.numbers(DECK["content"]) == meant
    assert bounds(written)[0] == meant[0]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ([0, 2], "has slide 0; slides are counted from 1"),
        (0, "counted from 1"),
        (-1, "counted from 1"),
        ([3, 2], "from 3 back to 2"),
        ("two", "not a range"),
        ("", "not a range"),
        ([1], "not a range"),
        ([1, 2, 3], "not a range"),
        ([1, 2.5], "not a range"),
        (True, "not a range"),
        ({}, "not a range"),
        ({"start": 1, "stop": 2}, "not a range"),
        ({"start": "1"}, "not a range"),
        ([1, 4], "segment 'talk' shows slide 4, but there are only 3"),
        (9, "segment 'talk' shows slide 9, but there are only 3"),
        ({"start": 7}, "segment 'talk' shows slide 7, but there are only 3"),
    ],
)
def test_ranges_that_are_none(tmp_path: Path, written: object, words: str) -> None:
    """A range that cannot be shown is named by its place, with the deck's size where it is beyond."""
    content = whole(demo("x"), slides(slides={"range": written}))
    line = only_problem(tmp_path, content)
    assert line.startswith("$.segments[1].slides.range: ")
    assert words in line


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (whole(demo(), steps=[]), "$.segments: is there in addition to steps; keep one of them"),
        (whole(), "$.segments: has no segment; add at least one"),
        ({}, "$.steps: is missing; add it, or segments instead"),
        ({"segments": None}, "$.steps: is missing; add it, or segments instead"),
        (whole({"id": "a"}), "$.segments[0]: has no type; add one of: demo, slides"),
        (
            whole({"id": "a", "type": "slide"}),
            "$.segments[0]: unknown type of segment \"slide\"; did you mean 'slides'?",
        ),
        (whole({"id": "a", "type": 3}), "$.segments[0]: unknown type of segment 3; there are: demo, slides"),
        (whole(slides(), deck=None), "$.slides: is missing, but talk shows slides: add slides.content"),
        (whole(slides(), deck={"content": []}), "$.slides.content: has no slide; add at least one"),
        (whole(slides(), deck={}), "$.slides.content: is missing; add it"),
        (whole(slides(), deck=7), "$.slides: must be an object, not 7"),
        (whole(slides(url="about:blank")), "$.segments[0].url: needs a page"),
        (whole(slides(actions=[{"type": "pause", "seconds": 1}])), "$.segments[0].actions: needs a page"),
        (whole(demo(slides={"range": 1})), "$.segments[0].slides: is not a known key"),
        (whole(slides(slides={"rang": 1})), "$.segments[0].slides.rang: is not a known key; did you mean 'range'?"),
        (whole(slides(slides={"advance_interval": 0})), "$.segments[0].slides.advance_interval: must be more than 0"),
        (whole(slides(duration=-1)), "$.segments[0].duration: must be more than 0"),
        (whole(demo(duration="3")), "$.segments[0].duration: must be a number"),
        (whole(demo(actions=[{"type": "pause"}])), "$.segments[0].actions[0].seconds: is missing; add it"),
        (whole(demo("a"), slides("A")), '$.segments[1].id: "A" differs only in case from "a", the id of segment 1'),
        (
            whole(slides(), {"id": "b", "type": "demo"}),
            "$.segments[1].url: is missing; the first demo segment must open",
        ),
        (whole(demo("a"), {"id": "b", "type": "demo"}), "$.segments[1].url: is missing; add it, or set settings.mode"),
        (whole(slides(), deck={**DECK, "theme": 3}), "$.slides.theme: must be text, not 3"),
        (whole(slides(), deck={**DECK, "cache_key": "../x"}), "$.slides.cache_key: "),
        (whole(slides(), deck={**DECK, "fonts": 1}), "$.slides.fonts: is not a known key"),
        (
            whole(slides(), deck=deck({"type": "video"})),
            '$.slides.content[0]: unknown type of slide "video"; there are: ',
        ),
        (whole(slides(), deck=deck({"type": 1})), "$.slides.content[0]: unknown type of slide 1"),
        (whole(slides(), deck=deck({"title": " "})), "$.slides.content[0]: has nothing to show"),
        (whole(slides(), deck=deck("words")), "$.slides.content[0]: must be an object"),
        (
            whole(slides(), deck=deck({"title": "a", "bulet_points": []})),
            "$.slides.content[0].bulet_points: is not a known key",
        ),
        (
            whole(slides(), deck=deck({"title": "a", "bullet_points": "b"})),
            "$.slides.content[0].bullet_points: must be a list",
        ),
        (
            whole(slides(), deck=deck({"title": "a", "bullet_points": [1]})),
            "$.slides.content[0].bullet_points[0]: must be text",
        ),
        (whole(slides(), deck=deck({"type": "quote"})), "$.slides.content[0].quote: is missing"),
        (whole(slides(), deck=deck({"type": "code", "code": "x\n" * 61})), "$.slides.content[0].code: has 61 lines"),
        (whole(slides(), deck=deck({"type": "two-column", "left": {}})), "$.slides.content[0].right: is missing"),
        (
            whole(slides(), deck=deck({"title": "x" * 301})),
            "$.slides.content[0].title: has 301 characters; shorten it",
        ),
        (
            whole(slides(), deck=deck(*[{"title": "x"}] * 501)),
            "$.slides.content: has 501 slides; a deck has at most 500",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: Any, line: str) -> None:
    """One mistake is one line, at its place and with its hint."""
    assert line in only_problem(tmp_path, content)


def test_every_mistake_at_once(tmp_path: Path) -> None:
    """A wrong range, a wrong url and a wrong slide are told together, although none could be recorded."""
    content = whole(slides("a", slides={"range": 9}), demo("b", url="nowhere.html"), demo("c", colour=1))
    found = problems(tmp_path, content)
    places = [line.split(": ")[0] for line in found]
    assert sorted(places) == ["$.segments[0].slides.range", "$.segments[1].url", "$.segments[2].colour"]


def test_empty_parts_of_a_page_are_no_mistake(tmp_path: Path) -> None:
    """Generated specs carry empty lists and nulls for what a segment of slides has not."""
    spec = good(tmp_path, whole(slides(url=None, actions=[], assertions=[], scroll=None)))
    assert (spec.steps[0].url, spec.steps[0].actions) == (None, ())
    assert good(tmp_path, whole(slides(url=""))).steps[0].url is None


def test_slides_before_a_demo_that_stays(tmp_path: Path) -> None:
    """In continuous mode slides take no page away: a demo segment without url stays on the one before the slides."""
    content = whole(demo("a"), slides("b"), {"id": "c", "type": "demo"}, settings={"mode": "continuous"})
    assert [good(tmp_path, content).resolve_url(step) for step in good(tmp_path, content).steps] == [
        "about:blank",
        None,
        None,
    ]


def test_slides_that_nobody_sees_are_told(tmp_path: Path) -> None:
    """A deck without use, or a part of one, is no error and not silent."""
    unused = good(tmp_path, whole(demo()))
    assert slide_rules.warnings(unused.slides, unused.steps) == [
        "the spec has slides, but no segment of type slides shows them"
    ]
    half = good(tmp_path, whole(slides(slides={"range": 2})))
    assert slide_rules.warnings(half.slides, half.steps) == ["no segment shows slide(s) 1, 3"]
    steps = good(tmp_path, {"steps": [{"id": "a", "url": "about:blank"}], "slides": DECK})
    assert "no segment" in slide_rules.warnings(steps.slides, steps.steps)[0]


def test_types_by_other_names(tmp_path: Path) -> None:
    """A slide without a type, or by a name that existing specs use, is a slide of bullets."""
    names = [{}, {"type": "content"}, {"type": "bullet_points"}, {"type": "bullets"}]
    spec = good(tmp_path, whole(slides(), deck=deck(*({"title": "x", **name} for name in names))))
    assert spec.slides is not None
    assert {type(slide) for slide in spec.slides.content} == {SLIDES["bullets"]}


@pytest.mark.parametrize(
    ("written", "content", "words"),
    [
        ("no.png", None, "does not exist"),
        ("text.png", b"hello", "is not an image that a browser shows"),
        ("http://127.0.0.1/a.png", None, "is an address; save the image next to the spec"),
        ("x" * 300 + ".png", None, "cannot be read"),
        ("", None, "must have at least 1 character(s)"),
    ],
)
def test_pictures_that_cannot_be_shown(tmp_path: Path, written: str, content: bytes | None, words: str) -> None:
    """A picture is looked at before anything runs."""
    if content is not None:
        (tmp_path / written).write_bytes(content)
    line = only_problem(tmp_path, whole(slides(), deck=deck({"type": "image", "image": written})))
    assert line.startswith("$.slides.content[0].image: ")
    assert words in line


def test_a_picture_is_known_by_what_it_holds(tmp_path: Path) -> None:
    """Its name does not matter; a folder below the spec and the other spelling of the key are fine."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a").write_bytes(PNG)
    assert good(tmp_path, whole(slides(), deck=deck({"type": "image", "path": "pictures/a"}))).slides


def test_500_segments(tmp_path: Path) -> None:
    """Five hundred segments are a long video, and allowed; one more is not."""
    many = [slides(f"s{n}") for n in range(500)]
    assert len(good(tmp_path, whole(*many)).steps) == 500
    assert "$.segments: has 501 segments; a tour has at most 500" in only_problem(tmp_path, whole(*many, slides("x")))


def test_how_long_slides_take_is_foretold(tmp_path: Path) -> None:
    """The slides' times, and a duration, are known before anything is recorded."""
    spec = good(
        tmp_path,
        whole(
            slides("a", slides={"advance_interval": 5}),
            slides("b"),
            slides("c", duration=20),
            demo("d", duration=8),
        ),
    )
    forecast = duration.estimate_from_narration(spec, {"a": 2.0, "b": 9.0, "c": 1.0, "d": 1.0})
    assert forecast.steps == {
        "a": pytest.approx(15 + TAIL_S, abs=0.04),
        "b": pytest.approx(9 + TAIL_S, abs=0.04),
        "c": pytest.approx(20, abs=0.04),
        "d": pytest.approx(8, abs=0.04),
    }


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.floats(-1, 9)
    | st.text(max_size=5)
    | st.sampled_from(["demo", "slides"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "range", "id", "content", "x"]), inner)
    ),
    max_leaves=6,
)


@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ANY, ANY, ANY, ANY)
def test_nothing_that_json_can_say_is_a_crash(tmp_path: Path, show: Any, slide: Any, segment: Any, shown: Any) -> None:
    """Whatever stands where slides and segments should, the answer is a spec or its problems by place."""
    raw = {"segments": [slides(slides=show), segment], "slides": {"content": [{"title": "a"}, slide], "theme": shown}}
    with contextlib.suppress(SpecError):
        load(write(tmp_path, raw))

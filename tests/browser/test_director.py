"""Filming real pages in a real browser: actions, assertions, retries, and what the frames show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dispatcher.tour.director import TAIL_S, Director, Take
from dispatcher.tour.spec import load
from media.frames import read_frame
from protocol.errors import StepFailed

pytestmark = pytest.mark.browser

RED, GREEN = (200, 30, 30), (30, 180, 30)


@pytest.fixture
def film(running: Any, site: str, tmp_path: Path) -> Any:
    """A function that films steps, and returns their takes."""

    def run(*steps: dict[str, Any], seconds: float = 0.0, **settings: Any) -> list[Take]:
        named = [{"id": f"s{n}", "narration": "x", **step} for n, step in enumerate(steps)]
        spec = {"settings": {"viewport": "640x360", "max_retries_per_step": 0, **settings}, "steps": named}
        (tmp_path / "spec.json").write_text(json.dumps(spec))
        read = load(tmp_path / "spec.json", base_url=site)
        director = Director(running, read, tmp_path)
        try:
            return [director.film(step, seconds) for step in read.steps]
        finally:
            director.close()

    return run


def background(take: Take, at: float) -> np.ndarray:
    """Return the colour of the page's lower left corner then."""
    return read_frame(take.path, at)[330:, :60].reshape(-1, 3).mean(axis=0)


def is_near(found: np.ndarray, colour: tuple[int, int, int]) -> bool:
    """Say whether a colour looks like another."""
    return bool(np.abs(found - np.array(colour)).max() < 12)


def test_a_step_lasts_as_long_as_its_narration(film: Any) -> None:
    """max(narration, actions) + 0.5 s, within a frame or two."""
    (take,) = film({"url": "second.html"}, seconds=1.2)
    assert take.seconds == pytest.approx(1.2 + TAIL_S, abs=0.08)


def test_a_step_lasts_as_long_as_its_actions(film: Any) -> None:
    """Actions that take longer than the narration are not cut."""
    (take,) = film({"url": "second.html", "actions": [{"type": "pause", "seconds": 1.5}]}, seconds=0.2)
    assert take.actions_seconds >= 1.5
    assert take.seconds == pytest.approx(take.actions_seconds + TAIL_S, abs=0.08)


def test_takes_begin_and_end_with_their_own_page(film: Any) -> None:
    """No blank frame at the start and none of the page before: the very first frame is the new page."""
    first, second = film(
        {"url": "index.html", "actions": [{"type": "dismiss_popups"}]}, {"url": "second.html"}, seconds=0.5
    )
    assert is_near(background(first, 0.0), RED)
    assert is_near(background(first, first.seconds - 0.02), RED)
    assert is_near(background(second, 0.0), GREEN)
    assert is_near(background(second, second.seconds - 0.02), GREEN)


def test_every_action_does_what_it_says(film: Any) -> None:
    """Clicks, typing, keys, waits and popups on one page, each proved by what the page then shows."""
    film(
        {
            "url": "index.html",
            "actions": [
                {"type": "wait_for_load"},
                {"type": "wait_for_selector", "selector": "#late"},
                {"type": "dismiss_popups"},
                {"type": "click_selector", "selector": "#b"},
            ],
            "assertions": [
                {"type": "element_visible", "selector": "#out:text-is('clicked')"},
                {"type": "element_visible", "selector": "body:not(:has(#cover))"},
            ],
        },
        {
            "actions": [
                {"type": "type_text", "selector": "#i", "text": "héllo", "delay_ms": 5},
                {"type": "press_key", "key": "Enter"},
            ],
            "assertions": [
                {"type": "element_visible", "selector": "#out:text-is('héllo')"},
                {"type": "element_visible", "selector": "body[data-key='Enter']"},
            ],
        },
        {
            "actions": [
                {"type": "click_selector", "selector": "#next"},
                {"type": "wait_for_hidden", "selector": "#gone"},
            ],
            "assertions": [
                {"type": "url_contains", "value": "second.html"},
                {"type": "title_contains", "value": "Second page"},
            ],
        },
        mode="continuous",
    )


def test_scrolling_is_smooth_and_arrives(film: Any) -> None:
    """The page moves in many small steps, to an element, and back to the top."""
    (take,) = film(
        {
            "url": "second.html",
            "actions": [
                {"type": "scroll", "to": "#deep", "speed": "fast"},
                {"type": "scroll", "to": "top", "speed": "fast"},
            ],
        }
    )
    assert take.actions_seconds > 2
    assert len({read_frame(take.path, at).tobytes() for at in np.arange(0, take.seconds, 0.2)}) > 5


def test_the_cursor_is_seen_and_marks_clicks(film: Any) -> None:
    """The cursor is in the first frame, glides to what it clicks, and leaves a ring there for a moment."""
    (take,) = film({"url": "second.html", "actions": [{"type": "click_selector", "selector": "h1"}]}, seconds=0.2)
    first = read_frame(take.path, 0)
    assert (first < 40).all(axis=2).any(), "a black arrow"
    orange = [orange_in(read_frame(take.path, at)) for at in np.arange(0, take.seconds, 0.05)]
    assert orange[0] == 0
    assert max(orange) > 100, "a ring on the green page"
    assert orange[-1] == 0


def orange_in(frame: np.ndarray) -> int:
    """Count the pixels that are more red than the page ever is."""
    return int(((frame[..., 0] > 130) & (frame[..., 2] < 110)).sum())


def test_dialogs_do_not_stop_the_film(film: Any) -> None:
    """A question of the page is dismissed."""
    film(
        {
            "url": "dialog.html",
            "actions": [{"type": "click_selector", "selector": "#ask"}],
            "assertions": [{"type": "title_contains", "value": "answer false"}],
        }
    )


@pytest.mark.parametrize(
    ("step", "named"),
    [
        (
            {"actions": [{"type": "pause", "seconds": 0}, {"type": "click_selector", "selector": "#none"}]},
            "action 1 .*#none",
        ),
        ({"actions": [{"type": "click_selector", "selector": "p >>> ["}]}, r"action 0 \(click_selector"),
        ({"actions": [{"type": "scroll", "to": "#none"}]}, "no element #none"),
        ({"assertions": [{"type": "title_contains", "value": "Nothing like it"}]}, "Nothing like it"),
    ],
    ids=["no such element", "bad selector", "nowhere to scroll", "false assertion"],
)
def test_a_step_that_fails_is_named_and_explained(film: Any, tmp_path: Path, step: dict[str, Any], named: str) -> None:
    """The error names step, action and selector; screenshot, console and trace are kept."""
    with pytest.raises(StepFailed, match=f"step s0: .*{named}"):
        film({"url": "second.html", **step}, default_step_timeout=0.5)
    kept = {path.name: path.stat().st_size for path in (tmp_path / "failures" / "s0").iterdir()}
    assert set(kept) == {"screenshot.png", "console.log", "trace.zip"}
    assert kept["screenshot.png"] > 1000
    assert kept["trace.zip"] > 1000
    assert not list((tmp_path / "takes").iterdir())


def test_a_page_that_never_loads_fails_in_its_time(film: Any) -> None:
    """The step's time limit holds for opening the page too."""
    with pytest.raises(StepFailed, match="opening the page"):
        film({"url": "never.html"}, default_step_timeout=1)


def test_a_failed_step_is_filmed_again_from_the_start(film: Any) -> None:
    """A step that fails at first is done again on its page opened anew, and how often is told."""
    (take,) = film(
        {
            "url": "visits.html",
            "actions": [{"type": "click_selector", "selector": "h1"}],
            "assertions": [{"type": "title_contains", "value": "visit 3"}],
        },
        max_retries_per_step=2,
    )
    assert take.retries == 2


def test_a_continuous_step_is_not_done_twice(film: Any) -> None:
    """What has changed the page is not repeated: the film fails instead of typing everything twice."""
    with pytest.raises(StepFailed, match="#none"):
        film(
            {"url": "index.html", "actions": [{"type": "dismiss_popups"}]},
            {
                "actions": [
                    {"type": "type_text", "selector": "#i", "text": "once", "delay_ms": 1},
                    {"type": "wait_for_selector", "selector": "#none", "timeout": 0.3},
                ]
            },
            mode="continuous",
            max_retries_per_step=5,
        )

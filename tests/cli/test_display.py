"""What is said while one waits: when a line is due, what it holds, and that the documentation knows every reason."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from dispatcher.cli.display import ALIVE_EVERY_S, Display, JsonDisplay, Pace
from dispatcher.jobs.job import Progress, Why
from protocol.states import State

EVENTS = Path(__file__).parent.parent.parent / "docs" / "events.md"
WAITING = Progress(
    run="r", state=State.OFFERED, waited_s=0, why=Why.NO_WORKER_SEEN, text="no worker [was] seen", hint="Start one"
)


def test_news_are_due_at_once_progress_now_and_then_and_life_for_ever() -> None:
    """The first line and every new subject at once; more of the same in its time; silence never for long."""
    pace = Pace(5)
    said = [
        pace.due(subject, done, now)
        for subject, done, now in [
            ("a", 0, 0.0),
            ("a", 0, 6.0),
            ("b", 0, 6.1),
            ("b", 1, 7.0),
            ("b", 2, 11.2),
            ("b", 2, 11.1 + ALIVE_EVERY_S),
            ("b", 2, 11.3 + ALIVE_EVERY_S),
        ]
    ]
    assert said == [True, False, True, False, True, False, True]


def console(*, terminal: bool) -> Console:
    """Return a console that writes to a string."""
    return Console(file=io.StringIO(), force_terminal=terminal, width=100, highlight=False)


def text_of(screen: Console) -> str:
    """Return what a console was told."""
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_plain_lines_hold_the_hint() -> None:
    """A log gets the whole story in one line, however long, and once for each situation."""
    screen = console(terminal=False)
    with Display(console=screen).stage("narration") as stage:
        for _ in range(10):
            stage.job(WAITING)
    assert text_of(screen).splitlines() == [
        "narration …",
        "narration: 0 % no worker [was] seen. Start one (0 s)",
    ]


def test_a_terminal_keeps_the_hint_above_the_line() -> None:
    """What to do stays readable while the line below it changes; brackets are text, not markup."""
    screen = console(terminal=True)
    with Display(console=screen).stage("narration") as stage:
        for _ in range(10):
            stage.job(WAITING)
    assert text_of(screen).count("narration: no worker [was] seen. Start one") == 1


def test_quiet_says_nothing_but_warnings() -> None:
    """`--quiet` leaves only what must not be missed."""
    screen = console(terminal=True)
    display = Display(quiet=True, console=screen)
    with display.stage("narration") as stage:
        stage.job(WAITING)
    display.say("hello")
    assert text_of(screen) == ""
    display.warn("mind this")
    assert "warning: mind this" in text_of(screen)


def test_events_of_a_stage_that_fails() -> None:
    """Each line is one object; a stage that raises is told as failed, and the error passes."""
    stream = io.StringIO()

    def fail() -> None:
        with JsonDisplay(stream).stage("narration") as stage:
            stage.job(WAITING)
            stage.job(WAITING)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(event["event"], event.get("state")) for event in events] == [
        ("stage", "started"),
        ("progress", "offered"),
        ("stage", "failed"),
    ]
    assert (events[1]["why"], events[1]["hint"]) == ("NO_WORKER_SEEN", "Start one")


def test_every_reason_is_documented() -> None:
    """docs/events.md explains each code, and no other."""
    told = [line.split("`")[1] for line in EVENTS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert {word for word in told if word.isupper()} == set(Why)

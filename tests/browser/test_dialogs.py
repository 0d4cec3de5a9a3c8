"""Alerts, confirms and prompts: answered as the spec says, drawn into the video, and warned of when nobody said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.recorder import BrowserRecorder
from protocol.errors import StepFailed
from tests.support.acting import color_at, do, film, is_near, show, try_tour, without_slow
from tests.support.media import read_frame
from tests.support.pages import Site, html

pytestmark = [pytest.mark.browser]
WHITE, BLUE, RED = (255, 255, 255), (11, 87, 208), (200, 20, 20)
ASKS = """<button id=del style='position:absolute;left:20px;top:300px'
  onclick="document.title = confirm('Delete Report.pdf?') ? 'deleted' : 'kept'">Delete</button>"""


@pytest.mark.parametrize(
    ("ask", "answer", "title"),
    [
        ("confirm(1)", {"answer": "accept"}, "true"),
        ("confirm(1)", {}, "true"),
        ("confirm(1)", {"answer": "dismiss"}, "false"),
        ("prompt(1, 'old')", {"text": "new"}, "new"),
        ("prompt(1, 'old')", {"text": ""}, ""),
        ("prompt(1, 'old')", {"answer": "accept"}, "old"),
        ("prompt(1, 'old')", {"answer": "dismiss"}, "null"),
        ("alert(1)", {"answer": "accept"}, "undefined"),
    ],
)
def test_a_dialog_gets_the_answer_of_the_spec(
    context: ActionContext, recorder: BrowserRecorder, site: Site, ask: str, answer: dict[str, Any], title: str
) -> None:
    """The next dialog is answered as the action before it says, and no warning is left."""
    show(context, site, f'<button onclick="document.title=String({ask})">ask</button>')
    do(context, "dialog", **answer)
    do(context, "click_selector", selector="button")
    assert context.page.title() == title
    recorder.answers.end()
    assert recorder.warnings == []


def test_answers_are_given_in_order(context: ActionContext, recorder: BrowserRecorder, site: Site) -> None:
    """Two dialog actions answer the next two dialogs, the first one first; a third dialog is a warning."""
    show(context, site, '<button onclick="document.title=[confirm(1), confirm(2), confirm(3)]">ask</button>')
    do(context, "dialog", answer="dismiss")
    do(context, "dialog", answer="accept")
    do(context, "click_selector", selector="button")
    assert context.page.title() == "false,true,false"
    [warning] = recorder.warnings
    assert "a confirm (3)" in warning
    assert '"type": "dialog"' in warning


def test_an_answer_that_was_not_needed_is_a_warning(
    context: ActionContext, recorder: BrowserRecorder, site: Site
) -> None:
    """A dialog action without a dialog, and a text for a dialog that takes none, are told."""
    show(context, site, '<button onclick="confirm(1)">ask</button>')
    do(context, "dialog", text="x")
    do(context, "click_selector", selector="button")
    do(context, "dialog")
    recorder.answers.end()
    assert "takes no text" in recorder.warnings[0]
    assert "not used" in recorder.warnings[1]


@pytest.mark.films
def test_a_dialog_is_drawn_and_its_button_pressed(tmp_path: Path, site: Site, chromium: Path) -> None:
    """The box is seen over the page while it is open, the pointer goes to its button, and afterwards it is gone."""
    site.pages["/"] = html(ASKS, color="rgb(200,20,20)")
    actions = [{"type": "dialog", "seconds": 1.5}, {"type": "click_selector", "selector": "#del"}]
    steps = [
        {
            "id": "a",
            "url": "/",
            "actions": [*actions, {"type": "pause", "seconds": 0.8}],
            "assertions": [{"type": "title_contains", "value": "deleted"}],
        }
    ]
    [take] = film(tmp_path, site, chromium, steps)
    assert without_slow(take.warnings) == []
    boxed = [n / 10 for n in range(int(take.seconds * 10)) if is_near(color_at(take, n / 10, 320, 24), WHITE)]
    assert boxed
    assert 1.5 < boxed[-1] - boxed[0] < 6
    button = read_frame(take.path, boxed[0] + 0.6)[10:200, 320:560].astype(int)
    assert (abs(button - BLUE).max(axis=2) < 30).sum() > 300  # the OK button
    assert is_near(color_at(take, take.seconds - 0.05, 320, 24), RED)
    arrow = read_frame(take.path, boxed[-1] - 0.1)[10:200, 320:560].sum(axis=2)
    assert (arrow < 120).sum() > 60  # the pointer is over the box now
    there = read_frame(take.path, boxed[-1] - 0.1)[295:335, 20:100].sum(axis=2)
    assert (there < 60).sum() < 60  # and not where it was


@pytest.mark.films
@pytest.mark.parametrize("foreseen", [True, False])
def test_a_dialog_is_drawn_at_once(tmp_path: Path, site: Site, chromium: Path, foreseen: bool) -> None:
    """The box follows the press that opens it as fast as in a browser with a window."""
    press = "<style>button:active{background:rgb(11,87,208)} button{width:200px;height:60px}</style>"
    site.pages["/"] = html(press + ASKS, color="rgb(200,20,20)")
    actions = [{"type": "pause", "seconds": 0.5}, {"type": "click_selector", "selector": "#del"}]
    dialog = [{"type": "dialog", "seconds": 0.5}] if foreseen else []
    [take] = film(tmp_path, site, chromium, [{"id": "a", "url": "/", "actions": dialog + actions}])
    times = [n / 25 for n in range(int(take.seconds * 25))]
    pressed = next(at for at in times if is_near(color_at(take, at, 40, 310), BLUE))
    boxed = next(at for at in times if is_near(color_at(take, at, 320, 24), WHITE))
    assert boxed - pressed < 0.4


@pytest.mark.films
def test_an_unexpected_dialog_is_drawn_and_warned_of(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A dialog that nobody foresaw is dismissed before the viewer's eyes, and the warning names step and action."""
    site.pages["/"] = html(ASKS, color="rgb(200,20,20)")
    click = {"type": "click_selector", "selector": "#del"}
    [take] = film(tmp_path, site, chromium, [{"id": "a", "url": "/", "actions": [click]}])
    [warning] = take.warnings
    assert warning.startswith(
        "step 'a', action 1 (click_selector '#del'): the page opened a confirm (Delete Report.pdf?)"
    )
    assert any(is_near(color_at(take, n / 10, 320, 24), WHITE) for n in range(int(take.seconds * 10)))


@pytest.mark.films
def test_a_dialog_that_opens_late_is_recorded_whole(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A dialog that opens when all actions are done is waited for and seen to its end: the take is longer for it."""
    site.pages["/"] = html("<script>onkeydown=()=>setTimeout(()=>{document.title=confirm(1)},1200)</script>")
    actions = [{"type": "dialog", "seconds": 2.5}, {"type": "press_key", "key": "a"}]
    steps = [
        {"id": "a", "url": "/", "actions": actions},
        {"id": "b", "assertions": [{"type": "title_contains", "value": "true"}]},
    ]
    first, _ = film(tmp_path, site, chromium, steps, mode="continuous")
    assert without_slow(first.warnings) == []
    assert first.seconds > 2.8


def test_a_dialog_while_the_page_opens(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A dialog action at the start of a step answers what opens while its page loads; without one that is a warning."""
    site.pages["/"] = html("<script>document.title = confirm('cookies?')</script>")
    claim = [{"type": "title_contains", "value": "true"}]
    steps = [{"id": "a", "url": "/", "actions": [{"type": "dialog"}], "assertions": claim}]
    [done] = try_tour(tmp_path, site, chromium, steps)
    assert without_slow(done.warnings) == []
    with pytest.raises(StepFailed, match="'false'"):
        try_tour(tmp_path, site, chromium, [{"id": "a", "url": "/", "assertions": claim}])

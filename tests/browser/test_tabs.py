"""New tabs: recorded when they open, left when they close, and reached by number."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.recorder import BrowserRecorder
from protocol.errors import StepFailed
from tests.support.acting import color_at, do, film, is_near, show, without_slow
from tests.support.pages import Site, html

pytestmark = [pytest.mark.browser]
RED, GREEN = (200, 20, 20), (20, 160, 20)
OPENS = "<a id=a target=_blank href='/second' style='position:absolute;left:20px;top:200px'>manual</a>"


@pytest.mark.films
def test_a_new_tab_is_recorded_and_left_when_it_closes(tmp_path: Path, site: Site, chromium: Path) -> None:
    """The video shows the new tab from when it is there, the next step works in it, and closing it returns."""
    site.pages["/"] = html(OPENS, color="rgb(200,20,20)", title="Start")
    close = "<button id=b onclick='window.close()'>close</button>"
    site.pages["/second"] = html(close, color="rgb(20,160,20)", title="Manual")
    steps = [
        {
            "id": "open",
            "url": "/",
            "actions": [{"type": "click_selector", "selector": "#a"}, {"type": "pause", "seconds": 1}],
            "assertions": [{"type": "title_contains", "value": "Manual"}],
        },
        {
            "id": "close",
            "actions": [
                {"type": "pause", "seconds": 0.5},
                {"type": "click_selector", "selector": "#b"},
                {"type": "pause", "seconds": 1},
            ],
            "assertions": [{"type": "title_contains", "value": "Start"}],
        },
    ]
    opened, closed = film(tmp_path, site, chromium, steps, mode="continuous")
    assert is_near(color_at(opened, 0.0, 600, 20), RED)
    assert is_near(color_at(opened, opened.seconds - 0.05, 600, 20), GREEN)
    assert is_near(color_at(closed, 0.0, 600, 20), GREEN)
    assert is_near(color_at(closed, closed.seconds - 0.05, 600, 20), RED)
    assert without_slow(opened.warnings + closed.warnings) == []


@pytest.mark.films
def test_a_step_with_an_address_returns_to_the_first_tab(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A continuous step that names the page of the first tab goes on there, as it was left."""
    site.pages["/"] = html(OPENS + "<input id=i>", title="Start")
    site.pages["/second"] = html(title="Manual")
    steps = [
        {
            "id": "a",
            "url": "/",
            "actions": [
                {"type": "type_text", "selector": "#i", "text": "kept"},
                {"type": "click_selector", "selector": "#a"},
            ],
        },
        {"id": "b", "url": "/", "assertions": [{"type": "title_contains", "value": "Start"}]},
        {"id": "c", "actions": [{"type": "press_key", "key": "Home"}, {"type": "type_text", "text": "2"}]},
    ]
    takes = film(tmp_path, site, chromium, steps, mode="continuous")
    assert len(takes) == 3
    assert site.asked.count("/") == 1


def test_tabs_by_number(context: ActionContext, recorder: BrowserRecorder, site: Site) -> None:
    """Tabs are counted from 1 in the order in which they were opened; one that is closed gives way to its opener."""
    site.pages["/second"] = html("<a id=b target=_blank href='/third'>x</a>", title="Second")
    site.pages["/third"] = html(title="Third")
    show(context, site, OPENS, title="First")
    do(context, "click_selector", selector="#a")
    do(context, "click_selector", selector="#b")
    assert recorder.page.title() == "Third"
    do(context, "switch_tab", tab=1)
    assert recorder.page.title() == "First"
    do(context, "switch_tab", tab=3)
    do(context, "close_tab")
    assert recorder.page.title() == "Second"
    with pytest.raises(StepFailed, match="no tab 3: 2 tabs are open"):
        do(context, "switch_tab", tab=3)
    do(context, "close_tab")
    assert recorder.page.title() == "First"
    with pytest.raises(StepFailed, match="only tab"):
        do(context, "close_tab")


def test_a_wait_sees_a_tab_that_opens_meanwhile(context: ActionContext, recorder: BrowserRecorder, site: Site) -> None:
    """A wait looks in the tab that is in front, also when it came there after the wait began."""
    site.pages["/second"] = html("<p id=late>x</p>")
    show(context, site, "<button onclick=\"setTimeout(() => window.open('/second'), 1200)\">go</button>")
    do(context, "click_selector", selector="button")
    do(context, "wait_for_selector", selector="#late", timeout=20)
    assert recorder.page.url.endswith("/second")


def test_a_small_window_fills_the_picture(context: ActionContext, recorder: BrowserRecorder, site: Site) -> None:
    """A page that opens in a window of its own size gets the viewport's."""
    site.pages["/second"] = html(title="Small")
    show(context, site, "<button onclick=\"window.open('/second', '', 'width=200,height=100')\">go</button>")
    do(context, "click_selector", selector="button")
    assert recorder.page.title() == "Small"
    assert recorder.page.viewport_size == {"width": 640, "height": 360}


def test_back_and_reload(context: ActionContext, site: Site) -> None:
    """The page before comes back, and a page is loaded again; without a page before, that is an error."""
    site.pages["/second"] = html(title="Second")
    show(context, site, "<a id=a href='/second'>next</a><script>document.title = Math.random()</script>")
    first = context.page.title()
    do(context, "reload")
    assert context.page.title() != first
    do(context, "click_selector", selector="#a")
    assert context.page.title() == "Second"
    do(context, "go_back")
    assert context.page.url == site.url + "/"
    do(context, "go_back")  # to the empty page with which the tab began
    with pytest.raises(StepFailed, match="no previous page"):
        do(context, "go_back")

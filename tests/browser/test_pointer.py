"""The mouse as a page sees it: it comes once, in small steps, and presses once, wherever an action needs it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from dispatcher.tour.actions.perform import perform
from dispatcher.tour.actions.pointing import click, glide_to
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.page_load import open_page
from dispatcher.tour.browser.recorder import BrowserRecorder
from dispatcher.tour.spec.action_types import ACTIONS as ACTION_MODELS
from protocol.errors import StepFailed
from tests.support.pages import Site, html
from tests.support.pointer import ONCE, PROBE, check_steps, heard

pytestmark = pytest.mark.browser
SIZE = (1280, 720)


@pytest.fixture
def recorder(browser: Browser) -> Iterator[BrowserRecorder]:
    """Return a recorder of a page as large as a tour's: glides are long there."""
    with BrowserRecorder(browser, SIZE) as made:
        yield made


def show(context: ActionContext, site: Site, body: str) -> None:
    site.pages["/"] = html(PROBE + body)
    open_page(context.page, site.url + "/", 30)


def do(context: ActionContext, kind: str, **fields: Any) -> None:
    perform(context, ACTION_MODELS[kind].model_validate({"type": kind, **fields}))


BUTTON = "<button id=b style='{}' onclick='document.title=\"pressed\"'>Save</button>"
PLAIN = BUTTON.format("position:absolute;left:30px;top:30px")
TARGETS = {
    "plain": PLAIN,
    "far": BUTTON.format("position:absolute;left:1200px;top:5px"),
    "below the fold": "<div style='height:3000px'></div>" + BUTTON.format(""),
    "under a bar": (
        "<header style='position:sticky;top:0;height:90px;background:#234'></header><div style='height:900px'></div>"
        + BUTTON.format("")
        + "<div style='height:2000px'></div><script>scrollTo(0, b.offsetTop - 40)</script>"
    ),
    "in a box": (
        "<div style='height:120px;width:300px;overflow:auto;margin:300px 0'><p style='height:900px;width:900px'></p>"
        + BUTTON.format("margin-left:600px")
        + "</div><div style='height:3000px'></div>"
    ),
    "covered for a while": (
        PLAIN + "<div id=c style='position:fixed;inset:0'></div><script>setTimeout(() => c.remove(), 900)</script>"
    ),
    "disabled for a while": (
        PLAIN.replace("<button", "<button disabled") + "<script>setTimeout(() => b.disabled = false, 900)</script>"
    ),
    "moving on": (
        "<style>@keyframes m{from{left:100px}to{left:900px}}</style>"
        + BUTTON.format("position:absolute;top:60px;width:90px;animation:m 20s linear infinite alternate")
    ),
    "coming to rest": (
        "<style>@keyframes m{from{transform:translateY(700px)}}</style>" + BUTTON.format("animation:m .6s ease-out")
    ),
    "half covered": (
        BUTTON.format("position:absolute;left:30px;top:30px;width:300px;height:60px")
        + "<div style='position:absolute;left:0;top:0;width:250px;height:200px;background:#ccc'></div>"
    ),
}


@pytest.mark.parametrize("body", TARGETS.values(), ids=TARGETS.keys())
def test_a_click_is_one_visit_and_one_press(context: ActionContext, site: Site, body: str) -> None:
    """The element is entered once and pressed once, and the pointer gets there in small steps."""
    show(context, site, body)
    do(context, "click_selector", selector="#b")
    assert context.page.title() == "pressed"
    check_steps(context.page)
    got = heard(context.page, "b")
    assert got["pointerover"] <= (3 if "infinite" in body else 1)  # what moves on may slip away and be caught again
    assert {**got, "pointerover": 1} == ONCE


def test_nothing_is_pressed_or_entered_before_the_arrow_arrives(context: ActionContext, site: Site) -> None:
    """Looking for the place to press moves no mouse: the page hears nothing until the glide, and no press in it."""
    show(context, site, PLAIN)
    glide_to(context, context.visible("#b"), 5000)
    assert heard(context.page, "b") == {**dict.fromkeys(ONCE, 0), "pointerover": 1}
    check_steps(context.page)


WORKS = {
    "type_text": ("<input id=b>", {"selector": "#b", "text": "x"}),
    "dismiss_popups": (
        "<div class=cookie-bar style='position:fixed;right:0;bottom:0'>"
        "<button id=b onclick='setTimeout(() => this.parentNode.remove(), 50)'>Accept all</button></div>",
        {},
    ),
    "focus_editor": ("<textarea id=b rows=9>one\ntwo\nthree</textarea>", {"line": 2}),
}


@pytest.mark.parametrize("kind", WORKS)
def test_every_action_with_the_mouse_moves_it_once(context: ActionContext, site: Site, kind: str) -> None:
    """What types, closes and puts the caret somewhere presses once too, at the end of a glide."""
    body, fields = WORKS[kind]
    show(context, site, body)
    do(context, kind, **fields)
    assert heard(context.page, "b") == ONCE
    check_steps(context.page)


def test_an_element_in_frames_and_shadow_trees(context: ActionContext, site: Site) -> None:
    """One in a frame of a frame, scaled, scrolled away and of another origin, and one in a shadow tree, are pressed."""
    site.pages["/inner"] = html("<div style='height:1500px'></div><button onclick='top.postMessage(1,`*`)'>in</button>")
    other = site.url.replace("127.0.0.1", "localhost")
    site.pages["/outer"] = html(
        f"<iframe src='{other}/inner' style='margin-top:600px;width:500px;height:300px'></iframe>"
    )
    shadow = (
        "<x-b></x-b><script>onmessage=()=>document.title+='framed ';"
        "document.querySelector('x-b').attachShadow({mode:'open'}).innerHTML="
        "'<button id=s onclick=\"document.title+=\\'shadow \\'\"><span>deep</span></button>'</script>"
    )
    show(
        context,
        site,
        f"{shadow}<div style='height:900px'></div>"
        "<iframe src='/outer' style='width:800px;height:700px;border:5px solid;padding:9px;zoom:.7'></iframe>",
    )
    do(context, "click_selector", selector="#s span")
    click(context, context.page.frame_locator("iframe").frame_locator("iframe").locator("button"), 20_000)
    context.page.wait_for_function("document.title.includes('framed')")
    assert "shadow" in context.page.title()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (PLAIN + "<div id=veil style='position:fixed;inset:0'></div>", "covered for .* by <div#veil>"),
        (PLAIN.replace("<button", "<button disabled"), "is disabled"),
        (PLAIN.replace("<button", "<button class=p") + "<style>.p{pointer-events:none}</style>", "accepts no clicks"),
        (BUTTON.format("position:fixed;left:-400px"), "outside the view"),
    ],
)
def test_an_element_that_cannot_be_pressed_says_why(context: ActionContext, site: Site, body: str, said: str) -> None:
    """The reason is told in bounded time, and nothing was pressed."""
    show(context, site, body)
    with pytest.raises(StepFailed, match=said):
        do(context, "click_selector", selector="#b", timeout=1.5)
    assert context.page.evaluate("heard") == {}


def test_a_label_counts_as_its_field(context: ActionContext, site: Site) -> None:
    """A check box that is drawn by its label, as many are, is checked by a press on the label."""
    hidden = "<label style='position:relative'><input id=b type=checkbox style='opacity:.01;width:40px;height:20px'>"
    show(context, site, hidden + "<span style='position:absolute;inset:0;background:#8af'>on</span></label>")
    do(context, "click_selector", selector="#b")
    assert context.page.locator("#b").is_checked()


def test_a_long_way_takes_longer(context: ActionContext, site: Site) -> None:
    """Across a whole large page the pointer is no faster than over a short way."""
    show(context, site, "<p>x")
    context.page.set_viewport_size({"width": 3840, "height": 2160})
    context.pointer.move_to(context.page, 5, 5)
    context.page.evaluate("mouse.length = drawn.length = 0")
    context.pointer.move_to(context.page, 3800, 2100)
    check_steps(context.page)


def test_a_click_that_opens_a_page_waits_for_it(context: ActionContext, site: Site) -> None:
    """The next action finds the page that a link leads to, also where its server takes a second to answer."""
    site.pages["/next"] = html("<p id=there>there")
    show(context, site, "<a href='/next' id=b>go on</a>")

    def answer_late(route: Route) -> None:
        context.page.wait_for_timeout(1000)
        route.continue_()

    context.page.route("**/next", answer_late)
    do(context, "click_selector", selector="#b")
    assert context.page.url.endswith("/next")


def test_a_click_that_opens_no_page_does_not_wait(context: ActionContext, site: Site) -> None:
    """A link that the server answers with nothing at all, and one to a place on the page, are over at once."""
    show(context, site, "<a href='/none' id=b>nothing</a> <a href='#here' id=c>here</a>")
    context.page.route("**/none", lambda route: route.fulfill(status=204))
    began = time.monotonic()
    do(context, "click_selector", selector="#b")
    do(context, "click_selector", selector="#c")
    assert time.monotonic() - began < 15
    assert context.page.url.endswith("/#here")

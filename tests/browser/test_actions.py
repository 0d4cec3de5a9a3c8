"""Every action and assertion on a real page."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.page_load import open_page
from dispatcher.tour.browser.recorder import BrowserRecorder
from dispatcher.tour.spec.action_types import ACTIONS, ASSERTIONS
from dispatcher.tour.spec.action_types import ACTIONS as ACTION_MODELS
from dispatcher.tour.spec.action_types import ASSERTIONS as ASSERTION_MODELS
from protocol.errors import StepFailed
from tests.support.acting import asserted, do, show
from tests.support.pages import Site, html

pytestmark = pytest.mark.browser


def picture(context: ActionContext) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(context.page.screenshot())).convert("RGB")).astype(int)


def test_every_kind_of_the_spec_can_be_done() -> None:
    """The tables of the spec and of the recorder name the same actions and assertions."""
    assert set(ACTIONS) == set(ACTION_MODELS)
    assert set(ASSERTIONS) == set(ASSERTION_MODELS)


def test_click_goes_through_the_arrow(context: ActionContext, site: Site) -> None:
    """A click presses the first visible match, with the pointer at its middle."""
    show(context, site, "<button hidden>A</button><button onclick='document.title=event.clientX'>B</button>")
    do(context, "click_selector", selector="button")
    box = context.page.locator("button").nth(1).bounding_box()
    assert box is not None
    assert context.pointer.at == pytest.approx((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))
    assert abs(float(context.page.title()) - context.pointer.at[0]) <= 1


def test_click_scrolls_to_what_is_out_of_view(context: ActionContext, site: Site) -> None:
    """An element below the fold comes into view before it is clicked."""
    show(context, site, "<div style='height:3000px'></div><button onclick='document.title=1'>far</button>")
    do(context, "click_selector", selector="button")
    assert context.page.title() == "1"
    assert context.page.evaluate("scrollY") > 2000


def test_type_text_types_keys(context: ActionContext, site: Site) -> None:
    """Text arrives letter by letter with key events, new lines as Enter, and replaces what was there if asked to."""
    show(context, site, "<textarea>old</textarea><script>n=0;onkeydown=()=>n++</script>")
    do(context, "type_text", selector="textarea", text="ab\ncd é", clear=True)
    assert context.page.locator("textarea").input_value() == "ab\ncd é"
    assert context.page.evaluate("n") >= 7


def test_long_text_takes_bounded_time(context: ActionContext, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text far too long for its time goes in by pieces, and all of it arrives."""
    monkeypatch.setattr("dispatcher.tour.spec.typing_pace.LONGEST_S", 1.0)
    show(context, site, "<textarea></textarea><script>from=0;oninput=()=>{from||=Date.now();last=Date.now()}</script>")
    text = "word " * 800
    do(context, "type_text", selector="textarea", text=text)
    assert context.page.locator("textarea").input_value() == text
    assert context.page.evaluate("last-from") < 30_000


def test_press_key_times(context: ActionContext, site: Site) -> None:
    """A key is pressed as often as asked, a chord as one."""
    show(context, site, "<script>keys=[];onkeydown=e=>keys.push(e.key)</script>")
    do(context, "press_key", key="ArrowDown", times=3)
    do(context, "press_key", key="Shift+Enter")
    assert context.page.evaluate("keys") == ["ArrowDown"] * 3 + ["Shift", "Enter"]


@pytest.mark.parametrize(("to", "low", "high"), [("bottom", 1640, 1640), (300, 300, 300), ("#mark", 700, 1000)])
def test_scroll_is_smooth(context: ActionContext, site: Site, to: Any, low: int, high: int) -> None:
    """A scroll ends where it should, and never jumps: however few frames there are, its speed stays humane."""
    body = "<div style='height:1000px'></div><p id=mark style='margin:0'>mark</p><div style='height:980px'></div>"
    body += "<script>at=[];onscroll=()=>at.push([performance.now(),scrollY])</script>"
    show(context, site, f"<div style='height:2000px;overflow:hidden'>{body}</div>")
    do(context, "scroll", to=to, speed="fast")
    times, way = np.array(context.page.evaluate("at")).T
    assert low <= way[-1] <= high
    assert list(way) == sorted(way)
    assert len(way) > 3
    # A step is small, or took its time (1.4 pixels a millisecond on the whole, twice that half-way), its own or that of
    # the one before: a busy page hears of a step a frame late.
    took = np.diff(times) + np.diff(times, prepend=times[0])[:-1]
    assert all(np.diff(way) < np.maximum(0.4 * way[-1], 4 * took))


def test_scroll_finds_the_box_that_scrolls(context: ActionContext, site: Site) -> None:
    """An application whose page is fixed scrolls in its largest box, and back to the top."""
    inner = "<div id=box style='height:300px;overflow:auto'><div style='height:900px'>x</div></div>"
    show(context, site, inner)
    do(context, "scroll", to="bottom", speed="fast")
    assert context.page.evaluate("box.scrollTop") == 600
    do(context, "scroll", to="top", speed="fast")
    assert context.page.evaluate("box.scrollTop") == 0


def test_waits(context: ActionContext, site: Site) -> None:
    """The waits end when their condition holds."""
    show(
        context,
        site,
        "<i id=a>a</i><b id=b hidden>b</b><script>setTimeout(()=>{a.remove();b.hidden=false},300)</script>",
    )
    do(context, "wait_for_load")
    do(context, "wait_for_hidden", selector="#a")
    do(context, "wait_for_selector", selector="#b")
    assert context.page.locator("#b").is_visible()
    began = context.page.evaluate("performance.now()")
    do(context, "pause", seconds=0.3)
    assert 290 <= context.page.evaluate("performance.now()") - began < 30_000


def test_dismiss_popups(context: ActionContext, site: Site) -> None:
    """Usual and named popups are closed; that there is none is no error."""
    close = "onclick='this.parentNode.remove()'"
    show(
        context,
        site,
        f"<div class=cookie-bar>x<button {close}>Accept all</button></div><p id=own><a {close}>no</a></p>",
    )
    do(context, "dismiss_popups")
    assert context.page.locator(".cookie-bar").count() == 0
    do(context, "dismiss_popups", selectors=["#own a"])
    assert context.page.locator("#own").count() == 0
    do(context, "dismiss_popups")


def test_a_popup_that_closes_by_itself_is_closed(context: ActionContext, site: Site) -> None:
    """One that is gone when the pointer gets there needs no click; one that stays and cannot be clicked is an error."""
    context = replace(context, patience=2)
    leaves = "<script>addEventListener('mousemove', () => own.remove(), { once: true })</script>"
    show(context, site, f"<a id=own style='position:fixed;top:9px;left:9px'>x</a>{leaves}")
    do(context, "dismiss_popups", selectors=["#own"])
    assert context.page.locator("#own").count() == 0
    covered = "<a id=own style='position:fixed;top:9px'>x</a><div style='position:fixed;inset:0'></div>"
    show(context, site, covered)
    with pytest.raises(StepFailed, match="covered"):
        do(context, "dismiss_popups", selectors=["#own"])


def test_script_dialogs_are_dismissed(context: ActionContext, site: Site, recorder: BrowserRecorder) -> None:
    """A page that asks by a script's dialog gets no for an answer and goes on; the console log says so."""
    show(context, site, "<button onclick='document.title=confirm(\"sure?\")'>ask</button>")
    do(context, "click_selector", selector="button")
    assert context.page.title() == "false"
    assert any("sure?" in line for line in recorder.console)


@pytest.mark.parametrize(
    ("kind", "fields", "said", "retryable"),
    [
        ("wait_for_selector", {"selector": "#none", "timeout": 0.2}, "no element matches '#none' after 0.2 s;", True),
        ("wait_for_hidden", {"selector": "body p", "timeout": 0.2}, "'body p' is still visible after 0.2 s;", True),
        ("click_selector", {"selector": "#none", "timeout": 0.2}, "screenshot", True),
        ("click_selector", {"selector": "#under", "timeout": 3}, "covered", True),
        ("hover", {"selector": "#unseen", "timeout": 0.2}, "no visible element matches '#unseen'", True),
        ("drag", {"selector": "p", "to": "#none", "timeout": 0.2}, "no element matches '#none' after 0.2 s;", True),
        ("hover", {"selector": "p", "frame": "#none", "timeout": 0.2}, "no iframe matches '#none' after 0.2 s;", True),
        ("click_selector", {"selector": "p[["}, r"^the selector 'p\[\[' is not valid; correct it$", False),
        ("click_selector", {"selector": "xpath=//["}, r"^the selector '//\[' is not valid; correct it$", False),
        ("hover", {"selector": "#1a"}, r"^the selector '#1a' is not valid; write an id .* as \[id=\"1a\"\]$", False),
        ("wait_for_selector", {"selector": "nosuch=p"}, "^the selector 'nosuch=p' is not valid; correct it$", False),
        ("press_key", {"key": "Foo"}, "unknown key", False),
    ],
)
def test_an_action_fails_with_a_cure(
    context: ActionContext, site: Site, kind: str, fields: dict[str, Any], said: str, retryable: bool
) -> None:
    """What cannot be done is said in words, in bounded time, and whether trying again may help."""
    cover = "<div style='position:fixed;inset:0'></div>"
    show(context, site, f"<p>text</p><b id=unseen hidden>x</b><button id=under>under</button>{cover}")
    with pytest.raises(StepFailed, match=said) as failed:
        do(context, kind, **fields)
    assert failed.value.retryable is retryable


def test_assertions_hold(context: ActionContext, site: Site) -> None:
    """True assertions, also those that become true a little later, are reported as checked."""
    show(context, site, "<p>x</p><script>setTimeout(()=>document.title='Late',300)</script>")
    assert asserted(context, "url_contains", value="127.0.0.1").ok
    assert asserted(context, "title_contains", value="Late").expected == "a title with 'Late'"
    assert asserted(context, "element_visible", selector="p").ok


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("url_contains", {"value": "elsewhere"}, "it is http://127"),
        ("title_contains", {"value": "Other"}, "it is 'Page'"),
        ("element_visible", {"selector": "#none", "timeout": 0.2}, "it was not visible within 0.2 s"),
    ],
)
def test_assertions_fail(context: ActionContext, site: Site, kind: str, fields: dict[str, Any], said: str) -> None:
    """A false assertion says what was expected and what is there instead."""
    context = replace(context, patience=0.04)
    show(context, site, "<p>x</p>")
    with pytest.raises(StepFailed, match=said):
        asserted(context, kind, **fields)


def dark_near(shot: np.ndarray, x: float, y: float) -> int:
    """Count the dark pixels of a pointer whose tip is at (x, y)."""
    patch = shot[int(y) : int(y) + 28, int(x) : int(x) + 20]
    return int((patch.sum(axis=2) < 150).sum())


def arrow_at(context: ActionContext, x: float, y: float) -> bool:
    """Say whether the pointer comes to be seen with its tip at (x, y)."""
    until = time.monotonic() + 30
    while not (seen := dark_near(picture(context), x, y) > 100) and time.monotonic() < until:
        context.page.wait_for_timeout(50)
    return seen


HALF_WAY = """() => {
  const animate = Element.prototype.animate;
  Element.prototype.animate = function (...how) {
    const made = animate.apply(this, how);
    made.pause();
    made.currentTime = 120;
    return made;
  };
}"""
"""Has every animation of a page stand still where it is well to be seen."""


def test_the_arrow_is_seen_everywhere(context: ActionContext, site: Site) -> None:
    """The pointer is drawn on a page with a strict policy, survives a navigation, and is above a modal dialog."""
    site.headers = {"Content-Security-Policy": "default-src 'none'; require-trusted-types-for 'script'"}
    show(context, site, "<dialog></dialog>", color="#ffffff")
    context.pointer.move_to(context.page, 300, 200)
    assert arrow_at(context, 300, 200)
    open_page(context.page, site.url + "/?again", 30)
    assert arrow_at(context, 300, 200)
    wide = "dialog => { dialog.style.width = '600px'; dialog.style.height = '300px'; dialog.showModal() }"
    context.page.locator("dialog").evaluate(wide)
    assert arrow_at(context, 300, 200)
    context.page.evaluate(HALF_WAY)
    context.page.mouse.down()
    shot = picture(context)
    blue = (shot[180:220, 280:320, 2] - shot[180:220, 280:320, 0]) > 40
    assert blue.sum() > 50


def test_the_arrow_crosses_frames(context: ActionContext, site: Site) -> None:
    """Over a frame of the page, and over one of another origin, the pointer is where the mouse is."""
    frame = "style='position:absolute;border:0;top:100px;width:200px;height:200px;left:{}px' src='{}'"
    site.pages["/frame"] = html(color="#ffffff")
    other = site.url.replace("127.0.0.1", "localhost")
    same_one, other_one = frame.format(50, "/frame"), frame.format(350, other + "/frame")
    show(context, site, f"<iframe {same_one}></iframe><iframe {other_one}></iframe>")
    for x in (120, 450):
        context.pointer.move_to(context.page, x, 200)
        assert arrow_at(context, x, 200)


@dataclass(frozen=True)
class Way:
    """A way of the pointer over 600 pixels: how long it lasted, in how many steps, and the part of its middle 480."""

    lasted_ms: float
    steps: int
    middle: float

    @property
    def is_well_made(self) -> bool:
        """At one speed the middle four fifths of the way would take four fifths of the time."""
        return 350 < self.lasted_ms < 1500 and self.steps > 6 and self.middle < 0.75


def _way(context: ActionContext) -> Way:
    context.pointer.move_to(context.page, 20, 20)
    context.page.evaluate("at=[]")
    context.pointer.move_to(context.page, 620, 20)
    way = np.array(context.page.evaluate("at"))
    assert way[-1, 0] == 620
    lasted = way[-1, 1] - way[0, 1]
    left, came = np.interp(20 + 600 * np.array([0.1, 0.9]), way[:, 0], way[:, 1])
    return Way(lasted, len(way), (came - left) / max(lasted, 1))


def test_the_arrow_moves_slowly(context: ActionContext, site: Site) -> None:
    """A way takes 0.4 to 0.7 s in many steps, slower at both ends than in its middle."""
    # A busy page is told of several steps at once; each of them keeps the time at which it was made.
    each = "for(const m of e.getCoalescedEvents())at.push([m.clientX,m.timeStamp])"
    show(context, site, f"<script>at=[];onpointermove=e=>{{{each}}}</script>")
    until = time.monotonic() + 60
    while not (seen := _way(context)).is_well_made and time.monotonic() < until:
        pass  # the machine stopped something on this way; one that is wrong by itself is so every time
    assert seen.is_well_made, seen

"""Scrolling: to every edge, in boxes of the page, under bars that stay, over snap points, and down an endless feed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatcher.tour.actions.perform import perform
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.page_load import open_page
from dispatcher.tour.spec.action_types import ACTIONS as ACTION_MODELS
from protocol.errors import StepFailed
from tests.support.pages import Site

pytestmark = pytest.mark.browser


def show(context: ActionContext, site: Site, body: str) -> None:
    site.pages["/"] = "<!doctype html><meta charset=utf-8><title>Page</title>" + body
    open_page(context.page, site.url + "/", 30)


def do(context: ActionContext, kind: str, **fields: Any) -> None:
    perform(context, ACTION_MODELS[kind].model_validate({"type": kind, **fields}))


def in_view(context: ActionContext, selector: str) -> bool:
    """Say whether an element is seen whole, in every box around it."""
    seen = """element => new Promise(done => new IntersectionObserver(
        found => done(found[0].intersectionRatio), { threshold: [0, 1] }).observe(element))"""
    return bool(context.page.locator(selector).evaluate(seen) > 0.99)


BOXES = (
    """<style>body{margin:20px;font:18px sans-serif}
#row{display:flex;overflow-x:auto;width:600px}.c{flex:0 0 180px;height:90px;background:#cde;margin:4px}
#panel{height:120px;overflow:auto;border:1px solid #333;width:300px}</style>
<div id=row>"""
    + "".join(f"<div class=c id=c{n}>card {n}</div>" for n in range(1, 7))
    + """</div>
<div id=panel>"""
    + "".join(f"<div id=l{n}>line {n}</div>" for n in range(1, 40))
    + """</div>
<div style='height:900px'></div><p>bottom of the page</p>"""
)


def test_an_element_in_a_box_comes_into_view(context: ActionContext, site: Site) -> None:
    """A card to the right in its row, and a line far down in its panel, are seen after a scroll to them."""
    show(context, site, BOXES)
    for element in ("#c6", "#l39", "#c1", "#l2"):
        do(context, "scroll", to=element, speed="fast")
        assert in_view(context, element), element
    assert context.page.evaluate("[scrollX, scrollY]") == [0, 0], "the page around the box moved without need"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"selector": "#panel", "to": "bottom"}, "panel.scrollTop === panel.scrollHeight - panel.clientHeight"),
        ({"selector": "#panel", "to": 55}, "panel.scrollTop === 55"),
        ({"selector": "#panel", "to": "#l20"}, "panel.scrollTop > 100"),
        ({"selector": "#row", "to": "right"}, "row.scrollLeft === row.scrollWidth - row.clientWidth"),
        ({"selector": "#row", "to": {"x": 200}}, "row.scrollLeft === 200"),
        ({"to": "right"}, "row.scrollLeft > 400"),
        ({"to": {"y": 120}}, "scrollY === 120"),
    ],
)
def test_a_box_is_scrolled_by_name(context: ActionContext, site: Site, fields: dict[str, Any], where: str) -> None:
    """The scroll action names a box, an edge in either direction, or a position; the page around it stays."""
    show(context, site, BOXES)
    do(context, "scroll", speed="fast", **fields)
    assert context.page.evaluate(where)
    if "selector" in fields:
        assert context.page.evaluate("scrollY") == 0


def test_a_box_is_scrolled_back(context: ActionContext, site: Site) -> None:
    """Left and top undo right and bottom, also in a page that is written from right to left."""
    show(context, site, BOXES.replace("<div id=row>", "<div id=row dir=rtl>"))
    for there, back, box, place in (("bottom", "top", "panel", "scrollTop"), ("left", "right", "row", "scrollLeft")):
        do(context, "scroll", selector=f"#{box}", to=there, speed="fast")
        assert abs(context.page.evaluate(f"{box}.{place}")) > 300
        do(context, "scroll", selector=f"#{box}", to=back, speed="fast")
        assert context.page.evaluate(f"{box}.{place}") == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"selector": "#c1", "to": "bottom"}, "does not scroll up or down"),
        ({"selector": "#panel", "to": "right"}, "does not scroll sideways"),
        ({"selector": "#none", "to": "right"}, "no element matches '#none' after 1 s"),
    ],
)
def test_what_does_not_scroll_is_an_error(
    context: ActionContext, site: Site, fields: dict[str, Any], said: str
) -> None:
    """A box that cannot go that way, or is not there, fails the action instead of doing nothing."""
    context = ActionContext(page=context.page, pointer=context.pointer, timeout_s=1)
    show(context, site, BOXES)
    with pytest.raises(StepFailed, match=said):
        do(context, "scroll", **fields)


def test_a_page_without_a_wide_box_says_so(context: ActionContext, site: Site) -> None:
    """To the right of a page that is no wider than the view there is nothing; a short page is at its bottom already."""
    show(context, site, "<p>short")
    do(context, "scroll", to="bottom")
    with pytest.raises(StepFailed, match="nothing on the page scrolls sideways"):
        do(context, "scroll", to="right")


BAR = "<header style='position:sticky;top:0;height:80px;background:#203040;z-index:5'>Always on top</header>"
FIXED = "<header style='position:fixed;top:0;left:0;right:0;height:80px;background:#203040'>Always on top</header>"
AFTER = """<header id=h style='position:fixed;top:0;left:0;right:0;height:80px;background:#234;transition:.2s'></header>
<script>let last = 0; addEventListener('scroll', () => {
  h.style.transform = scrollY > last ? 'translateY(-80px)' : ''; last = scrollY; });</script>"""
SECTIONS = "".join(f"<section id=s{n} style='height:900px'><h2 id=h{n}>{n}</h2></section>" for n in range(1, 5))


@pytest.mark.parametrize("bar", [BAR, FIXED, "<style>html{scroll-padding-top:90px}</style>" + FIXED, AFTER])
def test_a_heading_is_seen_below_a_bar(context: ActionContext, site: Site, bar: str) -> None:
    """After a scroll to a section, from above or from below, its heading is free of the bar on top."""
    show(context, site, f"<style>body{{margin:0}}h2{{margin:0}}</style>{bar}{SECTIONS}")
    for section in (3, 2):
        do(context, "scroll", to=f"#s{section}", speed="fast")
        context.page.wait_for_timeout(300)
        top = context.page.evaluate(f"h{section}.getBoundingClientRect().top")
        bottom = context.page.evaluate("document.querySelector('header').getBoundingClientRect().bottom")
        assert bottom - 1 <= top < 100


def test_snap_points_do_not_cut_the_glide(context: ActionContext, site: Site) -> None:
    """On a page with mandatory snap points the scroll passes between them, and rests on one."""
    style = "html{scroll-snap-type:y mandatory;scroll-behavior:smooth}body{margin:0}"
    sections = "<section style='height:100vh;scroll-snap-align:start'></section>" * 4
    seen = "<script>at = []; addEventListener('scroll', () => at.push(scrollY))</script>"
    show(context, site, f"<style>{style}</style>{sections}{seen}")
    do(context, "scroll", to="bottom", speed="fast")
    way = np.array(context.page.evaluate("at"))
    assert way[-1] == context.page.evaluate("scrollY") == 3 * 360
    assert len([y for y in way if y % 360]) > 10, "it was seen at its snap points only"
    assert max(np.diff(way)) < 200
    do(context, "scroll", to=500, speed="fast")
    assert context.page.evaluate("scrollY") == 360
    assert context.page.evaluate("getComputedStyle(document.documentElement).scrollSnapType") == "y mandatory"
    assert context.page.locator("html").get_attribute("style") is None


FEED = """<style>body{margin:0}.i{height:120px}</style><div id=f></div><script>
let n = 0, busy = false, pages = 0;
const isNear = () => innerHeight + scrollY > document.body.scrollHeight - 200;
function more() {
  for (let i = 0; i < 8; i++) f.append(Object.assign(document.createElement('div'), { className: 'i' }));
  busy = false; pages++;
}
more();
addEventListener('scroll', () => {
  if (!busy && pages < LAST && isNear()) { busy = true; setTimeout(more, 600) }
})</script>"""


def test_a_feed_is_followed_to_its_end(context: ActionContext, site: Site) -> None:
    """While more arrives at the bottom, the scroll goes on; at the last page it rests."""
    show(context, site, FEED.replace("LAST", "5"))
    do(context, "scroll", to="bottom", speed="fast")
    assert context.page.evaluate("pages") == 5
    assert context.recorder is not None
    assert context.recorder.warnings == []
    assert context.page.evaluate("innerHeight + scrollY") == context.page.evaluate("document.body.scrollHeight")


def test_a_feed_without_end_is_left_in_time(
    context: ActionContext, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time a feed is followed is limited, and that it went on is a warning."""
    monkeypatch.setattr("dispatcher.tour.actions.scrolling.LONGEST_S", 4.0)
    show(context, site, FEED.replace("LAST", "1e9"))
    began = context.page.evaluate("performance.now()")
    do(context, "scroll", to="bottom", speed="fast")
    assert context.page.evaluate("performance.now()") - began > 3000
    assert 3 <= context.page.evaluate("pages") < 30
    assert context.recorder is not None
    assert context.recorder.warnings == ["the page kept loading more at its end; the scroll stopped after 4 s"]

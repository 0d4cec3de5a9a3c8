"""Scrolling: to every edge, in boxes of the page, under bars that stay, over snap points, and down an endless feed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatcher.tour.action_parts import ACTIONS as ACTION_MODELS
from dispatcher.tour.actions import perform
from dispatcher.tour.page_load import open_page
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed
from tests.support.pages import Site

pytestmark = pytest.mark.browser


def show(stage: Stage, site: Site, body: str) -> None:
    site.pages["/"] = "<!doctype html><meta charset=utf-8><title>Page</title>" + body
    open_page(stage.page, site.url + "/", 30)


def do(stage: Stage, kind: str, **fields: Any) -> None:
    perform(stage, ACTION_MODELS[kind].model_validate({"type": kind, **fields}))


def in_view(stage: Stage, selector: str) -> bool:
    """Say whether an element is seen whole, in every box around it."""
    seen = """element => new Promise(done => new IntersectionObserver(
        found => done(found[0].intersectionRatio), { threshold: [0, 1] }).observe(element))"""
    return bool(stage.page.locator(selector).evaluate(seen) > 0.99)


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


def test_an_element_in_a_box_comes_into_view(stage: Stage, site: Site) -> None:
    """A card to the right in its row, and a line far down in its panel, are seen after a scroll to them."""
    show(stage, site, BOXES)
    for element in ("#c6", "#l39", "#c1", "#l2"):
        do(stage, "scroll", to=element, speed="fast")
        assert in_view(stage, element), element
    assert stage.page.evaluate("[scrollX, scrollY]") == [0, 0], "the page around the box moved without need"


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
def test_a_box_is_scrolled_by_name(stage: Stage, site: Site, fields: dict[str, Any], where: str) -> None:
    """The scroll action names a box, an edge in either direction, or a position; the page around it stays."""
    show(stage, site, BOXES)
    do(stage, "scroll", speed="fast", **fields)
    assert stage.page.evaluate(where)
    if "selector" in fields:
        assert stage.page.evaluate("scrollY") == 0


def test_a_box_is_scrolled_back(stage: Stage, site: Site) -> None:
    """Left and top undo right and bottom, also in a page that is written from right to left."""
    show(stage, site, BOXES.replace("<div id=row>", "<div id=row dir=rtl>"))
    for there, back, box, place in (("bottom", "top", "panel", "scrollTop"), ("left", "right", "row", "scrollLeft")):
        do(stage, "scroll", selector=f"#{box}", to=there, speed="fast")
        assert abs(stage.page.evaluate(f"{box}.{place}")) > 300
        do(stage, "scroll", selector=f"#{box}", to=back, speed="fast")
        assert stage.page.evaluate(f"{box}.{place}") == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"selector": "#c1", "to": "bottom"}, "does not scroll up or down"),
        ({"selector": "#panel", "to": "right"}, "does not scroll sideways"),
        ({"selector": "#none", "to": "right"}, "no element matches '#none' after 1 s"),
    ],
)
def test_what_does_not_scroll_is_an_error(stage: Stage, site: Site, fields: dict[str, Any], said: str) -> None:
    """A box that cannot go that way, or is not there, fails the action instead of doing nothing."""
    stage = Stage(page=stage.page, cursor=stage.cursor, timeout_s=1)
    show(stage, site, BOXES)
    with pytest.raises(StepFailed, match=said):
        do(stage, "scroll", **fields)


def test_a_page_without_a_wide_box_says_so(stage: Stage, site: Site) -> None:
    """To the right of a page that is no wider than the view there is nothing; a short page is at its bottom already."""
    show(stage, site, "<p>short")
    do(stage, "scroll", to="bottom")
    with pytest.raises(StepFailed, match="nothing on the page scrolls sideways"):
        do(stage, "scroll", to="right")


BAR = "<header style='position:sticky;top:0;height:80px;background:#203040;z-index:5'>Always on top</header>"
FIXED = "<header style='position:fixed;top:0;left:0;right:0;height:80px;background:#203040'>Always on top</header>"
AFTER = """<header id=h style='position:fixed;top:0;left:0;right:0;height:80px;background:#234;transition:.2s'></header>
<script>let last = 0; addEventListener('scroll', () => {
  h.style.transform = scrollY > last ? 'translateY(-80px)' : ''; last = scrollY; });</script>"""
SECTIONS = "".join(f"<section id=s{n} style='height:900px'><h2 id=h{n}>{n}</h2></section>" for n in range(1, 5))


@pytest.mark.parametrize("bar", [BAR, FIXED, "<style>html{scroll-padding-top:90px}</style>" + FIXED, AFTER])
def test_a_heading_is_seen_below_a_bar(stage: Stage, site: Site, bar: str) -> None:
    """After a scroll to a section, from above or from below, its heading is free of the bar on top."""
    show(stage, site, f"<style>body{{margin:0}}h2{{margin:0}}</style>{bar}{SECTIONS}")
    for section in (3, 2):
        do(stage, "scroll", to=f"#s{section}", speed="fast")
        stage.page.wait_for_timeout(300)
        top = stage.page.evaluate(f"h{section}.getBoundingClientRect().top")
        bottom = stage.page.evaluate("document.querySelector('header').getBoundingClientRect().bottom")
        assert bottom - 1 <= top < 100


def test_snap_points_do_not_cut_the_glide(stage: Stage, site: Site) -> None:
    """On a page with mandatory snap points the scroll passes between them, and rests on one."""
    style = "html{scroll-snap-type:y mandatory;scroll-behavior:smooth}body{margin:0}"
    sections = "<section style='height:100vh;scroll-snap-align:start'></section>" * 4
    seen = "<script>at = []; addEventListener('scroll', () => at.push(scrollY))</script>"
    show(stage, site, f"<style>{style}</style>{sections}{seen}")
    do(stage, "scroll", to="bottom", speed="fast")
    way = np.array(stage.page.evaluate("at"))
    assert way[-1] == stage.page.evaluate("scrollY") == 3 * 360
    assert len([y for y in way if y % 360]) > 10, "it was seen at its snap points only"
    assert max(np.diff(way)) < 200
    do(stage, "scroll", to=500, speed="fast")
    assert stage.page.evaluate("scrollY") == 360
    assert stage.page.evaluate("getComputedStyle(document.documentElement).scrollSnapType") == "y mandatory"
    assert stage.page.locator("html").get_attribute("style") is None


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


def test_a_feed_is_followed_to_its_end(stage: Stage, site: Site) -> None:
    """While more arrives at the bottom, the scroll goes on; at the last page it rests."""
    show(stage, site, FEED.replace("LAST", "5"))
    do(stage, "scroll", to="bottom", speed="fast")
    assert stage.page.evaluate("pages") == 5
    assert stage.recorder is not None
    assert stage.recorder.warnings == []
    assert stage.page.evaluate("innerHeight + scrollY") == stage.page.evaluate("document.body.scrollHeight")


def test_a_feed_without_end_is_left_in_time(stage: Stage, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time a feed is followed is limited, and that it went on is a warning."""
    monkeypatch.setattr("dispatcher.tour.scrolling.LONGEST_S", 4.0)
    show(stage, site, FEED.replace("LAST", "1e9"))
    began = stage.page.evaluate("performance.now()")
    do(stage, "scroll", to="bottom", speed="fast")
    assert stage.page.evaluate("performance.now()") - began > 3000
    assert 3 <= stage.page.evaluate("pages") < 30
    assert stage.recorder is not None
    assert stage.recorder.warnings == ["more kept arriving at the end for 4 s; the scroll stopped there"]

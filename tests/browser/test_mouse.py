"""Hovering, double and right clicks, dragging, and frames and shadow trees on the way to an element."""

from __future__ import annotations

import pytest

from dispatcher.tour.browser.action_context import ActionContext
from protocol.errors import StepFailed
from tests.support.acting import asserted, do, show
from tests.support.pages import Site, html

pytestmark = [pytest.mark.browser]
MENU = """<style>ul{display:none;margin:0}nav:hover ul{display:block}</style>
<nav style='width:200px'><a href='#p' id=p>Products</a>
<ul><li><a id=w onclick="document.title='widgets'">Widgets</a></li></ul></nav>"""


def test_a_menu_that_opens_under_the_mouse(context: ActionContext, site: Site) -> None:
    """Hovering shows the menu, and its entry can be clicked then."""
    show(context, site, MENU)
    do(context, "hover", selector="#p")
    assert context.page.locator("#w").is_visible()
    do(context, "click_selector", selector="#w")
    assert context.page.title() == "widgets"


def test_double_and_right_click(context: ActionContext, site: Site) -> None:
    """A double click is two presses that the page takes as one; a right click opens the page's own menu."""
    heard = "<script>log=[];for(const k of ['mousedown','click','dblclick','contextmenu'])"
    heard += "b.addEventListener(k,e=>{log.push(k+e.button+'/'+e.detail);e.preventDefault()})</script>"
    show(context, site, f"<button id=b>b</button>{heard}")
    do(context, "double_click", selector="#b")
    assert context.page.evaluate("log") == ["mousedown0/1", "click0/1", "mousedown0/2", "click0/2", "dblclick0/2"]
    context.page.evaluate("log = []")
    do(context, "right_click", selector="#b")
    assert context.page.evaluate("log") == ["mousedown2/1", "contextmenu2/0"]


BOARD = """<div id=a draggable=true style='width:90px;height:30px;background:#fc6'>A</div>
<div id=to style='margin:60px;width:200px;height:80px;border:1px solid'></div>
<script>to.ondragover=e=>e.preventDefault();to.ondrop=e=>{e.preventDefault();to.append(a);document.title='moved'}</script>"""
SLIDES = """<div id=k style='position:absolute;left:40px;top:40px;width:30px;height:30px;background:red'></div><script>
k.onpointerdown=e=>{k.setPointerCapture(e.pointerId);from=e.clientX-k.offsetLeft;moved=0};
k.onpointermove=e=>{if(k.hasPointerCapture(e.pointerId)){moved++;k.style.left=(e.clientX-from)+'px'}}</script>"""


def test_things_are_dragged(context: ActionContext, site: Site) -> None:
    """An element is dropped on another one, and one that the page moves itself follows the mouse in small steps."""
    show(context, site, BOARD)
    do(context, "drag", selector="#a", to="#to")
    assert context.page.title() == "moved"
    show(context, site, SLIDES)
    do(context, "drag", selector="#k", by=[200, 0])
    assert abs(context.page.evaluate("k.offsetLeft") - 240) <= 1
    assert context.page.evaluate("moved") > 8


def test_a_drag_that_ends_nowhere(context: ActionContext, site: Site) -> None:
    """A drag beyond the edge of the page is an error with its fix, and leaves no button pressed."""
    show(context, site, SLIDES)
    with pytest.raises(StepFailed, match="outside the view"):
        do(context, "drag", selector="#k", by=[5000, 0])
    with pytest.raises(StepFailed, match=r"after 0\.3 s"):
        do(context, "drag", selector="#k", to="#none", timeout=0.3)
    assert context.page.evaluate("k.offsetLeft") == 40


PAY = "<input id=card><button id=go onclick='document.body.append(\"paid \"+card.value)'>Pay</button>"


def test_inside_frames(context: ActionContext, site: Site) -> None:
    """`frame` leads into a frame, and into a frame in a frame; the pointer goes to the place on the page."""
    site.pages["/pay"] = html(PAY)
    site.pages["/outer"] = html("<p>x</p><iframe id=inner src='/pay' style='margin:30px'></iframe>")
    show(context, site, "<h1>h</h1><iframe id=pay src='/pay'></iframe><iframe id=outer src='/outer'></iframe>")
    for frame in ("#pay", ["#outer", "#inner"]):
        do(context, "type_text", selector="#card", frame=frame, text="42")
        do(context, "click_selector", selector="#go", frame=frame)
        do(context, "wait_for_selector", selector="text=paid 42", frame=frame)
        assert asserted(context, "element_visible", selector="text=paid 42", frame=frame).ok


@pytest.mark.parametrize("selector", ["#card", "#pay >> #card"])
def test_an_element_in_a_frame_is_told_how_to_be_reached(context: ActionContext, site: Site, selector: str) -> None:
    """Who looks for an element on the page that is in one of its frames is told what to write."""
    site.pages["/pay"] = html(PAY)
    show(context, site, "<iframe id=pay src='/pay'></iframe>")
    with pytest.raises(StepFailed, match='add "frame": "#pay"'):
        do(context, "click_selector", selector=selector, timeout=0.5)


def test_open_shadow_trees_need_nothing(context: ActionContext, site: Site) -> None:
    """A selector finds what is in an open shadow tree."""
    made = "x.attachShadow({mode:'open'}).innerHTML='<button onclick=\"document.title=1\">go</button>'"
    show(context, site, f"<div id=x></div><script>{made}</script>")
    do(context, "click_selector", selector="#x button")
    assert context.page.title() == "1"

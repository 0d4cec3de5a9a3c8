"""A page's own record of the mouse: every event it hears, and where the drawn arrow is in every frame."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from playwright.sync_api import Page

FARTHEST_PX = 150
"""The arrow never moves farther than this between two consecutive frames."""

PROBE = """<script>
mouse = []; drawn = []; heard = {};
for (const type of ["mousemove", "pointerover", "pointerdown", "mousedown", "mouseup", "click"]) {
  addEventListener(type, (event) => {
    if (type === "mousemove") mouse.push([event.clientX, event.clientY]);
    else if (event.target instanceof Element) {
      const name = `${type} ${event.target.id}`;
      heard[name] = (heard[name] ?? 0) + 1;
    }
  }, true);
}
(function look() {
  const arrow = document.querySelector("html > [popover=manual]");
  const at = arrow?.style.transform.match(/-?[\\d.]+/g);
  if (at) drawn.push(at.map(Number));
  requestAnimationFrame(look);
})();
</script>"""
"""Put first into a page."""


def longest_step(places: Iterable[Any]) -> float:
    """Return the farthest that two consecutive places lie apart, in pixels."""
    return max((math.dist(one, other) for one, other in pairwise(places)), default=0.0)


def check_steps(page: Page) -> None:
    """Check that neither the mouse nor the drawn arrow has jumped, and that both have moved."""
    mouse, drawn = page.evaluate("[mouse, drawn]")
    assert len({tuple(place) for place in mouse}) > 5, "the mouse was not seen to move"
    assert longest_step(mouse) <= FARTHEST_PX
    assert len({tuple(place) for place in drawn}) > 3, "the arrow was not seen to move"
    assert longest_step(drawn) <= FARTHEST_PX


def heard(page: Page, name: str) -> dict[str, int]:
    """Return how often an element (by its id) got each event of the mouse."""
    return {kind: page.evaluate("name => heard[name] ?? 0", f"{kind} {name}") for kind in ONCE}


ONCE = {"pointerover": 1, "pointerdown": 1, "mousedown": 1, "mouseup": 1, "click": 1}
"""What an element gets of one click."""

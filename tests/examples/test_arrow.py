"""In every example the arrow glides: it is never far from where it was in the frame before."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from dispatcher.config import is_root
from dispatcher.tour import capture, cursor
from dispatcher.tour.browser import find_browser
from dispatcher.tour.director import direct
from dispatcher.tour.spec import load
from protocol.errors import EnvironmentNotReady
from tests.support.jupyterlab import jupyterlab
from tests.support.pages import serve_folder
from tests.support.pointer import FARTHEST_PX

pytestmark = [pytest.mark.browser, pytest.mark.films, pytest.mark.slow, pytest.mark.timeout(540)]
EXAMPLES = Path(__file__).parent.parent.parent / "examples"

LOOK = """(() => {
  if (window !== window.top) return;
  const tell = window.__arrowProbe;
  let last = "";
  (function look() {
    const at = document.querySelector("html > [popover=manual]")?.style.transform ?? "";
    if (at && at !== last) tell(performance.timeOrigin + performance.now(), ...at.match(/-?\\d[\\d.]*/g).map(Number));
    last = at || last;
    requestAnimationFrame(look);
  })();
})();"""


@contextmanager
def application(name: str, home: Path) -> Iterator[str | None]:
    """Serve what an example films; yield its address, None where its spec names a file."""
    with ExitStack() as stack:
        if name == "jupyterlab":
            yield stack.enter_context(jupyterlab(home))[0]
        elif name == "docs-site":
            yield stack.enter_context(serve_folder(EXAMPLES / name / "site"))
        else:
            yield None


@pytest.mark.parametrize("name", ["docs-site", "slides", "jupyterlab"])
def test_the_arrow_of_an_example_never_jumps(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From one frame of the screencast to the next the drawn arrow moves at most 150 pixels, cuts included."""
    places: list[tuple[float, float, float]] = []
    shown: list[float] = []
    start, take = cursor.Cursor.__init__, capture.Filming.take_frame

    def begin(self: cursor.Cursor, context: BrowserContext, at: tuple[float, float]) -> None:
        start(self, context, at)
        context.expose_binding("__arrowProbe", lambda _source, *told: places.append(told))
        context.add_init_script(LOOK)

    def see(self: capture.Filming, frame: Any) -> None:
        shown.append(frame["timestamp"])
        take(self, frame)

    monkeypatch.setattr(cursor.Cursor, "__init__", begin)
    monkeypatch.setattr(capture.Filming, "take_frame", see)
    try:
        chromium = find_browser()
    except EnvironmentNotReady as error:
        pytest.skip(str(error))
    with application(name, tmp_path / "home") as url:
        spec = load(EXAMPLES / name / "tour.json", base_url=url)
        direct(spec, {}, work_dir=tmp_path / "work", browser=chromium, root=is_root())
    places.sort()
    times = [at for at, _, _ in places]
    seen = [places[n - 1][1:] for at in sorted(shown) if (n := bisect.bisect_right(times, at))]
    steps = [math.dist(one, other) for one, other in pairwise(seen)]
    assert sum(1 for step in steps if step > 0) > 10, "the arrow was hardly seen to move"
    assert max(steps) <= FARTHEST_PX

"""Specs of the old recorder and recordings of DevTools, really recorded on pages of the test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from tests.browser.test_tour import record
from tests.support.acting import without_slow
from tests.support.media import read_frame
from tests.support.pages import Site, serve

pytestmark = [pytest.mark.browser, pytest.mark.films, pytest.mark.slow]

OLD = Path(__file__).parent.parent / "tour" / "old_specs"
SHOP = """<!doctype html><title>Shop</title><style>body{margin:40px;font:18px sans-serif}</style>
<my-card></my-card><form onsubmit="event.preventDefault();document.title='Cart';
fetch('/told/'+[qty.value,gift.value,window.opened].join('-'))">
<label>Quantity <input id=qty value=1></label>
<label>Gift wrap <select id=gift><option value=none>None</option><option value=box>Box</option></select></label>
<button>Add to Cart</button></form>
<iframe srcdoc="<button onclick=&quot;parent.opened='framed'&quot;>In the frame</button>"></iframe>
<script>customElements.define('my-card', class extends HTMLElement { connectedCallback() {
  this.attachShadow({ mode: 'open' }).innerHTML = '<a href="#mug">Blue mug</a>'; } });</script>"""


@pytest.fixture
def shop() -> Iterator[Site]:
    """Serve a small shop."""
    with serve() as site:
        site.pages["/shop"] = SHOP
        site.pages["/told/3-box-framed"] = ""
        yield site


def test_a_recording_of_devtools(chromium: Path, shop: Site, tmp_path: Path) -> None:
    """Imported and recorded as it is: shadow roots, names, lists, frames, keys; the page holds what was done."""
    steps: list[dict[str, Any]] = [
        {"type": "setViewport", "width": 640, "height": 360},
        {"type": "navigate", "url": f"{shop.url}/shop"},
        {"type": "click", "selectors": [["#gone"], ["my-card", "a"], ["text/Blue mug"]], "offsetX": 2, "offsetY": 2},
        {"type": "change", "value": "3", "selectors": [["aria/Quantity"], ["#qty"]]},
        {"type": "change", "value": "box", "selectors": [["aria/Gift wrap"], ["#gift"]]},
        {"type": "click", "selectors": [["aria/In the frame"]], "frame": [0]},
        {"type": "click", "selectors": [['aria/Add to Cart[role="button"]']]},
        {"type": "waitForExpression", "expression": "document.title==='Cart'"},
    ]
    (tmp_path / "flow.json").write_text(json.dumps({"title": "Buy", "steps": steps}))
    ran = CliRunner().invoke(app, ["tour", "import", str(tmp_path / "flow.json"), "-o", str(tmp_path / "tour.json")])
    assert ran.exit_code == 0, ran.output
    made = record(tmp_path / "tour.json")
    assert made.returncode == 0, made.stderr
    assert "/told/3-box-framed" in shop.asked
    report = json.loads((tmp_path / "tour.report.json").read_text())
    assert without_slow(report["warnings"]) == []
    assert report["steps"][0]["assertions"] == [
        {"type": "title_contains", "expected": "a title with 'Cart'", "ok": True}
    ]


def test_an_old_spec(chromium: Path, tmp_path: Path) -> None:
    """A wait and a click that fail are warnings, waits in milliseconds are short, and the scroll comes last."""
    for name in ("waits.json", "page.html"):
        (tmp_path / name).write_bytes((OLD / name).read_bytes())
    made = record(tmp_path / "waits.json", "--skip-tts")
    assert made.returncode == 3
    made = record(tmp_path / "waits.json")
    assert made.returncode == 0, made.stderr
    report = json.loads((tmp_path / "waits.report.json").read_text())
    [failed] = [warning for warning in report["warnings"] if "#not-there" in warning]
    assert "after 0.3 s" in failed
    assert "the step continued" in failed
    assert report["steps"][0]["capture_seconds"] < 20
    last = read_frame(tmp_path / "waits.mp4", report["seconds"] - 0.1)
    first = read_frame(tmp_path / "waits.mp4", 0.1)
    assert float(np.abs(last.astype(int) - first).mean()) > 1  # it has scrolled


def test_a_step_says_where_the_camera_is(chromium: Path, tmp_path: Path) -> None:
    """With --zoom the editor fills the picture while the step lasts, and the next step shows the whole page."""
    box = (
        "position:absolute;left:20px;top:20px;width:60px;height:30px;border:0;padding:0;resize:none;background:#c81e1e"
    )
    page = f"<!doctype html><body style='margin:0;background:#1e1ec8'><textarea style='{box}'></textarea>"
    (tmp_path / "page.html").write_text(page)
    near = {"focus": "editor", "z": 3, "transition_ms": 300}
    steps = [
        {"id": "near", "url": "page.html", "zoom": near, "narration": "[pause 3s]"},
        {"id": "whole", "url": "page.html", "zoom": {"focus": "full"}, "narration": "[pause 1s]"},
        {"id": "gone", "url": "page.html", "zoom": {"focus": "terminal"}},
    ]
    spec = {
        "settings": {"viewport": "640x360", "mode": "continuous"},
        "steps": steps,
        "output": {"path": "film.mp4", "video_preset": "ultrafast"},
    }
    (tmp_path / "tour.json").write_text(json.dumps(spec))
    made = record(tmp_path / "tour.json", "--zoom", "auto")
    assert made.returncode == 0, made.stderr
    assert "'terminal' is not visible" in made.stderr

    def red(at: float) -> float:
        picture = read_frame(tmp_path / "film.mp4", at).astype(int)
        return float(((picture[..., 0] > 150) & (picture[..., 2] < 100)).mean())

    whole = 60 * 30 / (640 * 360)
    assert red(0.0) == pytest.approx(whole, rel=0.2)
    assert red(1.5) == pytest.approx(9 * whole, rel=0.2)
    assert red(4.2) == pytest.approx(whole, rel=0.2)

"""What a take shows: no white flash between pages, sharp frames in a larger video, the pointer on top."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from dispatcher.config import is_root
from dispatcher.tour.recording.director import record_steps
from dispatcher.tour.recording.takes import Take
from dispatcher.tour.spec.loading import load
from tests.support.pages import Site, html

pytestmark = [pytest.mark.browser, pytest.mark.films]


def film(folder: Path, site: Site, chromium: Path, steps: list[dict[str, Any]], **settings: Any) -> list[Take]:
    """Record a tour of the site and return its takes."""
    common = {"viewport": "640x360", "base_url": site.url, "mode": "continuous", "max_retries_per_step": 0}
    path = folder / "tour.json"
    path.write_text(json.dumps({"settings": {**common, **settings}, "steps": steps}))
    spec = load(path)
    return record_steps(spec, {}, work_dir=folder / "work", browser=chromium, root=is_root())


def frames(take: Take) -> list[np.ndarray]:
    """Return every picture of a take."""
    with av.open(str(take.path)) as opened:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in opened.decode(video=0)]


LATE = """<!doctype html><title>Next</title><body><script>setTimeout(() => {
document.body.style.background = '#108010'; document.body.append('here') }, 900)</script>"""


@pytest.mark.parametrize("origin", ["same", "other"])
def test_a_page_is_not_shown_before_it_has_painted(tmp_path: Path, site: Site, chromium: Path, origin: str) -> None:
    """A click that opens a page which takes a second to paint: the video holds the page before, then shows the next."""
    address = site.url if origin == "same" else site.url.replace("127.0.0.1", "localhost")
    site.pages["/dark"] = html(f"<a href='{address}/next' style='color:#ccc'>go on</a>", color="#801010")
    site.pages["/next"] = LATE
    click = {"type": "click_selector", "selector": "a"}
    (take,) = film(
        tmp_path, site, chromium, [{"id": "a", "url": "/dark", "actions": [click, {"type": "pause", "seconds": 2}]}]
    )
    corners = [tuple(frame[-40:-20, 20:40].mean(axis=(0, 1)).round()) for frame in frames(take)]
    shown = ["white" if min(corner) > 100 else "red" if corner[0] > corner[1] else "green" for corner in corners]
    assert "white" not in shown
    assert shown[0] == "red"
    assert shown[-1] == "green"
    assert shown == sorted(shown, reverse=True), "it went back and forth"


def test_an_empty_page_is_shown_in_the_end(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A page that never paints anything is shown as empty as it is, in a take longer than the wait for its paint."""
    site.pages["/dark"] = html("<a href='/next' style='color:#ccc'>go on</a>", color="#801010")
    site.pages["/next"] = "<!doctype html><title>Next</title>"
    click = {"type": "click_selector", "selector": "a"}
    steps = [{"id": "a", "url": "/dark", "actions": [click, {"type": "pause", "seconds": 6}]}]
    (take,) = film(tmp_path, site, chromium, steps)
    assert frames(take)[-1].min(axis=2)[-40:, :200].mean() > 200


STRIPES = html(
    "<div style='width:200px;height:100px;background:repeating-linear-gradient(90deg,#000 0 .5px,#fff .5px 1px)'></div>"
)


@pytest.mark.parametrize(
    ("viewport", "video", "pictures"),
    [("640x360", "1280x720", (720, 1280)), ("1000x562", "1920x1080", (1124, 2000)), ("640x360", "640x360", (360, 640))],
)
def test_a_film_larger_than_its_page_is_sharp(
    tmp_path: Path, site: Site, chromium: Path, viewport: str, video: str, pictures: tuple[int, int]
) -> None:
    """The page is drawn with as many pixels as the video has: stripes of half a pixel are seen at twice the size."""
    site.pages["/"] = STRIPES
    (take,) = film(tmp_path, site, chromium, [{"id": "a", "url": "/"}], viewport=viewport, video_size=video)
    last = frames(take)[-1]
    assert last.shape[:2] == pictures
    contrast = last[40:60, 40:200].mean(axis=2).std()
    assert contrast > 80 if video != viewport else contrast < 40


def arrow_shows(picture: np.ndarray, x: float, y: float) -> bool:
    """Say whether a pointer has its tip at (x, y): black with a white edge."""
    patch = picture[int(y) : int(y) + 28, int(x) : int(x) + 18].sum(axis=2)
    return bool((patch < 180).sum() > 90 and (patch > 700).sum() > 10)


PLAYER = """<div id=v style='background:#f8d48a;width:300px;height:120px'>
<button id=fs onclick='v.requestFullscreen()'>Full screen</button>
<button id=in onclick='document.title="inside"'>Inside</button></div>"""
MODAL = """<dialog id=d style='width:90vw;height:80vh;background:#8ab4f8'><button id=ok>OK</button></dialog>
<button id=op onclick='d.showModal()'>Open</button>"""
INNER = """<x-d></x-d><button id=op onclick='inner.showModal()'>Open</button><script>
const root = document.querySelector('x-d').attachShadow({ mode: 'open' });
root.innerHTML = '<dialog style="width:90vw;height:80vh;background:#8ab4f8"><button id=ok>OK</button></dialog>';
inner = root.querySelector('dialog');</script>"""


@pytest.mark.parametrize(
    ("body", "opener"),
    [(PLAYER, "#fs"), (MODAL, "#op"), (INNER, "#op")],
    ids=["full screen", "modal", "in a shadow tree"],
)
def test_the_arrow_lies_above_everything(tmp_path: Path, site: Site, chromium: Path, body: str, opener: str) -> None:
    """In full screen and above a modal dialog, also one of a web component, the pointer is seen while it rests."""
    site.pages["/"] = html(body, color="#8ab4f8")
    steps = [
        {
            "id": "open",
            "url": "/",
            "actions": [{"type": "click_selector", "selector": opener}, {"type": "pause", "seconds": 1}],
        }
    ]
    (take,) = film(tmp_path, site, chromium, steps)
    x, y = take.focus[-1].left + 0.05, take.focus[-1].top + 0.05
    seen = frames(take)
    assert arrow_shows(seen[-1], x * 640, y * 360)
    assert np.abs(seen[-1] - seen[0]).max(axis=2)[20:, :].mean() > 3, "nothing has opened"

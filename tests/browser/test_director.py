"""Whole tours of small sites: takes, their lengths and first pictures, retries, and what a failure leaves."""

from __future__ import annotations

import json
import re
import time
import zipfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Error as PlaywrightError

from dispatcher.config import is_root
from dispatcher.tour.actions.perform import PERFORMERS
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.capture import TakeRecorder
from dispatcher.tour.browser.chromium import find_browser
from dispatcher.tour.recording.director import record_steps
from dispatcher.tour.recording.takes import Take
from dispatcher.tour.spec.action_models import Pause
from dispatcher.tour.spec.loading import load
from protocol.errors import EnvironmentNotReady, StepFailed
from tests.support.acting import PATIENCE
from tests.support.media import read_frame
from tests.support.pages import Site, html

pytestmark = [pytest.mark.browser, pytest.mark.films]
RED, GREEN, BLUE = (200, 20, 20), (20, 160, 20), (20, 20, 200)
SIZE = "640x360"


def css(color: tuple[int, int, int]) -> str:
    return f"rgb{color}".replace(" ", "")


def film(
    tmp_path: Path, site: Site, chromium: Path, steps: list[dict[str, Any]], said: float = 0.3, **settings: Any
) -> list[Take]:
    """Record a tour of the site and return its takes."""
    whole = {
        "settings": {"viewport": SIZE, "default_step_timeout": 30, "base_url": site.url, **settings},
        "steps": steps,
    }
    path = tmp_path / "tour.json"
    path.write_text(json.dumps(whole))
    spec = load(path)
    seconds = {step.id: said for step in spec.steps}
    return record_steps(spec, seconds, work_dir=tmp_path / "work", browser=chromium, root=is_root(), patience=PATIENCE)


def shows(take: Take, at_s: float, color: tuple[int, int, int]) -> bool:
    """Say whether the upper left of the picture at a time is of this colour."""
    seen = read_frame(take.path, at_s)[10:60, 10:200].reshape(-1, 3).astype(int)
    return bool(np.abs(seen - np.array(color)).max() < 25)


def length(take: Take) -> float:
    with av.open(str(take.path)) as container:
        last = [packet for packet in container.demux(video=0) if packet.pts is not None][-1]
        assert last.pts is not None
        assert last.duration is not None
        return float((last.pts + last.duration) * last.time_base)


def test_each_take_opens_on_its_own_page(tmp_path: Path, site: Site, chromium: Path) -> None:
    """The first picture of a take is its own page: painted, settled, and nothing left of the page before."""
    late = (
        "<script>setTimeout(()=>document.body.append(Object.assign(document.createElement('p'),{id:'p'})),800)</script>"
    )
    colors = {"red": RED, "green": GREEN}
    for name, color in colors.items():
        site.pages[f"/{name}"] = html(
            f"{late}<style>#p{{position:fixed;inset:0;margin:0;background:{css(color)}}}</style>"
        )
    steps = [{"id": n, "url": f"/{n}", "actions": [{"type": "wait_for_selector", "selector": "#p"}]} for n in colors]
    for mode in ("independent", "continuous"):
        takes = film(tmp_path, site, chromium, steps, mode=mode)
        for take, color in zip(takes, colors.values(), strict=True):
            assert shows(take, 0.0, color)  # the wait was no part of the video
            assert shows(take, take.seconds, color)
            assert take.seconds == pytest.approx(max(0.3, take.actions_seconds) + 0.5)
            assert length(take) == pytest.approx(take.seconds, abs=0.01)
            assert take.retries == 0


TURN = """<script>
const painted = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
const turn = async () => {
  document.body.style.background = 'COLOR';
  const times = [Date.now()];
  await painted();
  await fetch(`/turned/${[...times, Date.now()].join('/')}`);
  document.body.append(Object.assign(document.createElement('p'), { id: 'told', textContent: 'x' }));
};
onkeydown = () => setTimeout(turn, 1000);
</script>"""


def test_pictures_are_in_step_with_the_clock(
    tmp_path: Path, site: Site, chromium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the page does at a time, by its own clock, is seen at that time; the last picture holds."""
    begin, zeros = TakeRecorder.begin, []

    def beginning(self: TakeRecorder) -> None:
        begin(self)
        zeros.append(self._zero)

    monkeypatch.setattr(TakeRecorder, "begin", beginning)
    site.pages["/"] = html(TURN.replace("COLOR", css(GREEN)), color=css(RED))
    actions = [{"type": "press_key", "key": "a"}, {"type": "wait_for_selector", "selector": "#told"}]
    [take] = film(tmp_path, site, chromium, [{"id": "a", "url": "/", "actions": actions}], said=2.0)
    assert take.seconds == max(2.0, take.actions_seconds) + 0.5
    [told] = [path for path in site.asked if path.startswith("/turned/")]
    changed, painted = (int(part) / 1000 - zeros[0] for part in told.split("/")[2:])
    assert shows(take, changed - 0.1, RED)
    assert shows(take, painted + 0.25, GREEN)
    assert shows(take, take.seconds, GREEN)


def test_a_step_lasts_as_long_as_its_actions(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A step is half a second longer than the longer of narration and actions."""
    site.pages["/"] = html("<p>x")
    steps = [{"id": "a", "url": "/", "actions": [{"type": "pause", "seconds": 1}]}]
    [take] = film(tmp_path, site, chromium, steps, said=0.2)
    assert 1 <= take.actions_seconds < 20
    assert take.seconds == pytest.approx(take.actions_seconds + 0.5)


def test_a_highlight_ends_with_its_step(tmp_path: Path, site: Site, chromium: Path) -> None:
    """Lines highlighted without a time are so to the last picture of the step, and never in the next one's first."""
    area = "position:absolute;inset:0;width:640px;height:360px;border:0;padding:0;font:20px/80px mono"
    site.pages["/"] = html(f"<textarea style='{area}'>\n\n\n\n</textarea>")
    lit = {"type": "highlight_lines", "lines": 1, "color": css(RED)}
    steps = [{"id": "a", "url": "/", "actions": [lit]}, {"id": "b"}]
    first, second = film(tmp_path, site, chromium, steps, said=1.0, mode="continuous")
    assert not shows(first, first.seconds, (255, 255, 255))
    assert shows(second, 0.0, (255, 255, 255))


def test_the_preloader_is_not_filmed(tmp_path: Path, site: Site, chromium: Path) -> None:
    """The first picture of a take is the page without its preloader."""
    cover = f"<div id=load style='position:fixed;inset:0;background:{css(RED)}'></div>"
    site.pages["/"] = html(f"{cover}<script>setTimeout(() => load.remove(), 900)</script>", color=css(GREEN))
    [take] = film(tmp_path, site, chromium, [{"id": "a", "url": "/"}], preloader_selector="#load")
    assert shows(take, 0.0, GREEN)


def test_continuous_keeps_the_page(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A continuous step without an address, or with the one it is at, goes on where the step before ended."""
    site.pages["/"] = html(
        f"<button style='margin:90px' onclick=\"document.body.style.background='{css(BLUE)}'\">", color=css(RED)
    )
    click = {"type": "click_selector", "selector": "button"}
    steps = [{"id": "a", "url": "/", "actions": [click]}, {"id": "b"}, {"id": "c", "url": "/"}]
    takes = film(tmp_path, site, chromium, steps, mode="continuous")
    assert [shows(take, 0.0, BLUE) for take in takes] == [False, True, True]
    assert site.asked.count("/") == 1


def test_a_flaky_page_is_filmed_again(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A page that fails twice is opened a third time; the take counts two retries and the video shows the page."""
    site.pages["/"] = html("<p>x", color=css(GREEN))
    site.flaky["/"] = 2
    [take] = film(tmp_path, site, chromium, [{"id": "a", "url": "/"}], max_retries_per_step=2)
    assert take.retries == 2
    assert shows(take, 0.0, GREEN)


def test_a_failure_is_kept_and_named(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A step that fails for good names step, action, selector and hint, and leaves screenshot, console and trace."""
    site.pages["/"] = html("<p>x<script>console.log('hello from the page')</script>", color=css(BLUE))
    wait = {"type": "wait_for_selector", "selector": "#none", "timeout": 0.2}
    steps = [{"id": "fine", "url": "/"}, {"id": "bad", "url": "/", "actions": [{"type": "pause", "seconds": 0}, wait]}]
    with pytest.raises(StepFailed) as failed:
        film(tmp_path, site, chromium, steps, max_retries_per_step=1)
    said, folder = str(failed.value), tmp_path / "work" / "failures" / "bad"
    for part in ("'bad', action 2 (wait_for_selector '#none')", "after 0.2 s", "timeout", "2 times", str(folder)):
        assert part in said
    assert failed.value.kept == folder
    assert sorted(path.name for path in folder.iterdir()) == ["console.log", "screenshot.png", "trace.zip"]
    assert "hello from the page" in (folder / "console.log").read_text()
    assert zipfile.ZipFile(folder / "trace.zip").testzip() is None
    assert [path.name for path in (tmp_path / "work" / "takes").iterdir()] == ["fine.mkv"]


def test_a_changed_page_is_not_filmed_again(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A continuous step that has pressed a button fails at once and says why; one that has not is tried again."""
    site.pages["/"] = html("<button onclick='fetch(\"/pressed\")'>go</button>")
    site.pages["/pressed"] = ""
    click = {"type": "click_selector", "selector": "button"}
    wrong = {"type": "element_visible", "selector": "#none", "timeout": 0.1}
    for actions, tries in (([click], 1), ([], 3)):
        site.asked.clear()
        step = {"id": "a", "url": "/", "actions": actions, "assertions": [wrong]}
        with pytest.raises(StepFailed, match="already been changed" if actions else "recorded 3 times"):
            film(tmp_path, site, chromium, [step], mode="continuous")
        assert site.asked.count("/") == tries
        assert site.asked.count("/pressed") == len(actions)


def test_a_click_of_the_step_before_forbids_no_retry(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A continuous step whose page fails to open is tried again, whatever an earlier step has clicked."""
    site.pages["/"] = html("<button style='margin:90px'>go</button>")
    site.pages["/next"] = html("<p>x", color=css(GREEN))
    site.flaky["/next"] = 1
    steps = [
        {"id": "a", "url": "/", "actions": [{"type": "click_selector", "selector": "button"}]},
        {"id": "b", "url": "/next"},
    ]
    takes = film(tmp_path, site, chromium, steps, mode="continuous")
    assert [take.retries for take in takes] == [0, 1]
    assert shows(takes[1], 0.0, GREEN)


def test_a_popup_closed_while_opening_forbids_no_retry(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A wait that fails while a page is opened is tried again, although a popup was looked for before it."""
    site.pages["/"] = html("<p>x")
    actions = [{"type": "dismiss_popups"}, {"type": "wait_for_selector", "selector": "#none", "timeout": 0.1}]
    step = {"id": "a", "url": "/", "actions": actions}
    with pytest.raises(StepFailed, match="recorded 2 times"):
        film(tmp_path, site, chromium, [step], mode="continuous", max_retries_per_step=1)
    assert site.asked.count("/") == 2


def test_a_page_that_never_loads_ends_in_bounded_time(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A page whose answer never ends fails after the step's time limit, with the hint."""
    site.pages["/"] = html("<p>half a page")
    site.hanging.add("/")
    began = time.monotonic()
    with pytest.raises(StepFailed, match=r"did not load within 1 s.*default_step_timeout"):
        film(tmp_path, site, chromium, [{"id": "a", "url": "/"}], default_step_timeout=1, max_retries_per_step=0)
    assert time.monotonic() - began < 120


@pytest.mark.parametrize(
    ("url", "said"), [("/none", "status 404"), ("http://127.0.0.1:9/", "check that the application is running")]
)
def test_a_page_that_is_not_there(tmp_path: Path, site: Site, chromium: Path, url: str, said: str) -> None:
    """An error page is never recorded."""
    with pytest.raises(StepFailed, match=said):
        film(tmp_path, site, chromium, [{"id": "a", "url": url}], max_retries_per_step=0)


BUSY = "<script>onmousemove = () => { for (const began = Date.now(); Date.now() - began < 250;); }</script>"


def test_a_step_that_the_machine_slows_down_is_a_warning(tmp_path: Path, site: Site, chromium: Path) -> None:
    """The warning names the step, how long it lasts, and how long it would last on an idle machine."""
    site.pages["/"] = html(f"{BUSY}<button id=b style='position:fixed;left:20px;top:20px'>b</button>")
    step = {"id": "slow", "url": "/", "actions": [{"type": "click_selector", "selector": "#b"}]}
    [take] = film(tmp_path, site, chromium, [step])
    [warning] = [text for text in take.warnings if "too busy" in text]
    found = re.match(r"step 'slow': lasts ([0-9.]+) s instead of ([0-9.]+) s", warning)
    assert found is not None, warning
    assert float(found[1]) == pytest.approx(take.seconds, abs=0.1)
    assert float(found[2]) < float(found[1]) - 2


@pytest.mark.parametrize("noticed", [True, False])
def test_a_crash_is_said(
    tmp_path: Path, site: Site, chromium: Path, monkeypatch: pytest.MonkeyPatch, noticed: bool
) -> None:
    """A page that crashes while it is recorded, in an action or while the take is held, is a plain error."""

    def crash(context: ActionContext, _action: object) -> None:
        with pytest.raises(PlaywrightError):
            context.page.goto("chrome://crash")
        if noticed:
            context.page.mouse.move(1, 1)

    monkeypatch.setitem(PERFORMERS, Pause, crash)
    site.pages["/"] = html("<p>x")
    step = {"id": "a", "url": "/", "actions": [{"type": "pause", "seconds": 0}]}
    began = time.monotonic()
    with pytest.raises(StepFailed, match="the page crashed"):
        film(tmp_path, site, chromium, [step], max_retries_per_step=0)
    assert time.monotonic() - began < 120
    log = tmp_path / "work" / "failures" / "a" / "console.log"
    assert "crashed" in log.read_text()


def test_an_independent_step_survives_a_crash(
    tmp_path: Path, site: Site, chromium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash an independent step is recorded again in a page of its own."""
    crashes = []

    def crash_once(context: ActionContext, _action: object) -> None:
        if not crashes:
            crashes.append(1)
            context.page.goto("chrome://crash")

    monkeypatch.setitem(PERFORMERS, Pause, crash_once)
    site.pages["/"] = html("<p>x", color=css(GREEN))
    step = {"id": "a", "url": "/", "actions": [{"type": "pause", "seconds": 0}]}
    [take] = film(tmp_path, site, chromium, [step], max_retries_per_step=1)
    assert take.retries == 1
    assert shows(take, 0.0, GREEN)


def test_a_browser_that_is_not_there(tmp_path: Path) -> None:
    """A browser that was named and does not exist is an environment that is not ready, with the hint."""
    with pytest.raises(EnvironmentNotReady, match="GPUDROP_CHROMIUM"):
        find_browser(tmp_path / "no-chromium")

"""Slides in takes: the right slide at the right time, and pages that stay as they were left."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from dispatcher.config import is_root
from dispatcher.tour.browser.capture import TakeRecorder
from dispatcher.tour.recording.director import record_steps
from dispatcher.tour.recording.takes import Take
from dispatcher.tour.slides.show import SlideProjector
from dispatcher.tour.slides.timing import LEAST_S
from dispatcher.tour.spec.loading import load
from dispatcher.tour.spec.steps import TAIL_S, TourStep
from protocol.errors import StepFailed
from tests.support.media import read_frame
from tests.support.pages import Site, html
from tests.support.specs import demo, slides, whole, write

pytestmark = [pytest.mark.browser, pytest.mark.films]

SVG = 'xmlns="http://www.w3.org/2000/svg" width="900" height="700"'
PICTURES = {"red": (200, 20, 20), "green": (20, 160, 20), "blue": (20, 20, 200)}


def film(tmp_path: Path, chromium: Path, content: dict[str, Any], said: dict[str, float]) -> dict[str, Take]:
    """Film a spec and return its takes by step."""
    settings = {"viewport": "640x360", "default_step_timeout": 30, **content.get("settings", {})}
    spec = load(write(tmp_path, {**content, "settings": settings}))
    takes = record_steps(spec, said, work_dir=tmp_path / "work", browser=chromium, root=is_root())
    assert [take.step_id for take in takes] == [step.id for step in spec.steps]
    return {take.step_id: take for take in takes}


def deck(folder: Path) -> dict[str, Any]:
    """Return a deck of three pictures, each of one colour."""
    content = []
    for name, (red, green, blue) in PICTURES.items():
        square = f'<rect width="900" height="700" fill="rgb({red},{green},{blue})"/>'
        (folder / f"{name}.svg").write_text(f"<svg {SVG}>{square}</svg>")
        content.append({"type": "image", "image": f"{name}.svg"})
    return {"content": content}


def middle(take: Take, at_s: float) -> tuple[int, int, int]:
    """Return the colour of the middle of a take's picture."""
    red, green, blue = read_frame(take.path, at_s)[150:200, 300:340].reshape(-1, 3).mean(0)
    return int(red), int(green), int(blue)


def shows(take: Take, at_s: float) -> str:
    """Return the name of the picture that is shown, or the colour."""
    seen = np.array(middle(take, at_s))
    return next((name for name, color in PICTURES.items() if np.abs(seen - color).max() < 25), str(seen))


def amiss(take: Take, looks: dict[float, str], seconds: float) -> list[str]:
    """Return what came late in a take; that something is early or cut short is the recorder's fault, and fails."""
    order, seen = list(PICTURES), {at: shows(take, at) for at in looks}
    early = [at for at, name in seen.items() if name in order[order.index(looks[at]) + 1 :]]
    assert not early, seen
    assert take.seconds > seconds - 0.02
    late = [f"{at} s: {seen[at]}, not {name}" for at, name in looks.items() if seen[at] != name]
    return late if take.seconds < seconds + 0.6 else [*late, f"{take.seconds} s long, not {seconds}"]


def on_time(filmed: Callable[[], list[str]]) -> None:
    """Film until nothing comes late: a machine that stops something makes one video late, a slow recorder makes all."""
    until = time.monotonic() + 60
    while (late := filmed()) and time.monotonic() < until:
        pass
    assert late == []


def test_slides_change_on_time(tmp_path: Path, chromium: Path) -> None:
    """Each slide has its interval, from the first picture on; what is said longer stays on the last one."""
    content = whole(slides(slides={"advance_interval": 1.0}), deck=deck(tmp_path))
    looks = {0.0: "red", 0.95: "red", 1.6: "green", 1.95: "green", 2.6: "blue", 4.4: "blue"}
    on_time(lambda: amiss(film(tmp_path, chromium, content, {"talk": 4.0})["talk"], looks, 4 + TAIL_S))


STILL = """([number, fade]) => {
  const shown = window.deck.show(number, { fade });
  window.fades = document.getAnimations();
  for (const one of fades) one.pause();
  return shown;
}"""
"""Shows a slide, and has its fade stand at its beginning."""
GO_TO = "part => { for (const one of fades) one.currentTime = part * one.effect.getComputedTiming().endTime; }"


def test_a_fade_and_no_blank(tmp_path: Path, chromium: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two slides there is a mixture of both, and never the bare ground."""
    play, show = SlideProjector.play, SlideProjector._show
    films: list[TakeRecorder] = []

    def playing(
        self: SlideProjector, page: Page, take_recorder: TakeRecorder, step: TourStep, narration_s: float
    ) -> None:
        films.append(take_recorder)
        play(self, page, take_recorder, step, narration_s)

    def showing(self: SlideProjector, page: Page, number: int, *, fade: bool) -> None:
        show(self, page, number, fade=fade)
        for part in (0.25, 0.5, 0.75, 1.0) if fade else ():
            page.evaluate(GO_TO, part)
            films[-1].record_for(0.4)

    monkeypatch.setattr("dispatcher.tour.slides.show.SHOW", STILL)
    monkeypatch.setattr(SlideProjector, "play", playing)
    monkeypatch.setattr(SlideProjector, "_show", showing)
    segment = slides(slides={"range": [1, 2], "advance_interval": 0.5})
    take = film(tmp_path, chromium, whole(segment, deck=deck(tmp_path)), {"talk": 1.0})["talk"]
    seen = [middle(take, n / 20) for n in range(int(take.seconds * 20) + 1)]
    assert all(blue < 60 for _, _, blue in seen)  # the ground is white
    assert any(60 < red < 160 for red, _, _ in seen)
    reds = [red for red, _, _ in seen]
    assert (reds[0], reds[-1]) == (pytest.approx(200, abs=24), pytest.approx(20, abs=24))
    assert all(after <= before + 2 for before, after in pairwise(reds))


def test_slides_share_out_a_narration(tmp_path: Path, chromium: Path) -> None:
    """Without an interval changes fall between sentences; a short narration still shows every slide."""
    text = "A first sentence that is quite long. " + "And two. " + "And three."
    content = whole(slides("a", narration=text), slides("b", narration="Hi."), deck=deck(tmp_path))
    whole_looks = {0.0: "red", 5.2: "red", 6.2: "green", 6.7: "green", 7.7: "blue", 8.4: "blue"}
    short_looks = {(n + 0.8) * LEAST_S: name for n, name in enumerate(PICTURES)}

    def filmed() -> list[str]:
        takes = film(tmp_path, chromium, content, {"a": 8.0, "b": 0.2})
        late = amiss(takes["a"], whole_looks, 8 * 36 / 54 + 2 * LEAST_S + TAIL_S)
        return late + amiss(takes["b"], short_looks, 3 * LEAST_S + TAIL_S)

    on_time(filmed)


def test_a_duration_is_the_least(tmp_path: Path, chromium: Path) -> None:
    """A segment lasts as long as it is told to, or longer where more is said."""
    content = whole(slides("a", duration=6), demo("b", duration=1.5), demo("c", duration=0.2), deck=deck(tmp_path))

    def filmed() -> list[str]:
        takes = film(tmp_path, chromium, content, {"a": 1.0, "b": 0.3, "c": 0.6})
        late = amiss(takes["a"], {1.7: "red", 3.4: "green", 5.6: "blue"}, 6)
        return late + amiss(takes["b"], {}, 1.5) + amiss(takes["c"], {}, 0.6 + TAIL_S)

    on_time(filmed)


@pytest.mark.parametrize("mode", ["independent", "continuous"])
def test_slides_and_pages_in_one_film(tmp_path: Path, site: Site, chromium: Path, mode: str) -> None:
    """Slides before, between and after pages: each take begins and ends with what it is about."""
    for name, (red, green, blue) in PICTURES.items():
        site.pages[f"/{name}"] = html(color=f"rgb({red},{green},{blue})")
    content = whole(
        slides("one", slides={"range": 3}),
        demo("app", url="/green"),
        slides("two", slides={"range": [1, 2], "advance_interval": 0.6}),
        demo("more", url="/blue"),
        slides("end", slides={"range": 1}),
        slides("again", slides={"range": 2}),
        deck=deck(tmp_path),
        settings={"mode": mode, "base_url": site.url},
    )
    wanted = {
        "one": ("blue", "blue"),
        "app": ("green", "green"),
        "two": ("red", "green"),
        "more": ("blue", "blue"),
        "end": ("red", "red"),
        "again": ("green", "green"),
    }

    def filmed() -> list[str]:
        takes = film(tmp_path, chromium, content, dict.fromkeys(wanted, 0.4))
        ends = {name: (shows(take, 0.0), shows(take, take.seconds)) for name, take in takes.items()}
        last = ends["two"][1]
        assert {**ends, "two": (ends["two"][0], "green")} == wanted
        return [] if last == "green" else [f"two ends {last}"]

    on_time(filmed)


def test_a_page_goes_on_after_slides(tmp_path: Path, site: Site, chromium: Path) -> None:
    """In continuous mode a demo segment without url finds the page as it was left, with all that was done to it."""
    site.pages["/"] = html("<button id=b onclick='document.body.style.background=`rgb(20,160,20)`'>press</button>")
    press = {"type": "click_selector", "selector": "#b"}
    content = whole(
        demo("before", url="/", actions=[press]),
        slides("between", slides={"range": 1}),
        {"id": "after", "type": "demo", "assertions": [{"type": "element_visible", "selector": "#b"}]},
        deck=deck(tmp_path),
        settings={"mode": "continuous", "base_url": site.url},
    )
    takes = film(tmp_path, chromium, content, dict.fromkeys(("before", "between", "after"), 0.4))
    assert shows(takes["between"], 0.0) == "red"
    assert shows(takes["after"], 0.0) == "green"
    assert site.asked.count("/") == 1


def test_slides_that_fail_say_why(tmp_path: Path, chromium: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deck that cannot be shown ends the tour like any step, with its screenshot."""
    monkeypatch.setattr("dispatcher.tour.slides.show.SHOW", "() => 99")
    with pytest.raises(StepFailed, match=r"step 'talk', slides: the deck shows slide 99 instead of 1") as caught:
        film(tmp_path, chromium, whole(slides(), deck=deck(tmp_path)), {})
    assert caught.value.kept is not None
    assert (caught.value.kept / "screenshot.png").is_file()


def test_a_lost_picture_is_asked_for_again(tmp_path: Path, chromium: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy browser leaves out the last picture of a fade and sends no other: the video does not stay in between."""
    take_frame, show, changed = TakeRecorder.take_frame, SlideProjector._show, [0.0]

    def showing(self: SlideProjector, page: Page, number: int, *, fade: bool) -> None:
        changed[0] = time.time()
        show(self, page, number, fade=fade)

    def losing(self: TakeRecorder, frame: Any) -> None:
        if not 0 < frame["timestamp"] / 1000 - changed[0] < 0.4 or self._zero is None:
            take_frame(self, frame)

    monkeypatch.setattr(SlideProjector, "_show", showing)
    monkeypatch.setattr(TakeRecorder, "take_frame", losing)
    segment = slides(slides={"range": [1, 2], "advance_interval": 1.2})
    content, looks = whole(segment, deck=deck(tmp_path)), {1.0: "red", 1.3: "red", 2.4: "green", 2.9: "green"}
    on_time(lambda: amiss(film(tmp_path, chromium, content, {})["talk"], looks, 2.4 + TAIL_S))

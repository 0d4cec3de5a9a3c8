"""Pages that go somewhere else by script while they are opened: the tour videos where they lead."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from dispatcher.tour.browser import page_load
from dispatcher.tour.browser.recorder import BrowserRecorder
from protocol.errors import StepFailed
from tests.browser.test_director import BLUE, GREEN, RED, css, film, shows
from tests.support.pages import Site, html

pytestmark = [pytest.mark.browser, pytest.mark.films]


def leaves(site: Site, to: str, after_ms: int, *, at: str = "/", body: str = "", on: str = "load") -> None:
    """Have a page go to another address by script, so long after it has loaded (or at once, while it is read)."""
    go = f"setTimeout(() => {{ location.href = {to!r} }}, {after_ms})"
    script = f"addEventListener('load', () => {go})" if on == "load" else f"location.href = {to!r}"
    site.pages[at] = html(f"<script>{script}</script>{body}", color=css(RED))


@pytest.mark.parametrize("mode", ["independent", "continuous"])
@pytest.mark.parametrize("after_ms", [0, 20, 60, 120])
def test_a_login_by_script_is_filmed_where_it_leads(
    tmp_path: Path, site: Site, chromium: Path, mode: str, after_ms: int
) -> None:
    """An application that sends its visitors elsewhere once it has loaded is recorded there, at the first try."""
    leaves(site, "/login", after_ms)
    site.pages["/login"] = html("<p id=in>x", color=css(GREEN))
    wait = {"type": "wait_for_selector", "selector": "#in"}
    [take] = film(tmp_path, site, chromium, [{"id": "a", "url": "/", "actions": [wait]}], mode=mode)
    assert take.retries == 0
    assert shows(take, 0.0, GREEN)
    assert shows(take, take.seconds, GREEN)


def test_a_page_that_leaves_at_once_needs_no_wait(tmp_path: Path, site: Site, chromium: Path) -> None:
    """Two addresses that each lead on, before and after they have loaded: the first picture is the last page."""
    leaves(site, "/second", 0, on="read")
    leaves(site, "/third", 0, at="/second")
    site.pages["/third"] = html("<p>x", color=css(GREEN))
    steps = [{"id": "a", "url": "/"}, {"id": "b", "url": "/"}]
    takes = film(tmp_path, site, chromium, steps, mode="continuous")
    assert [take.retries for take in takes] == [0, 0]
    assert all(shows(take, 0.0, GREEN) for take in takes)
    assert site.asked.count("/") == 1  # the second step is at home where the first address led


def test_a_page_that_leaves_while_its_preloader_is_looked_at(
    tmp_path: Path, site: Site, chromium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That says nothing of the selector; the preloader of the next page is waited for."""
    hangs = "found => found.length && location.pathname === '/' ? new Promise(() => {}) : found.length > 0"
    monkeypatch.setattr(page_load, "OPAQUE", hangs)  # the page leaves in the middle of a look, always
    cover = "<div id=load style='position:fixed;inset:0'></div>"
    leaves(site, "/in", 700, body=cover)
    site.pages["/in"] = html(f"{cover}<script>setTimeout(() => load.remove(), 400)</script>", color=css(GREEN))
    [take] = film(tmp_path, site, chromium, [{"id": "a", "url": "/"}], preloader_selector="#load")
    assert take.retries == 0
    assert shows(take, 0.0, GREEN)


def test_a_page_that_never_stays_is_said(tmp_path: Path, site: Site, chromium: Path) -> None:
    """Two pages that send their visitor to and fro fail in bounded time, in plain words, with what can be had."""
    leaves(site, "/other", 0)
    leaves(site, "/", 0, at="/other")
    with pytest.raises(StepFailed, match=r"'a': .*navigated to another address") as failed:
        film(tmp_path, site, chromium, [{"id": "a", "url": "/"}], default_step_timeout=1.5, max_retries_per_step=1)
    assert failed.value.kept is not None
    assert zipfile.is_zipfile(failed.value.kept / "trace.zip")
    assert (failed.value.kept / "console.log").is_file()


def test_where_a_page_leads_must_be_there(tmp_path: Path, site: Site, chromium: Path) -> None:
    """An error page is never recorded, also where a script led to it."""
    for to, said in (("/none", "status 404"), ("http://127.0.0.1:9/", "cannot be opened")):
        leaves(site, to, 0)
        with pytest.raises(StepFailed, match=said):
            film(tmp_path, site, chromium, [{"id": "a", "url": "/"}], max_retries_per_step=0)


def test_a_preloader_that_is_no_selector_is_said(tmp_path: Path, site: Site, chromium: Path) -> None:
    """It is named, and not tried again."""
    site.pages["/"] = html("<p>x", color=css(BLUE))
    with pytest.raises(StepFailed, match=r"preloader_selector: the selector '#\[' is not valid"):
        film(tmp_path, site, chromium, [{"id": "a", "url": "/"}], preloader_selector="#[")
    assert site.asked.count("/") == 1


@pytest.mark.parametrize("where", ["new_chapter", "fresh_page", "turn_back"])
def test_a_browser_that_is_gone_ends_the_step_with_evidence(
    tmp_path: Path, site: Site, chromium: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A browser that ends between two steps is a failed step in plain words, whatever was asked of it then."""
    site.pages["/"] = html("<p>x")
    asked = getattr(BrowserRecorder, where)
    calls: list[int] = []

    def gone(self: BrowserRecorder) -> None:
        calls.append(1)
        if len(calls) > 1 or where == "fresh_page":
            self._browser.close()
            self.context.new_page()  # what a browser that has gone answers to everything
        asked(self)

    monkeypatch.setattr(BrowserRecorder, where, gone)
    steps = [{"id": "a", "url": "/"}, {"id": "b", "url": "/"}]
    with pytest.raises(StepFailed, match=r"step 'b': the browser has ended"):
        film(tmp_path, site, chromium, steps, max_retries_per_step=1)
    assert (tmp_path / "work" / "failures" / "b" / "console.log").is_file()

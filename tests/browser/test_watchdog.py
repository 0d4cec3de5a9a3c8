"""The watchdog of a recorder: it looks at the page from the first tick of its own page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from dispatcher.tour.browser import watchdog
from dispatcher.tour.browser.recorder import BrowserRecorder
from tests.support.acting import SIZE

pytestmark = [pytest.mark.browser]


def test_a_tick_while_the_recorder_opens_finds_a_page(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine opening a page takes longer than a tick: a tick may come at any moment of it."""
    monkeypatch.setattr(watchdog, "TICKS", "() => void setInterval(() => console.log('tick'), 1)")
    with BrowserRecorder(browser, SIZE) as recorder:
        assert recorder.page.url == "about:blank"

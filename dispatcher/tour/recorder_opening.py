"""Starts the browser that a tour is recorded with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

from dispatcher.tour.browser import find_browser, launch
from dispatcher.tour.browser_context import context_options
from dispatcher.tour.recorder import Recorder
from dispatcher.tour.spec import Spec


@contextlib.contextmanager
def open_recorder(spec: Spec, browser: Path | None, *, root: bool) -> Iterator[Recorder]:
    """Have a browser run for a tour until the block ends."""
    path = browser or find_browser()
    with sync_playwright() as playwright:
        scale = spec.settings.scale
        chromium = launch(playwright, path, root=root, scale=scale)
        try:
            options = context_options(spec, version=chromium.version)
            with Recorder(chromium, spec.settings.viewport, options, scale=scale) as recorder:
                yield recorder
        finally:
            with contextlib.suppress(PlaywrightError):  # Ctrl-C may have cut the connection to it already
                chromium.close()

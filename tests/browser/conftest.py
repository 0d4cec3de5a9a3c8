"""A browser, a small site and a page to act on; without a browser these tests are skipped, in CI they fail."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.config import is_root
from dispatcher.tour.browser import find_browser, launched
from protocol.errors import EnvironmentNotReady

PAGE = """<!doctype html><title>{title}</title><meta charset=utf-8>
<style>body {{ margin: 0; background: {colour}; font: 20px sans-serif; }} main {{ padding: 20px }}</style>
<main>{body}</main>"""

HOME = """<h1>Home</h1><a id=next href=second.html>next</a>
<button id=b onclick="out.textContent='clicked'">press</button>
<input id=i oninput="out.textContent=i.value"><p id=out></p><p id=late hidden>late</p>
<div id=cover style="position:fixed;inset:40% 0 0 0;background:#ccc">
<button id=close onclick="cover.remove()">Got it</button></div>
<script>setTimeout(() => late.hidden = false, 300)
document.onkeydown = e => document.body.dataset.key = e.key</script>"""
SECOND = """<h1>Second</h1><p id=gone>soon gone</p><div style="height:3000px"></div><p id=deep>deep</p>
<script>setTimeout(() => gone.remove(), 300)</script>"""
DIALOG = "<h1>Dialog</h1><button id=ask onclick=\"document.title = 'answer ' + confirm('sure?')\">ask</button>"
VISITS = (
    "<h1>Visits</h1><script>v = +(localStorage.v || 0) + 1; localStorage.v = v; document.title = 'visit ' + v</script>"
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/never"):
            threading.Event().wait(8)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def browser() -> Path:
    """The browser to film with."""
    try:
        return find_browser(None)
    except EnvironmentNotReady as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A small site on a free port of this machine; return its address."""
    folder = tmp_path_factory.mktemp("site")
    for name, title, colour, body in (
        ("index", "Home page", "#c81e1e", HOME),
        ("second", "Second page", "#1eb41e", SECOND),
        ("dialog", "Dialog", "#1e1ec8", DIALOG),
        ("visits", "Visits", "#ffffff", VISITS),
    ):
        (folder / f"{name}.html").write_text(PAGE.format(title=title, colour=colour, body=body), encoding="utf-8")
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def running(browser: Path) -> Iterator[object]:
    """A browser that runs for all tests of the session."""
    with launched(browser, root=is_root()) as made:
        yield made

"""What pages see of the recorded browser: the tour's language, and what settings.browser_context says."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from protocol.errors import StepFailed
from tests.support.acting import try_tour
from tests.support.pages import Site

pytestmark = [pytest.mark.browser]
WHO = """<!doctype html><meta charset=utf-8><title>Who</title><p id=l></p><script>
l.textContent = [navigator.language, (1234567.89).toLocaleString(), Intl.DateTimeFormat().resolvedOptions().timeZone,
  matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light', 'dpr ' + devicePixelRatio,
  'touch ' + (navigator.maxTouchPoints > 0), document.cookie, localStorage.theme].join(' | ');
console.log('header', 'HEADER');</script><p>HEADER</p><p id=lang>LANGUAGE</p>"""


class Echo(BaseHTTPRequestHandler):
    """Shows the headers that it was asked with; a private page asks for a name and a password."""

    def do_GET(self) -> None:
        if self.path == "/private" and self.headers.get("Authorization") != "Basic YW5uOnMzY3JldC1wYXNz":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()
            return
        body = WHO.replace("HEADER", self.headers.get("X-Token", "none"))
        body = body.replace("LANGUAGE", self.headers.get("Accept-Language", "none"))
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def echo() -> Iterator[Site]:
    """Serve the page that shows who asks."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    site = Site()
    site.url = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    server.server_close()


def claims(*texts: str, inside: str = "#l") -> list[dict[str, str]]:
    """Return assertions that each text is shown."""
    return [{"type": "element_visible", "selector": f"{inside}:has-text('{text}')"} for text in texts]


def test_the_page_gets_the_language_of_the_tour(tmp_path: Path, echo: Site, chromium: Path) -> None:
    """A German tour shows German numbers, and the server is asked for German."""
    seen = [*claims("de | 1.234.567,89"), *claims("de", inside="#lang")]
    try_tour(tmp_path, echo, chromium, [{"id": "a", "url": "/", "assertions": seen}], language="de")


def test_what_the_page_sees(tmp_path: Path, echo: Site, chromium: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locale, time zone, colours, scale, touch, cookies, storage, headers and the password reach the page."""
    monkeypatch.setenv("PAGE_PASSWORD", "s3cret-pass")
    monkeypatch.setenv("PAGE_TOKEN", "s3cret-token")
    cookie = {"name": "session", "value": "s3cret-cookie", "domain": "127.0.0.1", "path": "/", "expires": -1}
    cookie |= {"httpOnly": False, "secure": False, "sameSite": "Lax"}
    stored = [{"origin": echo.url, "localStorage": [{"name": "theme", "value": "s3cret-theme"}]}]
    (tmp_path / "state.json").write_text(json.dumps({"cookies": [cookie], "origins": stored}))
    context = {
        "locale": "fr-FR",
        "timezone": "Asia/Tokyo",
        "color_scheme": "dark",
        "device_scale_factor": 2,
        "mobile": True,
        "storage_state": "state.json",
        "headers": {"X-Token": "${PAGE_TOKEN}"},
        "http_credentials": {"username": "ann", "password": "${PAGE_PASSWORD}"},
    }
    seen = claims("fr-FR", "Asia/Tokyo", "dark", "dpr 2", "touch true", "session=s3cret-cookie", "s3cret-theme")
    steps = [{"id": "a", "url": "/private", "assertions": [*seen, *claims("s3cret-token", inside="p")]}]
    try_tour(tmp_path, echo, chromium, steps, browser_context=context)
    steps[0]["assertions"] = claims("never")
    with pytest.raises(StepFailed) as failed:
        try_tour(tmp_path, echo, chromium, steps, browser_context=context, default_step_timeout=2)
    assert "s3cret" not in str(failed.value)
    folder = tmp_path / "work" / "failures" / "a"
    assert "header" in (folder / "console.log").read_text()
    assert "s3cret" not in (folder / "console.log").read_text()
    with zipfile.ZipFile(folder / "trace.zip") as trace:
        for name in trace.namelist():
            assert b"s3cret" not in trace.read(name)
            assert b"YW5uOnMzY3JldC1wYXNz" not in trace.read(name)

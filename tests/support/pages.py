"""A small web site for the recorder to record: real HTTP on a free loopback port."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page

BASE = """<!doctype html><meta charset=utf-8><title>{title}</title><body style='margin:0;background:{color}'>
<i style='position:fixed;bottom:0;right:0'>.</i>{body}"""


def html(body: str = "", *, title: str = "Page", color: str = "#ffffff") -> str:
    """Return a whole page."""
    return BASE.format(title=title, color=color, body=body)


def picture(page: Page) -> np.ndarray:
    """Return what a page looks like: rows, columns, red-green-blue."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)


class Site:
    """Pages by path; a path in `hanging` never ends its answer, one in `flaky` fails that many times first."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.flaky: dict[str, int] = {}
        self.hanging: set[str] = set()
        self.asked: list[str] = []
        self.gone = threading.Event()
        self.url = ""


@contextmanager
def serve() -> Iterator[Site]:
    """Serve a site until the block ends."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            site.asked.append(path)
            status = 404 if path not in site.pages else 200
            if site.flaky.get(path, 0) > 0:
                site.flaky[path] -= 1
                status = 503
            body = site.pages.get(path, "nothing here").encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            for name, value in site.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + (path in site.hanging)))
            self.end_headers()
            self.wfile.write(body)
            if path in site.hanging:
                self.wfile.flush()
                site.gone.wait(300)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        site.gone.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve the files of a folder until the block ends; yield the address."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A real HTTP server on this machine that does what servers and networks do, and model files to fetch from it."""

from __future__ import annotations

import contextlib
import hashlib
import random
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from colab.models import ModelFile, ModelPlaces, Models
from colab.models import download as downloading


@dataclass
class Site:
    """What the server has, how it misbehaves, and what it was asked."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    etag: str = '"one"'
    ranges: bool = True
    length: bool = True  # whether it says how much it will send
    refuses_range: bool = False
    early: int = 0  # how many bytes before the one asked for its next answer to a range begins
    then: bytes | None = None  # what the file is from the second request on
    cuts: list[int] = field(default_factory=list)  # after how many bytes the next answers break off
    statuses: list[int] = field(default_factory=list)  # what the next answers are instead
    headers: dict[str, str] = field(default_factory=dict)  # beside these statuses
    redirects: dict[str, str] = field(default_factory=dict)
    hold: threading.Event | None = None  # with it, an answer waits in its middle
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sent: int = 0

    def header(self, name: str) -> list[str | None]:
        """Return a header of every request so far."""
        return [headers.get(name) for _, headers in self.asked]


class _Answering(BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer, or misbehave as the site says."""
        site = self.site
        site.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if site.statuses:
            self._plain(site.statuses.pop(0), site.headers)
        elif self.path in site.redirects:
            self._plain(302, {"location": site.redirects[self.path]})
        elif self.path not in site.files:
            self._plain(404, {})
        else:
            self._file(site.then if site.then is not None and len(site.asked) > 1 else site.files[self.path])

    def _plain(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def _file(self, data: bytes) -> None:
        start = self._range(len(data))
        if start is None:
            self._plain(416, {"content-range": f"bytes */{len(data)}"})
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("content-range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if self.site.etag:
            self.send_header("etag", self.site.etag)
        if self.site.length:
            self.send_header("content-length", str(len(data) - start))
        self.end_headers()
        self._send(data[start:])

    def _range(self, size: int) -> int | None:
        """Return at which byte to begin; None for a range that cannot be had."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        if not asked or not self.site.ranges:
            return 0
        if self.site.refuses_range or int(asked[1]) >= size:
            return None
        early, self.site.early = self.site.early, 0
        return int(asked[1]) - early if self.headers.get("if-range", self.site.etag) == self.site.etag else 0

    def _send(self, data: bytes) -> None:
        cut = self.site.cuts.pop(0) if self.site.cuts else len(data)
        if self.site.hold is not None:
            self._write(data[: len(data) // 2])
            self.site.hold.wait(200)
            data = data[len(data) // 2 :]
        self._write(data[:cut])
        self.close_connection = True

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(data)
            self.wfile.flush()
            self.site.sent += len(data)


@contextlib.contextmanager
def _serving() -> Iterator[Site]:
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answering", (_Answering,), {"site": site}))
    server.daemon_threads = True
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        if site.hold is not None:
            site.hold.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def site() -> Iterator[Site]:
    """A server without files."""
    with _serving() as site:
        yield site


@pytest.fixture
def elsewhere() -> Iterator[Site]:
    """A second server, which is another host to a client."""
    with _serving() as site:
        yield site


@pytest.fixture
def content() -> bytes:
    """Three million bytes that are like nothing else."""
    return random.Random(7).randbytes(3_000_000)


def file_of(content: bytes, **more: Any) -> ModelFile:
    """Return the table's entry of a content."""
    given: dict[str, Any] = {
        "name": "voice.onnx",
        "host": "huggingface",
        "repository": "some/model",
        "revision": "abc",
        "file": "deep/voice.onnx",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "Apache-2.0",
    }
    return ModelFile(**given | more)


@pytest.fixture
def file(content: bytes, site: Site) -> ModelFile:
    """The entry of `content`, which the server has."""
    file = file_of(content)
    site.files["/some/model/resolve/abc/deep/voice.onnx"] = content
    return file


@pytest.fixture
def cached(tmp_path: Path, file: ModelFile) -> Path:
    """Where the cache has the file, or would."""
    return tmp_path / "models" / file.sha256[:16] / "voice.onnx"


@pytest.fixture
def make_models(tmp_path: Path, file: ModelFile, site: Site) -> Callable[..., Models]:
    """Return a maker of `Models` that know the one file; each is as in a new process."""

    def make(tell: Callable[[str], None] = lambda _: None, **places: Any) -> Models:
        return Models(
            ModelPlaces(**{"folder": tmp_path / "models"} | places),
            files={file.name: file},
            hosts={"github": site.address, "huggingface": site.address},
            tell=tell,
        )

    return make


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait between tries."""
    monkeypatch.setattr(downloading, "WAITS_S", (0.0,) * len(downloading.WAITS_S))

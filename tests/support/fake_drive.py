"""A small Google Drive for rclone's real Drive backend: as much of its API as that uses, with Drive's own weather.

rclone is sent here by HTTPS_PROXY and a certificate authority made for the test; nothing leaves the machine.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import http.server
import itertools
import json
import re
import ssl
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FOLDER = "application/vnd.google-apps.folder"
ROOT = "root"
HOST = "www.googleapis.com"
_TOKEN = {"access_token": "test", "token_type": "Bearer", "refresh_token": "", "expiry": "2099-01-01T00:00:00Z"}

Fails = Callable[[str, str], tuple[int, str] | None]
"""Asked before each request (verb, path) whether it fails, and how: status and reason."""


def _never(verb: str, path: str) -> None:
    return None


@dataclass
class File:
    """One file or folder. Names belong to nobody: several may carry one."""

    id: str
    name: str
    parent: str
    kind: str
    data: bytes = b""
    seen_from: float = 0.0
    modified: str = "2026-01-01T00:00:00.000Z"

    def told(self) -> dict[str, Any]:
        """Return the file as Drive tells it."""
        told = {"id": self.id, "name": self.name, "mimeType": self.kind, "parents": [self.parent], "trashed": False}
        told |= {"modifiedTime": self.modified, "createdTime": self.modified}
        if self.kind != FOLDER:
            told |= {"size": str(len(self.data)), "md5Checksum": hashlib.md5(self.data).hexdigest()}
        return told


@dataclass
class Drive:
    """What is stored, and what goes wrong."""

    files: dict[str, File] = field(default_factory=dict)
    fails: Fails = _never  # before anything is done
    fails_after: Fails = _never  # although it was done
    hidden_s: float = 0.0  # new files are not listed for so long
    call_s: float = 0.0  # every call takes so long
    creates_per_s: float = 0.0  # creates wait for their turn; 0: no limit
    calls: Counter[str] = field(default_factory=Counter)
    changed: list[str] = field(default_factory=list)  # the parents of what was made, changed or removed, in order
    lock: threading.RLock = field(default_factory=threading.RLock)
    turn: threading.Lock = field(default_factory=threading.Lock)  # of those who create
    count: Iterator[int] = field(default_factory=itertools.count)

    def add(self, name: str, parent: str, kind: str = "text/plain", data: bytes = b"") -> File:
        """Make a file, whether or not the name is taken."""
        with self.lock:
            made = File(f"id{next(self.count)}", name, parent, kind, data, time.monotonic() + self.hidden_s)
            self.files[made.id] = made
            self.changed.append(parent)
            return made

    def wait(self, creates: bool) -> None:
        """Let pass the time that a call takes here."""
        time.sleep(self.call_s)
        if creates and self.creates_per_s:
            with self.turn:
                time.sleep(1 / self.creates_per_s)

    def changes(self, token: str) -> dict[str, Any]:
        """Return what changed since a token: folders, whose listing is not what it was."""
        with self.lock:
            since = [folder for folder in dict.fromkeys(self.changed[int(token) :]) if folder in self.files]
            told = [{"fileId": folder, "removed": False, "file": self.files[folder].told()} for folder in since]
            return {"newStartPageToken": str(len(self.changed)), "changes": told}

    def named(self, name: str) -> list[File]:
        """Return the files that carry a name."""
        with self.lock:
            return [file for file in self.files.values() if file.name == name]

    def find(self, query: str) -> list[File]:
        """Return what a query of rclone's asks for."""
        parents = set(re.findall(r"'([^']+)' in parents", query))
        names = {name.replace("\\'", "'") for name in re.findall(r"name='((?:[^'\\]|\\.)*)'", query)}
        wants = re.search(r"mimeType(!?=)'([^']+)'", query)
        with self.lock:
            return [
                file
                for file in self.files.values()
                if file.seen_from <= time.monotonic()
                and (not parents or file.parent in parents)
                and (not names or file.name in names)
                and (wants is None or (file.kind == wants[2]) is (wants[1] == "="))
            ]

    def remove(self, identity: str) -> None:
        """Remove a file or a folder with everything in it."""
        with self.lock:
            for child in [file.id for file in self.files.values() if file.parent == identity]:
                self.remove(child)
            if removed := self.files.pop(identity, None):
                self.changed.append(removed.parent)


class _Api(http.server.BaseHTTPRequestHandler):
    """The proxy, and behind it the API."""

    protocol_version = "HTTP/1.1"
    drive: Drive
    context: ssl.SSLContext

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_CONNECT(self) -> None:
        """Become the host that was asked for."""
        self.send_response(200)
        self.end_headers()
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)  # type: ignore[assignment]
        self.close_connection = False

    def finish(self) -> None:
        """Close the wrapped connection too: the server knows only the bare one."""
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) if "chunked" not in self.headers.get(
            "Transfer-Encoding", ""
        ) else self._chunks()  # fmt: skip
        url = urllib.parse.urlsplit(self.path)
        query = {name: values[0] for name, values in urllib.parse.parse_qs(url.query).items()}
        self.drive.calls[f"{self.command} {url.path}"] += 1
        self.drive.wait(creates=self.command == "POST")
        if failed := self.drive.fails(self.command, url.path):
            return self._fail(*failed)
        status, told = self._act(url.path, query, body)
        if failed := self.drive.fails_after(self.command, url.path):
            return self._fail(*failed)
        data = told if isinstance(told, bytes) else json.dumps(told).encode()
        self._send(status, data, "application/octet-stream" if isinstance(told, bytes) else "application/json")
        return None

    def _act(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        drive, identity = self.drive, path.rpartition("/")[2]
        if path.startswith("/upload/"):
            return 200, self._upload(identity, body)
        if path.endswith("/files") and self.command == "POST":
            told = json.loads(body)
            return 200, drive.add(told["name"], told.get("parents", [ROOT])[0], told["mimeType"]).told()
        if path.endswith("/files"):
            return 200, {"files": [file.told() for file in drive.find(query.get("q", ""))]}
        if path.endswith("/about"):
            return 200, {"storageQuota": {"limit": "1000000000", "usage": "1000"}, "user": {}}
        if path.endswith("/startPageToken"):
            return 200, {"startPageToken": str(len(drive.changed))}
        if path.endswith("/changes"):
            return 200, drive.changes(query["pageToken"])
        file = drive.files.get(identity)
        if identity == ROOT:
            return 200, {"id": ROOT, "name": "My Drive", "mimeType": FOLDER}
        if file is None:
            return 404, {"error": {"code": 404, "message": "File not found", "errors": [{"reason": "notFound"}]}}
        if self.command == "DELETE" or (self.command == "PATCH" and json.loads(body or b"{}").get("trashed")):
            drive.remove(identity)
            return 204 if self.command == "DELETE" else 200, {}
        return 200, file.data if query.get("alt") == "media" else file.told()

    def _upload(self, identity: str, body: bytes) -> dict[str, Any]:
        boundary = re.search(r"boundary=\"?([^\";]+)", self.headers["Content-Type"])
        assert boundary is not None
        parts = body.split(b"--" + boundary[1].encode())[1:3]
        head, data = (part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in parts)
        told = json.loads(head)
        if self.command == "PATCH":
            self.drive.files[identity].data = data
            self.drive.changed.append(self.drive.files[identity].parent)
            return self.drive.files[identity].told()
        return self.drive.add(told["name"], told.get("parents", [ROOT])[0], "text/plain", data).told()

    def _chunks(self) -> bytes:
        data = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _fail(self, status: int, reason: str) -> None:
        error = {"code": status, "message": reason, "errors": [{"domain": "usageLimits", "reason": reason}]}
        self._send(status, json.dumps({"error": error}).encode(), "application/json")

    def _send(self, status: int, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status != 204:
            self.wfile.write(data)


@contextlib.contextmanager
def fake_drive(folder: Path) -> Iterator[tuple[Drive, dict[str, str]]]:
    """Serve a Drive; yield it with the environment in which rclone's remote `gdrive:` is that Drive."""
    drive = Drive()
    handler = type("Api", (_Api,), {"drive": drive, "context": _certified(folder)})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = ["[gdrive]", "type = drive", "scope = drive", f"token = {json.dumps(_TOKEN)}", f"root_folder_id = {ROOT}"]
    (folder / "drive.conf").write_text("\n".join([*config, "use_trash = false", "pacer_min_sleep = 5ms"]) + "\n")
    try:
        yield (
            drive,
            {
                "RCLONE_CONFIG": str(folder / "drive.conf"),
                "HTTPS_PROXY": f"http://127.0.0.1:{server.server_port}",
                "RCLONE_CA_CERT": str(folder / "ca.pem"),
            },
        )
    finally:
        server.shutdown()
        server.server_close()


def _certified(folder: Path) -> ssl.SSLContext:
    """Return what answers as Google's host, by a certificate that only `folder/ca.pem` vouches for."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context

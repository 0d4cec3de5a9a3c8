"""Downloading one model file: it continues where it was cut, waits a little and tries again, and gives up in time.

What arrives is not trusted: whoever called checks the digest before the file gets its name.
"""

from __future__ import annotations

import logging
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from colab.models.table import ModelFile
from protocol.errors import JobFailed

WAITS_S = (1.0, 2.0, 4.0, 8.0)
"""Pauses between tries. A try that came `WORTH_WHILE` bytes further than any before begins the count again."""

WORTH_WHILE = 1 << 20
LONGEST_WAIT_S = 60.0  # what a server may ask for with Retry-After
KEPT_FREE = 64 << 20  # room that a download leaves on the disk, for the jobs
TIMEOUT = httpx.Timeout(60, connect=15)

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})

log = logging.getLogger(__name__)


class _Interrupted(Exception):
    """The download stopped before its end; trying again may help."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class Download:
    """The download of one file to `part`, which stays there when it is cut, to be continued by the next one.

    `place` is where it belongs in the end, for people without a network.
    """

    def __init__(
        self,
        file: ModelFile,
        part: Path,
        *,
        address: str,
        token: str | None,
        arrived: Callable[[int], None],
        place: Path,
    ) -> None:
        self._file, self._part, self._address, self._place = file, part, address, place
        self._etag = part.with_name(f"{part.name}.etag")
        self._token, self._arrived = token, arrived
        self.pieced = False  # whether `part` was put together from several answers

    def run(self) -> None:
        """Return when `part` has the full size. Raises `JobFailed` UNSUPPORTED or STORAGE."""
        log.info("downloading %s (%d bytes) from %s", self._file.name, self._file.size, self._address)
        tries = 0
        furthest = self._have()
        self.pieced = furthest > 0
        with httpx.Client(follow_redirects=True, timeout=TIMEOUT) as client:
            while (before := self._have()) < self._file.size:
                try:
                    self._transfer(client, before)
                except (httpx.RequestError, _Interrupted) as problem:
                    tries = 1 if self._have() - furthest >= WORTH_WHILE else tries + 1
                    furthest = max(furthest, self._have())
                    self._rest(problem, tries)

    def discard(self) -> None:
        """Forget what arrived."""
        self._part.unlink(missing_ok=True)
        self._etag.unlink(missing_ok=True)

    def _have(self) -> int:
        """Return how many bytes there are; more than the file has are none."""
        size = self._part.stat().st_size if self._part.exists() else 0
        if size > self._file.size:
            self.discard()
            return 0
        return size

    def _rest(self, problem: Exception, tries: int) -> None:
        """Wait before the next try, or give up."""
        why = str(problem) or type(problem).__name__
        if tries > len(WAITS_S):
            raise self._failed(
                f"{why}. {self._have()} bytes are kept and the next try continues there. Check the network, or put the "
                f"file with sha256 {self._file.sha256} at {self._place}"
            ) from problem
        wait_s = max(WAITS_S[tries - 1], getattr(problem, "wait_s", 0.0))
        log.warning("the download of %s was interrupted (%s); again in %.0f s", self._file.name, why, wait_s)
        time.sleep(wait_s)

    def _transfer(self, client: httpx.Client, have: int) -> None:
        """Make one request and write what it brings."""
        self._check_room(have)
        with client.stream("GET", self._address, headers=self._headers(have)) as answer:
            start = self._start(answer, have)
            self._keep_etag(answer.headers.get("etag", ""))
            if not self._write(answer, start):
                self.discard()
                raise self._failed(f"the server sends more than the {self._file.size} bytes of the file")
        if self._have() < self._file.size:
            raise _Interrupted(f"the answer ended after {self._have()} of {self._file.size} bytes")

    def _headers(self, have: int) -> dict[str, str]:
        headers = {"accept-encoding": "identity", "user-agent": "gpudrop"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"  # httpx drops it when it is sent on to another host
        if have:
            headers["range"] = f"bytes={have}-"
            if self._etag.exists():
                headers["if-range"] = self._etag.read_text(encoding="ascii")
        return headers

    def _start(self, answer: httpx.Response, have: int) -> int:
        """Return at which byte the answer begins, or raise what its status means."""
        status = answer.status_code
        if status == 206 and _range_start(answer) == have:
            self.pieced = True
            return have
        if status in (206, 416):
            self.discard()
            raise _Interrupted(f"the server cannot continue at byte {have} (HTTP {status})")
        if status == 200:
            self._check_length(answer)
            return 0
        if status in _TRANSIENT:
            raise _Interrupted(f"HTTP {status}", _retry_after(answer))
        raise self._failed(f"HTTP {status}{_hint(status, self._file)}")

    def _check_length(self, answer: httpx.Response) -> None:
        """Refuse a file of another length before it travels."""
        length = answer.headers.get("content-length", "")
        if length.isdigit() and int(length) != self._file.size:
            raise self._failed(f"the server has {length} bytes there, and the file has {self._file.size}")

    def _keep_etag(self, etag: str) -> None:
        """Keep a strong tag for If-Range; a weak one does not promise the same bytes (RFC 9110, 13.1.5)."""
        if etag.startswith('"') and etag.isascii():
            self._etag.write_text(etag, encoding="ascii")
        else:
            self._etag.unlink(missing_ok=True)

    def _write(self, answer: httpx.Response, start: int) -> bool:
        """Write what arrives; say whether it was not more than the file has."""
        done = start
        with self._part.open("ab" if start else "wb") as out:
            for chunk in answer.iter_raw():  # as it comes: gathered to larger chunks, a cut would lose the last one
                done += len(chunk)
                if done > self._file.size:
                    return False
                out.write(chunk)
                self._arrived(done)
        return True

    def _check_room(self, have: int) -> None:
        free = shutil.disk_usage(self._part.parent).free
        if (needed := self._file.size - have + KEPT_FREE) > free:
            raise JobFailed(
                f"no room for the model file {self._file.name} in {self._part.parent}: {needed} bytes are needed and "
                f"{free} are free. Free some, or set GPUDROP_WORKER_MODELS_DIR to a folder on a larger disk",
                code="STORAGE",
            )

    def _failed(self, why: str) -> JobFailed:
        return JobFailed(
            f"the model file {self._file.name} could not be downloaded from {self._address}: {why}",
            code="UNSUPPORTED",
        )


def _range_start(answer: httpx.Response) -> int | None:
    found = re.fullmatch(r"bytes (\d+)-\d+/(?:\d+|\*)", answer.headers.get("content-range", ""))
    return int(found[1]) if found else None


def _retry_after(answer: httpx.Response) -> float:
    seconds = answer.headers.get("retry-after", "")
    return min(float(seconds), LONGEST_WAIT_S) if seconds.isdigit() else 0.0


def _hint(status: int, file: ModelFile) -> str:
    if status in (401, 403) and file.host == "huggingface":
        return ". Set HF_TOKEN to a token that may read the repository"
    if status in (404, 410):
        return ". It is not there any more: a newer gpudrop may know its new place"
    return ""

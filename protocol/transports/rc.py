"""rclone's remote control over HTTP: one call, one long job, one file read; every one of them with a deadline.

Knows nothing of drops. What rclone answers becomes one of the channel's errors by the table at the end.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from protocol.errors import ChannelError, ChannelLost, NameMissing, StorageFull

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every call

CALL_S = 90.0
"""How long one call may take: rclone itself tries again under the hood, and backs off as the provider asks."""

STALL_S = 180.0
"""How long a long transfer may move nothing."""

CONNECT_S = 5.0
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.05, 1.0


class RcGone(Exception):
    """The process behind the port does not answer any more."""


class RcFailed(Exception):
    """rclone says that a call failed: its HTTP status and its own words."""

    def __init__(self, command: str, status: int, text: str) -> None:
        self.command, self.status, self.text = command, status, text
        super().__init__(f"{command}: {text}")


@dataclass(frozen=True, kw_only=True)
class Moved:
    """How far a transfer is, in bytes and files; `total` is 0 until rclone knows it."""

    bytes: int
    total: int
    files: int


class Rc:
    """A client of one rclone process. Safe to use from several threads."""

    def __init__(self, url: str, user: str, password: str) -> None:
        timeout = httpx.Timeout(CALL_S, connect=CONNECT_S)
        # trust_env: a proxy that the environment names is for the remotes, not for this loopback port.
        self._http = httpx.Client(base_url=url, auth=(user, password), timeout=timeout, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, command: str, parameters: Mapping[str, Any] | None = None, *, timeout_s: float = CALL_S) -> Any:
        """Return rclone's answer. Raises RcFailed for its errors, ChannelLost when it takes too long, else RcGone."""
        with self._reached(command, timeout_s):
            answer = self._http.post(f"/{command}", json=dict(parameters or {}), timeout=_within(timeout_s))
            _check(command, answer)
            return answer.json()

    def job(
        self,
        command: str,
        parameters: Mapping[str, Any],
        *,
        group: str,
        progress: Callable[[Moved], None] | None = None,
        stall_s: float = STALL_S,
    ) -> None:
        """Run a long command to its end; without progress for `stall_s` it is stopped and raises ChannelLost."""
        number = self.call(command, {**parameters, "_async": True, "_group": group})["jobid"]
        try:
            self._follow(command, number, group, progress, stall_s)
        except BaseException:
            with contextlib.suppress(RcGone, RcFailed, ChannelError):  # it ended by itself, or all of rclone did
                self.call("job/stop", {"jobid": number}, timeout_s=CONNECT_S)
            raise

    def moved(self, group: str) -> Moved:
        """Return how far the transfers of a group are. This asks rclone only, not the remote."""
        stats = self.call("core/stats", {"group": group})
        return Moved(bytes=stats["bytes"], total=stats.get("totalBytes", 0), files=stats["transfers"])

    @contextlib.contextmanager
    def read(self, fs: str, remote: str, *, timeout_s: float = CALL_S) -> Iterator[httpx.Response]:
        """Open a file of a remote as a stream; its length is in the headers where the remote tells it."""
        with self._reached("read", timeout_s):
            url = f"/{quote(f'[{fs}]', safe='')}/{quote(remote)}"
            with self._http.stream("GET", url, timeout=_within(timeout_s)) as answer:
                if answer.is_error:
                    answer.read()
                _check("read", answer)
                yield answer

    @contextlib.contextmanager
    def _reached(self, command: str, timeout_s: float) -> Iterator[None]:
        try:
            yield
        except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise ChannelLost(f"rclone did not finish {command} within {timeout_s:.0f} s") from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise RcGone(f"{command}: {error}") from error
        except RuntimeError as error:
            if not self._http.is_closed:
                raise
            # Another thread found rclone dead, and closed this client before the same was seen here.
            raise RcGone(f"{command}: {error}") from error

    def _follow(
        self, command: str, number: int, group: str, progress: Callable[[Moved], None] | None, stall_s: float
    ) -> None:
        look_s, moved_at, before = _FIRST_LOOK_S, time.monotonic(), -1
        while not (status := self.call("job/status", {"jobid": number}))["finished"]:
            moved = self.moved(group)
            if moved.bytes != before:
                before, moved_at = moved.bytes, time.monotonic()
                if progress is not None:
                    progress(moved)
            elif time.monotonic() - moved_at > stall_s:
                raise ChannelLost(f"{command} has moved nothing for {stall_s:.0f} s and was stopped")
            time.sleep(look_s)
            look_s = min(_LONGEST_LOOK_S, 2 * look_s)
        if not status["success"]:
            raise RcFailed(command, 500, str(status["error"]))
        if progress is not None:
            progress(self.moved(group))


def _within(timeout_s: float) -> httpx.Timeout:
    return httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s))


def _check(command: str, answer: httpx.Response) -> None:
    if not answer.is_error:
        return
    try:
        text = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        text = answer.text.strip() or answer.reason_phrase
    raise RcFailed(command, answer.status_code, text)


def is_folder(failed: RcFailed) -> bool:
    """Say whether a folder is where a file was asked for."""
    return _FOLDER.search(failed.text) is not None


def is_no_remote(failed: RcFailed) -> bool:
    """Say whether rclone's configuration has no such remote, or no such kind of one."""
    return _NO_REMOTE.search(failed.text) is not None


def is_passing(failed: RcFailed) -> bool:
    """Say whether the same call may succeed a moment later: the provider is busy, or the line was cut."""
    kind = next((make for pattern, make in _TABLE if pattern.search(failed.text)), None)
    return kind in (_busy, _cut)


def _pattern(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


def _code(digits: str) -> str:
    """Return the pattern of an HTTP status; the same digits in a path ("jobs-504/take.503.mp4") mean nothing."""
    return rf"(?<![\w./-]){digits}(?![\w/-]|\.\w)"


_MISSING = _pattern(
    "object not found", "directory not found", "not a directory", "no such file", "error 404", "404 not found"
)
_FOLDER = _pattern("is a directory", "not a regular file", "is not a file")
_NO_REMOTE = _pattern("didn't find section in config", "didn't find backend called", "unknown backend")


def _missing(what: str, remote: str, why: str) -> ChannelError:
    return NameMissing(f"{what} is not in the drop, or not yet")


def _expired(what: str, remote: str, why: str) -> ChannelError:
    return ChannelLost(
        f"{what}: the remote no longer accepts the login that rclone keeps ({why}). Log in again: "
        f"rclone config reconnect {remote}:",
        retryable=False,
    )


def _full(what: str, remote: str, why: str) -> ChannelError:
    return StorageFull(f"no room to write {what}: {why}. Free some space on {remote}:, then run it again")


def _busy(what: str, remote: str, why: str) -> ChannelError:
    return ChannelError(
        f"{what}: {remote}: asks for fewer calls ({why}). On Google Drive a client id of one's own helps: "
        f"rclone config update {remote} client_id …"
    )


def _denied(what: str, remote: str, why: str) -> ChannelError:
    return ChannelError(
        f"{what}: {why}. Give the account of {remote}: the right to read and write there, or name another drop",
        retryable=False,
    )


def _unknown(what: str, remote: str, why: str) -> ChannelError:
    return ChannelError(
        f"{what}: rclone has no remote {remote!r} any more ({why}). See: rclone listremotes", retryable=False
    )


def _cut(what: str, remote: str, why: str) -> ChannelError:
    return ChannelLost(f"{what}: {remote}: cannot be reached ({why}). Is the network up?")


_TABLE: tuple[tuple[re.Pattern[str], Callable[[str, str, str], ChannelError]], ...] = (
    (_NO_REMOTE, _unknown),
    (
        _pattern(
            "invalid_grant",
            "empty token found",
            "couldn't fetch token",
            "token (has )?expired",
            "expired.{0,20}token",
            "failed to refresh token",
            _code("401"),
            "unauthori[sz]ed",
            "invalid credentials",
        ),
        _expired,
    ),
    (
        _pattern(
            "storage ?quota",
            "quota.{0,20}storage",
            "insufficient (storage|space|quota)",
            "no space left",
            "disk quota",
            _code("507"),
            "FileLimitExceeded",
        ),
        _full,
    ),
    (
        _pattern(
            "rate ?limit",
            "too many requests",
            _code("429"),
            "quota exceeded",
            "LimitExceeded",
            "slow ?down",
            _code("50[0234]"),
        ),
        _busy,
    ),
    (_pattern(_code("403"), "permission denied", "access denied", "forbidden", "read-only"), _denied),
    (
        _pattern(
            "no such host",
            "connection (refused|reset|timed out)",
            "network is (unreachable|down)",
            "no route to host",
            "i/o timeout",
            "handshake",
            "broken pipe",
            r"\bEOF\b",
            "deadline exceeded",
            "dial tcp",
        ),
        _cut,
    ),
    (_MISSING, _missing),
)
"""What rclone's words mean, looked at from the top: a login that expired may also say that a token was not found."""


def channel_error(what: str, remote: str, failed: RcFailed) -> ChannelError:
    """Return what a failed call, met at `what`, means to the two sides; what the table does not know is tried again."""
    why = " ".join(failed.text.split())[:300]
    for pattern, make in _TABLE:
        if pattern.search(failed.text):
            return make(what, remote, why)
    if failed.status == 404:
        return _missing(what, remote, why)
    return ChannelError(f"{what}: rclone says: {why}")

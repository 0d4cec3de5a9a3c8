"""The calls of a drop on a remote: each is retried where that helps, and fails with a ChannelError."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from protocol.errors import ChannelError, ChannelLost, EnvironmentNotReady, UsageError
from protocol.transports import rclone_server
from protocol.transports.rc import CALL_S, Rc, RcFailed, RcGone, channel_error, is_no_remote, is_passing

CallKind = Literal["open", "list", "stat", "read", "write", "mkdir", "delete"]

TRIES = 4
BACKOFF_S = 1.0

_NAME = re.compile(r"(?P<name>:?[^:,/\\]+)(,[^:]*(\"[^\"]*\"[^:]*)*)?:")
_T = TypeVar("_T")


class RemoteCalls:
    """Calls on one remote, through this process's rclone. `operations` counts them, by kind."""

    def __init__(self, address: str) -> None:
        match = _NAME.match(address)
        if match is None:
            raise UsageError(
                f"rclone:{address} does not name a remote. Write rclone:REMOTE:PATH, as in rclone:gdrive:gpudrop. "
                f"Your remotes: {_known_remotes()}"
            )
        if "]" in address or "//" in address:
            raise UsageError(
                f"rclone:{address} cannot be used: it must not contain ']' or '//'. "
                "Give the remote a name (rclone config), and write rclone:NAME:PATH"
            )
        self.address, self._remote = address, match["name"]
        self.operations: Counter[CallKind] = Counter()
        self._counting = threading.Lock()
        self._server: rclone_server.RcloneServer | None = rclone_server.acquire()

    def features(self) -> dict[str, Any]:
        """Return the features of the remote. An unknown remote raises EnvironmentNotReady."""
        try:
            answer = self.do("open", f"rclone:{self.address}", "operations/fsinfo", {"fs": self.address})
            return dict(answer["Features"])
        except ChannelError as error:
            if isinstance(error.__cause__, RcFailed) and is_no_remote(error.__cause__):
                raise EnvironmentNotReady(
                    f"rclone has no remote {self._remote!r}. Your remotes: {_known_remotes()}. Add one: rclone config"
                ) from error
            raise

    def do(self, kind: CallKind, what: str, command: str, parameters: dict[str, Any]) -> Any:
        """Make one call; rclone's errors become channel errors."""
        return self.run(kind, what or f"rclone:{self.address}", lambda rc: rc.call(command, parameters))

    def run(self, kind: CallKind, what: str, act: Callable[[Rc], _T]) -> _T:
        """Run `act`, and retry it after a pause if that helps: rclone died, provider busy, connection lost."""
        for left in reversed(range(TRIES)):
            try:
                rc = self._rc()
                with self._counting:
                    self.operations[kind] += 1
                return act(rc)
            except RcGone as error:
                if not left:
                    raise ChannelLost(f"{what}: rclone crashed {TRIES} times ({error})") from error
            except RcFailed as error:
                if not (left and is_passing(error)):
                    raise channel_error(what, self._remote, error) from error
                time.sleep(BACKOFF_S * 2 ** (TRIES - 1 - left) * random.uniform(0.7, 1.3))  # noqa: S311 (spreads load)
        raise AssertionError("the last try returns or raises")

    def _rc(self) -> Rc:
        server = self._server
        if server is None:
            raise ChannelError("this drop was closed; open it again", retryable=False)
        try:
            return server.rc()
        except EnvironmentNotReady as error:
            if server.starts:  # it ran before, so nothing is missing on this machine
                raise ChannelLost(f"rclone cannot be restarted: {error}") from error
            raise

    def close(self) -> None:
        """Release rclone; it ends with the last drop of this process."""
        if self._server is not None:
            self._server = None
            rclone_server.release()


def _known_remotes() -> str:
    server = rclone_server.acquire()
    try:
        names = server.rc().call("config/listremotes", timeout_s=CALL_S)["remotes"] or []
    except (RcGone, RcFailed) as error:
        return f"unknown ({error})"
    finally:
        rclone_server.release()
    return ", ".join(f"{name}:" for name in sorted(names)) or "none"

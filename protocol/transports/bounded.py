"""A folder whose calls can hang (FUSE, NFS, sync tools): each call runs in a helper process, with a deadline (R9).

A call into a dead mount cannot be interrupted from within its process, and its thread can never be ended. But a process
can be left behind: the next call gets another one, and the stuck one ends when the mount answers or is removed.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from protocol.drop import Entry
from protocol.errors import ChannelLost, NotFoundError
from protocol.transports.failures import mapped_local, restored_cause
from protocol.transports.ground import way_out

CALL_S = 30.0
"""How long a listing or a small file may take."""

SLOWEST = 100_000
"""The minimum bytes per second of a copy, which extend `CALL_S`."""

MAX_STUCK = 4
"""The number of helpers that may hang; with more, every call fails at once and no helper is started."""

_START = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from protocol.transports.bounded_helper import serve
serve()
"""

log = logging.getLogger(__name__)


class BoundedFolder:
    """The verbs of a folder drop, each with a deadline after which it raises `ChannelLost`. Thread-safe."""

    def __init__(self, root: Path, *, call_s: float = CALL_S) -> None:
        self._root, self._call_s = root, call_s
        self._lock = threading.Lock()
        self._idle: list[_Helper] = []
        self._stuck: list[_Helper] = []
        self._closed = False

    def check(self) -> None:
        """Raise ChannelLost if the folder is missing or does not answer."""
        self._do("check", (), {}, self._call_s)

    def make(self) -> None:
        """Make the folder itself and its parents."""
        self._do("make", (), {}, self._call_s)

    def list(self, folder: str) -> tuple[Entry, ...]:
        """List a folder."""
        found: tuple[Entry, ...] = self._do("list", (folder,), {}, self._call_s)
        return found

    def get(self, path: str, *, limit: int, copy: int = 0) -> bytes:
        """Return a whole small file."""
        data: bytes = self._do("get", (path,), {"limit": limit, "copy": copy}, self._call_s + limit / SLOWEST)
        return data

    def put(self, path: str, data: bytes) -> None:
        """Create a file."""
        self._do("put", (path, data), {}, self._call_s + len(data) / SLOWEST)

    def copy_in(self, local: Path, path: str) -> None:
        """Create a file from a local one."""
        with mapped_local(str(local)):
            size = local.stat().st_size
        self._do("copy_in", (local.absolute(), path), {}, self._call_s + size / SLOWEST)

    def copy_out(self, path: str, local: Path, *, limit: int, copy: int = 0) -> None:
        """Copy a file out; after a failure `local` is not there."""
        if not local.parent.is_dir():
            raise NotFoundError(f"{local} does not exist on this machine")
        try:
            self._do(
                "copy_out", (path, local.absolute()), {"limit": limit, "copy": copy}, self._call_s + limit / SLOWEST
            )
        except BaseException:
            local.unlink(missing_ok=True)
            raise

    def make_folder(self, path: str) -> None:
        """Make a folder and its parents."""
        self._do("make_folder", (path,), {}, self._call_s)

    def delete(self, path: str) -> None:
        """Remove a file or a whole folder."""
        self._do("delete", (path,), {}, 4 * self._call_s)

    def attributes(self, path: str) -> frozenset[str]:
        """Return the names of a file's extended attributes."""
        found: frozenset[str] = self._do("attributes", (path,), {}, self._call_s)
        return found

    def close(self) -> None:
        """End the helpers; a stuck one ends when it can."""
        with self._lock:
            self._closed = True
            helpers, self._idle = [*self._idle, *self._stuck], []
        for helper in helpers:
            helper.end()

    def _do(self, verb: str, args: tuple[Any, ...], more: dict[str, Any], deadline_s: float) -> Any:
        helper = self._take()
        try:
            answer = helper.ask((verb, args, more), deadline_s)
        except queue.Empty:
            self._leave(helper)
            raise ChannelLost(
                f"{self._root} did not answer within {deadline_s:.0f} s ({verb}): its mount hangs. "
                f"If this persists, {way_out(self._root)}"
            ) from None
        except (OSError, EOFError) as error:
            helper.end()
            raise ChannelLost(f"{self._root}: the helper process ended during {verb}") from error
        except BaseException:  # an interrupt: the pending answer must not be read as that of the next call
            helper.end()
            raise
        self._give_back(helper)
        if isinstance(answer, BaseException):
            raise answer from restored_cause(answer)
        return answer

    def _take(self) -> _Helper:
        with self._lock:
            for helper in [it for it in self._stuck if it.has_answered() or not it.alive()]:
                self._stuck.remove(helper)
                helper.end()
            if len(self._stuck) >= MAX_STUCK:
                raise ChannelLost(
                    f"{self._root} does not answer: {MAX_STUCK} calls hang in its mount. To end them, "
                    f"{way_out(self._root)}"
                )
            if self._idle:
                return self._idle.pop()
        try:
            return _Helper(self._root)
        except (OSError, RuntimeError) as error:  # no resources for a process or for the thread that reads its answers
            raise ChannelLost(
                f"{self._root}: no helper process can be started for it ({error}). If this persists, "
                "end some programs on this machine"
            ) from error

    def _leave(self, helper: _Helper) -> None:
        log.warning("a call on %s hangs; helper process %d is left behind", self._root, helper.pid)
        helper.abandon()
        with self._lock:
            self._stuck.append(helper)

    def _give_back(self, helper: _Helper) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(helper)
                return
        helper.end()


class _Helper:
    """One helper process and the thread that reads its answers."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._answers: queue.Queue[Any] = queue.Queue()
        try:
            self._say(sys.path)
            self._say(str(root))
            threading.Thread(target=self._hear, name="answers of a folder", daemon=True).start()
        except BaseException:
            self.end()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, question: Any, deadline_s: float) -> Any:
        """Return the answer. Raises queue.Empty at the deadline and EOFError when the process has ended."""
        self._say(question)
        answer = self._answers.get(timeout=deadline_s)
        if answer is _ENDED:
            raise EOFError
        return answer

    def has_answered(self) -> bool:
        return not self._answers.empty()

    def alive(self) -> bool:
        return self._process.poll() is None

    def abandon(self) -> None:
        """Have the system end it as soon as its hanging call returns."""
        self._process.kill()

    def end(self) -> None:
        """End it; a stuck one ends later."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None  # asked for
            with contextlib.suppress(OSError):
                pipe.close()
        ends = time.monotonic() + 1
        while self._process.poll() is None and time.monotonic() < ends:
            time.sleep(0.005)

    def _say(self, what: Any) -> None:
        assert self._process.stdin is not None  # asked for
        pickle.dump(what, self._process.stdin)
        self._process.stdin.flush()

    def _hear(self) -> None:
        assert self._process.stdout is not None  # asked for
        with contextlib.suppress(Exception):  # however the pipe ended, the helper is done
            while True:
                self._answers.put(pickle.load(self._process.stdout))  # noqa: S301 - written by our own helper
        self._answers.put(_ENDED)


_ENDED = object()

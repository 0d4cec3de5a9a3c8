"""One rclone process for all drops of this process: private, authenticated, and ended with us."""

from __future__ import annotations

import atexit
import collections
import contextlib
import os
import re
import secrets
import shutil
import subprocess
import threading
from typing import IO

from protocol.errors import ChannelError, ChannelLost, EnvironmentNotReady
from protocol.transports.rc import Rc, RcFailed, RcGone

OLDEST = (1, 60)
START_S = 30.0
_END_S = 5.0
_ADDRESS = re.compile(r"remote control on (http://127\.0\.0\.1:\d+)/")

# User and password come on standard input, so that they appear in no process list and no environment but rclone's own.
# When that input ends, however we ended, rclone is ended; when rclone ends by itself, so does this script.
_GUARD = """
read -r RCLONE_RC_USER; read -r RCLONE_RC_PASS; export RCLONE_RC_USER RCLONE_RC_PASS
exec 3<&0
"$@" 3<&- </dev/null & child=$!
{ read -r _ <&3; kill "$child"; } 2>/dev/null & reader=$!
exec 3<&-
wait "$child"; code=$?
kill "$reader" 2>/dev/null
exit "$code"
"""
# The environment must not set these: it could hide the port, or open it to everyone.
_OPTIONS = (
    "--rc-addr=127.0.0.1:0",
    "--rc-no-auth=false",
    "--rc-serve",
    "--rc-web-gui=false",
    "--log-level=NOTICE",
    "--log-file=",
    "--ask-password=false",
    "--low-level-retries=4",  # its default of ten, each pause twice the last, would outlast a call's deadline
)


def program() -> str:
    """Return the path of rclone. Without it (or a POSIX shell to guard it) EnvironmentNotReady has the hint."""
    found = shutil.which("rclone")
    if found is None:
        raise EnvironmentNotReady(
            "a drop at rclone:… needs the program rclone, which is not installed. Install it "
            "(https://rclone.org/install, or apt-get install rclone), or use a mounted folder as the drop"
        )
    if os.name != "posix":
        raise EnvironmentNotReady(
            "a drop at rclone:… works on Linux and macOS; here, mount the remote and name the folder"
        )
    return found


class RcloneServer:
    """An rclone process that is started when it is first needed, and restarted after a crash."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._rc: Rc | None = None
        self._words: collections.deque[str] = collections.deque(maxlen=50)
        self._reader: threading.Thread | None = None
        self.starts = 0  # how often it was started: more than once means that it crashed

    def rc(self) -> Rc:
        """Return a client of a running process."""
        with self._lock:
            if self._rc is None or self._process is None or self._process.poll() is not None:
                self._end()
                self._rc = self._start()
            return self._rc

    @property
    def pid(self) -> int | None:
        """Return the id of the process that guards rclone; None if there is none."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._end()

    def _start(self) -> Rc:
        user, password = secrets.token_hex(8), secrets.token_urlsafe(24)
        command = ["/bin/sh", "-c", _GUARD, "rclone-guard", program(), "rcd", *_OPTIONS]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe, text=True, start_new_session=True
        )
        assert self._process.stdin is not None  # asked for above
        with contextlib.suppress(BrokenPipeError):  # it ended at once; what it said is told below
            self._process.stdin.write(f"{user}\n{password}\n")
            self._process.stdin.flush()
        rc = Rc(self._address(self._process), user, password)
        self._check_version(rc)
        self.starts += 1
        return rc

    def _address(self, process: subprocess.Popen[str]) -> str:
        found: list[str] = []
        heard, words = threading.Event(), self._words
        words.clear()

        def listen(lines: IO[str]) -> None:
            for line in lines:
                words.append(line.rstrip())
                if not found and (match := _ADDRESS.search(line)):
                    found.append(match[1])
                    heard.set()
            heard.set()

        self._reader = threading.Thread(target=listen, args=(process.stderr,), name="rclone's log", daemon=True)
        self._reader.start()
        heard.wait(START_S)
        if not found:
            said = " / ".join(words) or f"nothing for {START_S:.0f} s"
            self._end()
            raise EnvironmentNotReady(f"rclone rcd did not start; it said: {said[-500:]}. Try: rclone listremotes")
        return found[0]

    def _check_version(self, rc: Rc) -> None:
        try:
            answer = rc.call("core/version", timeout_s=START_S)
        except (RcGone, RcFailed, ChannelError) as error:
            rc.close()
            self._end()
            raise ChannelLost(f"rclone ended right after it had started: {error}") from error
        if tuple(answer["decomposed"][:2]) < OLDEST:
            rc.close()
            self._end()
            raise EnvironmentNotReady(
                f"rclone {answer['version']} is too old: a drop at rclone:… needs {OLDEST[0]}.{OLDEST[1]} or later. "
                "Update it: rclone selfupdate, or https://rclone.org/install"
            )

    def _end(self) -> None:
        if self._rc is not None:
            self._rc.close()
            self._rc = None
        if self._process is None:
            return
        process, self._process = self._process, None
        assert process.stdin is not None  # asked for in _start
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait(_END_S)
        if self._reader is not None:
            self._reader.join(_END_S)
        if process.stderr is not None and not (self._reader and self._reader.is_alive()):
            process.stderr.close()


class _Shared:
    """The one server of this process, and how many use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: RcloneServer | None = None
        self._users = 0

    def acquire(self) -> RcloneServer:
        with self._lock:
            self._server = self._server or RcloneServer()
            self._users += 1
            return self._server

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._end()

    def end(self) -> None:
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


_shared = _Shared()
atexit.register(_shared.end)


def acquire() -> RcloneServer:
    """Return the process's server; every acquire is met by one release."""
    return _shared.acquire()


def release() -> None:
    """Let the server go; with the last user it ends."""
    _shared.release()

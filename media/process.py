"""An ffmpeg that runs in parallel with this program: its pipes, the last lines of its stderr, and how it ends.

`media.ffmpeg.Ffmpeg.run` is for commands that are simply waited for.
"""

from __future__ import annotations

import contextlib
import functools
import io
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from media.ffmpeg import KEPT_LINES, LINE, Ffmpeg, ffmpeg_error
from protocol.errors import MediaError

PIPE_BYTES = 1 << 20
"""The largest pipe that Linux allows an ordinary user: fewer switches between the two processes."""

_JOIN_S = 10.0


class FfmpegProcess:
    """A running ffmpeg. As a context manager it leaves no process behind, however the block ends.

    It has a pipe at stdin if `writes` is true, and one at stdout if `reads` is true; both are unbuffered. `on_line` is
    called with each line of stderr, in another thread; what it raises is raised by `finish`. `folder` is the working
    directory. With `stall_s`, the process is ended if it produces nothing for that long; whoever reads its output calls
    `note_progress`.
    """

    def __init__(
        self,
        ffmpeg: Ffmpeg,
        arguments: Sequence[str | Path],
        *,
        reads: bool = False,
        writes: bool = False,
        on_line: Callable[[str], None] | None = None,
        folder: Path | None = None,
        stall_s: float | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            [str(ffmpeg.path), "-hide_banner", "-nostats", "-y", *map(str, arguments)],
            stdin=subprocess.PIPE if writes else subprocess.DEVNULL,
            stdout=subprocess.PIPE if reads else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=folder,
        )
        self._last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._on_line = on_line
        self._listener_error: Exception | None = None
        self._last_output_s = time.monotonic()
        self._closed = threading.Event()
        self._stalled_s: float | None = None
        self._buffered: io.BufferedReader | None = None
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        if stall_s is not None:
            threading.Thread(target=self._watch, args=(stall_s,), daemon=True).start()
        for pipe in (self._process.stdin, self._process.stdout):
            _enlarge(pipe)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def stdin(self) -> io.RawIOBase:
        """Return the pipe to its stdin, which was asked for."""
        assert isinstance(self._process.stdin, io.RawIOBase)  # opened without a buffer
        return self._process.stdin

    @property
    def stdout(self) -> io.RawIOBase:
        """Return the pipe from its stdout, which was asked for."""
        assert isinstance(self._process.stdout, io.RawIOBase)  # opened without a buffer
        return self._process.stdout

    def buffered_stdout(self) -> io.BufferedReader:
        """Return its stdout as a stream whose reads are complete until the end; `close` closes it."""
        self._buffered = io.BufferedReader(self.stdout, PIPE_BYTES)
        return self._buffered

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Return the exit status, None while it is running."""
        return self._process.poll()

    def note_progress(self) -> None:
        """Record that it has produced output, for `stall_s`."""
        self._last_output_s = time.monotonic()

    def is_over(self, wait_s: float) -> bool:
        """Wait at most this long for its end, and say whether it has ended."""
        self._listener.join(wait_s)
        return not self._listener.is_alive()

    def kill(self) -> None:
        """End the process at once; `close` is still to be called."""
        self._process.kill()

    def finish(self, timeout_s: float | None = None) -> None:
        """Wait for its end. A failure raises MediaError with its last lines, or StorageFull; so does the timeout."""
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._process.kill()

        timer = threading.Timer(timeout_s, expire) if timeout_s is not None else None
        if timer is not None:
            timer.start()
        try:
            status = self._process.wait()  # not with a timeout, which would poll every 50 ms
        finally:
            if timer is not None:
                timer.cancel()
        self._listener.join(_JOIN_S)
        if self._listener_error is not None:
            raise self._listener_error
        if expired.is_set():
            raise MediaError(f"ffmpeg was ended because it had not finished after {timeout_s:.0f} s")
        if self._stalled_s is not None:
            raise MediaError(f"ffmpeg was ended because it produced nothing for {self._stalled_s:.0f} s")
        if status:
            raise ffmpeg_error(self._last_lines, status)

    def close(self) -> None:
        """End the process if it is still running, and close its pipes."""
        self._closed.set()
        if self._process.poll() is None:
            self._process.kill()
        for pipe in (self._process.stdin, self._buffered, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()
        self._listener.join(_JOIN_S)

    def _listen(self) -> None:
        """Read stderr all the time: a program stops when nobody empties its pipe."""
        assert isinstance(self._process.stderr, io.RawIOBase)  # opened without a buffer, which would read byte by byte
        with io.BufferedReader(self._process.stderr) as stderr:
            for line in iter(functools.partial(stderr.readline, LINE), b""):
                self.note_progress()
                text = line.decode(errors="replace")
                self._last_lines.append(text)
                if self._on_line is not None and self._listener_error is None:
                    try:
                        self._on_line(text)
                    except Exception as error:  # raised by `finish`; the pipe must still be emptied
                        self._listener_error = error

    def _watch(self, stall_s: float) -> None:
        """End a process that hangs; its reader would wait forever."""
        while not self._closed.wait(min(5.0, stall_s / 4)):
            if time.monotonic() - self._last_output_s > stall_s:
                self._stalled_s = stall_s
                self._process.kill()
                return


def _enlarge(pipe: IO[bytes] | None) -> None:
    if pipe is None or sys.platform != "linux":
        return
    import fcntl

    with contextlib.suppress(OSError):  # the limit for all pipes of this user is reached
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

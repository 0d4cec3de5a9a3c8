"""Raw frames out of and into an ffmpeg process, one at a time: a film in work never lies on the disk as pictures.

Memory is bounded by the frames that the caller holds. Both ends are context managers that leave no process behind,
however they are left.
"""

from __future__ import annotations

import contextlib
import functools
import io
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from media.ffmpeg import KEPT_LINES, LINE, Ffmpeg, failure
from protocol.errors import MediaError

Raw = NDArray[np.uint8]
"""The bytes of one frame, as ffmpeg's rawvideo lays them out."""

PIPE_BYTES = 1 << 20
"""What Linux lets anyone make a pipe hold: fewer switches between the two processes."""

WAITING_S = 1.0
"""How often it is said that the first frame is waited for."""

END_S = 600.0
"""How long an encoder may take to end after its last frame."""


def frame_bytes(size: tuple[int, int], *, bits: int) -> int:
    """Return the bytes of a yuv420p frame; chroma of odd sizes is rounded up, as ffmpeg does."""
    width, height = size
    return (width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)) * (1 if bits <= 8 else 2)


class _Process:
    """An ffmpeg that talks raw frames on one of its pipes."""

    def __init__(
        self,
        ffmpeg: Ffmpeg,
        arguments: Sequence[str | Path],
        listen: Callable[[str], None] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._folder = folder
        self._said: deque[str] = deque(maxlen=KEPT_LINES)
        self._listen = listen
        self._command = [str(ffmpeg.path), "-hide_banner", "-nostats", "-y", *map(str, arguments)]

    def _start(self, *, reads: bool, writes: bool) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=subprocess.PIPE if writes else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=self._folder,
        )
        self._listener = threading.Thread(target=self._hear, daemon=True)
        self._listener.start()
        for pipe in (self._process.stdin, self._process.stdout):
            _widen(pipe)

    def _hear(self) -> None:
        """Empty its stderr at all times: a program whose words nobody takes stands still."""
        assert isinstance(self._process.stderr, io.RawIOBase)  # a pipe without a buffer, which is read byte by byte
        with io.BufferedReader(self._process.stderr) as words:
            for line in iter(functools.partial(words.readline, LINE), b""):
                text = line.decode(errors="replace")
                self._said.append(text)
                if self._listen is not None:
                    self._listen(text)

    def _end(self, timeout_s: float) -> None:
        """Wait for the end; a bad one raises MediaError with ffmpeg's words, or StorageFull."""
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._process.kill()

        timer = threading.Timer(timeout_s, expire)
        timer.start()
        try:
            status = self._process.wait()  # without a timeout: with one it looks every twentieth of a second only
        finally:
            timer.cancel()
        if expired.is_set():
            self.close()
            raise MediaError(f"ffmpeg was ended {timeout_s:.0f} s after its last frame")
        self._listener.join(10)
        if status:
            raise failure(self._said, status, None)

    def close(self) -> None:
        """End the process if it still runs, and let go of its pipes."""
        if self._process.poll() is None:
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()
        self._listener.join(10)
        if self._process.stderr is not None:
            self._process.stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class FrameReader(_Process):
    """Reads what an ffmpeg writes to its stdout, in frames of `size` bytes. `listen` gets each line that it says.

    `fed` is what it gets on its stdin; else it has none. `folder` is where it runs. `waiting` is called in the reader's
    thread every second until the first frame is there: it may raise to end that.
    """

    def __init__(
        self,
        ffmpeg: Ffmpeg,
        arguments: Sequence[str | Path],
        size: int,
        *,
        listen: Callable[[str], None] | None = None,
        fed: NDArray[Any] | None = None,
        folder: Path | None = None,
        waiting: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(ffmpeg, arguments, listen, folder)
        self._size = size
        self._waiting = waiting
        self._start(reads=fed is not None, writes=True)
        if fed is not None:
            threading.Thread(target=self._feed, args=(memoryview(fed.data).cast("B"),), daemon=True).start()

    def _feed(self, view: memoryview) -> None:
        assert self._process.stdin is not None  # opened as a pipe
        with contextlib.suppress(OSError, ValueError):  # it has ended: reading tells why
            while view:
                view = view[self._process.stdin.write(view) :]
            self._process.stdin.close()

    def read(self) -> Raw | None:
        """Return the next frame, None after the last. A failed ffmpeg or half a frame raises MediaError."""
        if (waiting := self._waiting) is None:
            return self._read()
        self._waiting = None
        return self._awaited(waiting)

    def _awaited(self, waiting: Callable[[], None]) -> Raw | None:
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self._read)
            try:
                while wait([coming], WAITING_S).not_done:
                    waiting()
            except BaseException:
                self._process.kill()  # or the pool would wait for the frame
                raise
            waiting()
            return coming.result()

    def _read(self) -> Raw | None:
        assert isinstance(self._process.stdout, io.RawIOBase)  # a pipe without a buffer
        frame = np.empty(self._size, np.uint8)
        view, got = memoryview(frame.data).cast("B"), 0
        while got < self._size:
            more = self._process.stdout.readinto(view[got:])
            if not more:
                break
            got += more
        if got == self._size:
            return frame
        self._end(END_S)
        if got:
            raise MediaError(f"ffmpeg gave {got} of the {self._size} bytes of a frame")
        return None


class FrameWriter(_Process):
    """Feeds frames to the stdin of an ffmpeg. What it wrote is whole only after `finish`."""

    def __init__(self, ffmpeg: Ffmpeg, arguments: Sequence[str | Path]) -> None:
        super().__init__(ffmpeg, arguments)
        self._start(reads=True, writes=False)

    def write(self, frame: Raw | bytes) -> None:
        """Hand over a frame; an ffmpeg that has ended raises MediaError with its words, or StorageFull."""
        assert self._process.stdin is not None  # opened as a pipe
        view = memoryview(frame if isinstance(frame, bytes) else frame.data).cast("B")
        try:
            while view:
                view = view[self._process.stdin.write(view) :]
        except (BrokenPipeError, ConnectionResetError, OSError) as error:
            self._end(END_S)
            raise MediaError("ffmpeg ended before the last frame") from error

    @property
    def ended(self) -> bool:
        """Say whether it has written everything, or failed; `finish` says which."""
        return self._process.poll() is not None

    def finish(self) -> None:
        """Say that there are no more frames, wait until all are written, and let go of the process."""
        self.no_more()
        self._end(END_S)
        self.close()

    def no_more(self) -> None:
        """Say that there are no more frames, and wait for nothing."""
        assert self._process.stdin is not None  # opened as a pipe
        with contextlib.suppress(OSError):
            self._process.stdin.close()


def _widen(pipe: IO[bytes] | None) -> None:
    if pipe is None or sys.platform != "linux":
        return
    import fcntl

    with contextlib.suppress(OSError):  # the system's limit for all of a user's pipes together
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

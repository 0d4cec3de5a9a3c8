"""Raw frames read from and written to an ffmpeg process, one at a time: a video is never stored as image files.

Memory is bounded by the frames that the caller holds. Both ends are context managers that leave no process behind.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from media.ffmpeg import Ffmpeg
from media.process import FfmpegProcess
from protocol.errors import MediaError

RawFrame = NDArray[np.uint8]
"""The bytes of one frame in ffmpeg's rawvideo layout."""

WAITING_S = 1.0
"""How often `waiting` is called."""

END_S = 600.0
"""How long an encoder may take to end after its last frame."""


def frame_bytes(size: tuple[int, int], *, bits: int) -> int:
    """Return the bytes of a yuv420p frame; the chroma of odd sizes is rounded up, as ffmpeg does."""
    width, height = size
    return (width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)) * (1 if bits <= 8 else 2)


class FrameReader(FfmpegProcess):
    """Reads what an ffmpeg writes to its stdout, in frames of `size` bytes. `listen` gets each line of its stderr.

    `fed` is written to its stdin, which is empty otherwise. `folder` is its working directory. `waiting` is called in
    the reader's thread every `waiting_s` seconds (1 by default) until the first frame is there; it may raise to stop.
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
        waiting_s: float | None = None,
    ) -> None:
        super().__init__(ffmpeg, arguments, reads=True, writes=fed is not None, on_line=listen, folder=folder)
        self._size = size
        self._waiting = waiting
        self._waiting_s = WAITING_S if waiting_s is None else waiting_s
        if fed is not None:
            threading.Thread(target=self._feed, args=(memoryview(fed.data).cast("B"),), daemon=True).start()

    def _feed(self, view: memoryview) -> None:
        with contextlib.suppress(OSError, ValueError):  # ffmpeg has ended; reading says why
            while view:
                view = view[self.stdin.write(view) :]
            self.stdin.close()

    def read(self) -> RawFrame | None:
        """Return the next frame, None after the last. A failed ffmpeg or an incomplete frame raises MediaError."""
        if (waiting := self._waiting) is None:
            return self._read()
        self._waiting = None
        return self._read_while_calling(waiting)

    def _read_while_calling(self, waiting: Callable[[], None]) -> RawFrame | None:
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(self._read)
            try:
                while wait([pending], self._waiting_s).not_done:
                    waiting()
            except BaseException:
                self.kill()  # otherwise the pool would wait for the frame
                raise
            waiting()
            return pending.result()

    def _read(self) -> RawFrame | None:
        frame = np.empty(self._size, np.uint8)
        view, got = memoryview(frame.data).cast("B"), 0
        while got < self._size:
            more = self.stdout.readinto(view[got:])
            if not more:
                break
            got += more
        if got == self._size:
            return frame
        self.finish(END_S)
        if got:
            raise MediaError(f"ffmpeg gave {got} of the {self._size} bytes of a frame")
        return None


class FrameWriter(FfmpegProcess):
    """Writes frames to the stdin of an ffmpeg. Its output is complete only after `finish`."""

    def __init__(self, ffmpeg: Ffmpeg, arguments: Sequence[str | Path]) -> None:
        super().__init__(ffmpeg, arguments, writes=True)

    def write(self, frame: RawFrame | bytes) -> None:
        """Write a frame; if ffmpeg has ended, that raises MediaError with its last lines, or StorageFull."""
        view = memoryview(frame if isinstance(frame, bytes) else frame.data).cast("B")
        try:
            while view:
                view = view[self.stdin.write(view) :]
        except OSError as error:
            super().finish(END_S)
            raise MediaError("ffmpeg ended before the last frame") from error

    @property
    def ended(self) -> bool:
        """Say whether it has written everything, or failed; `finish` says which."""
        return self.status is not None

    def finish(self, timeout_s: float | None = END_S) -> None:
        """Announce that there are no more frames, wait until all are written, and close the process."""
        self.close_input()
        super().finish(timeout_s)
        self.close()

    def close_input(self) -> None:
        """Announce that there are no more frames, without waiting."""
        with contextlib.suppress(OSError):
            self.stdin.close()

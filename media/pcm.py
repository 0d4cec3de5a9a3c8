"""The sound of a media file as plain samples, decoded by ffmpeg in a process of its own and read as a stream.

However long the file, only what is asked for is in memory.
"""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from media.ffmpeg import Ffmpeg, source
from protocol.errors import MediaError

Samples = NDArray[np.float32]

RATE = 16_000
"""What recognisers are made for."""

KEPT_LINES, LINE = 3, 300
"""What is kept of ffmpeg's words: the last lines, and of each line no more than so many bytes at a time."""

_BYTES = 4


class SampleStream:
    """One sound of a file as mono samples of `RATE`, full scale ±1. Use it as a context manager.

    Time 0 is the file's, not the sound's: a sound that starts late begins with silence, and gaps in it are silent. More
    than `longest_s` is never read, whatever times the file tells.
    """

    def __init__(self, ffmpeg: Ffmpeg, path: Path, container: str, stream: int, *, longest_s: float) -> None:
        self._command = [
            str(ffmpeg.path), "-nostdin", "-hide_banner", "-loglevel", "error", *source(path, container),
            "-map", f"0:{stream}", "-vn", "-sn", "-dn", "-map_metadata", "-1",
            "-filter:a", f"aresample={RATE}:async=1:first_pts=0,aformat=sample_fmts=flt:channel_layouts=mono",
            "-t", f"{longest_s:.3f}", "-f", "f32le", "pipe:1",
        ]  # fmt: skip

    def __enter__(self) -> Self:
        self._said: deque[bytes] = deque(maxlen=KEPT_LINES)
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.join(10)
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None  # opened as one
            pipe.close()

    def read(self, samples: int) -> Samples:
        """Return the next samples; fewer than asked for only at the end. MediaError says why it cannot be decoded."""
        assert self._process.stdout is not None  # opened as a pipe
        data = self._process.stdout.read(samples * _BYTES)
        if len(data) < samples * _BYTES and (status := self._process.wait()):
            raise MediaError(f"ffmpeg cannot decode the sound ({status}): {self._words()}")
        heard = np.frombuffer(data[: len(data) // _BYTES * _BYTES], dtype="<f4").astype(np.float32)
        return np.nan_to_num(heard, nan=0.0, posinf=1.0, neginf=-1.0)

    def _listen(self) -> None:
        """Take what ffmpeg says: a pipe that nobody empties would stop it."""
        assert self._process.stderr is not None  # opened as a pipe
        self._said.extend(iter(lambda: self._process.stderr.readline(LINE), b""))  # type: ignore[union-attr]

    def _words(self) -> str:
        """Return the last that ffmpeg said."""
        self._listener.join(10)
        return " | ".join(line.decode(errors="replace").strip() for line in self._said) or "it does not say why"

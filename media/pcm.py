"""The audio of a media file as plain samples, decoded by ffmpeg in a separate process and read as a stream.

However long the file is, only the samples that are asked for are in memory.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from media.ffmpeg import Ffmpeg, input_arguments
from media.process import FfmpegProcess
from protocol.errors import MediaError

Samples = NDArray[np.float32]

RATE = 16_000
"""The rate that speech recognisers expect."""

_BYTES = 4


class SampleStream(FfmpegProcess):
    """One audio track as mono samples at `RATE`, full scale ±1. Use it as a context manager.

    Time 0 is the start of the file, not of the track: a track that starts late begins with silence, and gaps are
    silent. Never more than `longest_s` is read, whatever timestamps the file contains.
    """

    def __init__(self, ffmpeg: Ffmpeg, path: Path, container: str, stream: int, *, longest_s: float) -> None:
        arguments = [
            "-nostdin", "-loglevel", "error", *input_arguments(path, container),
            "-map", f"0:{stream}", "-vn", "-sn", "-dn", "-map_metadata", "-1",
            "-filter:a", f"aresample={RATE}:async=1:first_pts=0,aformat=sample_fmts=flt:channel_layouts=mono",
            "-t", f"{longest_s:.3f}", "-f", "f32le", "pipe:1",
        ]  # fmt: skip
        super().__init__(ffmpeg, arguments, reads=True)
        self._samples = self.buffered_stdout()

    def read(self, samples: int) -> Samples:
        """Return the next samples; fewer than asked for only at the end. MediaError says why decoding failed."""
        data = self._samples.read(samples * _BYTES)
        if len(data) < samples * _BYTES:
            self._check_end()
        values = np.frombuffer(data[: len(data) // _BYTES * _BYTES], dtype="<f4").astype(np.float32)
        return np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=-1.0)

    def _check_end(self) -> None:
        try:
            self.finish()
        except MediaError as error:
            raise MediaError(f"the audio cannot be decoded: {error}") from error

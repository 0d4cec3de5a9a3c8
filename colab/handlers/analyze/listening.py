"""What is heard: loudness by EBU R128 and silence, read off one pass of ffmpeg's filters."""

from __future__ import annotations

import math
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from media.ffmpeg import Ffmpeg
from media.info import MediaFile
from media.process import FfmpegProcess
from media.sampling import METER, SILENCE, SUMMARY, measure_audio
from protocol.kinds.analysis import MAX_POINTS, MAX_SPANS, Curve, Loudness, Span
from protocol.kinds.analyze import Params

FLOOR_LUFS = -70.0
"""The standard's absolute gate: what is quieter is silence."""

METER_S = 0.1
"""How often the meter speaks."""

_LOWEST = -190.0


class SoundMeter:
    """The sound of a file being measured beside us, from entering the block to `finish`."""

    def __init__(self, program: Ffmpeg, media: MediaFile, params: Params) -> None:
        self._seconds = max((track.seconds or 0.0 for track in media.sounds[:1]), default=0.0) or media.seconds or 0.0
        self._step_s = curve_step(self._seconds, METER_S)
        self._loudest: list[float] = []
        self._silences: list[Span] = []
        self._quiet_since: float | None = None
        self._summary: dict[str, float] = {}
        self._stack = ExitStack()
        self._begin = (program, media, params)
        self._reading: FfmpegProcess | None = None
        self.at_s = 0.0  # how far it is

    def __enter__(self) -> Self:
        program, media, params = self._begin
        self._reading = self._stack.enter_context(
            measure_audio(program, media, self._hear, silence_db=params.silence_level, silence_s=params.silence_seconds)
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def is_over(self, wait_s: float) -> bool:
        """Wait so long for the end, and say whether it has come."""
        assert self._reading is not None  # inside the block
        return self._reading.is_over(wait_s)

    def finish(self) -> tuple[Loudness, tuple[Span, ...]]:
        """Wait for the end and return loudness and silences. MediaError when the sound cannot be read."""
        assert self._reading is not None  # inside the block
        self._reading.finish()
        if self._quiet_since is not None:
            self._add_silence(max(self._quiet_since, self._seconds, self.at_s))
        integrated, peak = self._summary.get("I"), self._summary.get("Peak")
        loudness = Loudness(
            integrated_lufs=None if integrated is None or integrated <= FLOOR_LUFS else integrated,
            range_lu=max(0.0, self._summary.get("LRA", 0.0)),
            true_peak_dbfs=None if peak is None or peak < _LOWEST else peak,
            momentary=Curve(step_s=self._step_s, values=tuple(self._loudest[:MAX_POINTS])),
        )
        return loudness, tuple(self._silences[:MAX_SPANS])

    def _hear(self, line: str) -> None:
        if found := METER.search(line):
            self._measure(float(found[1]), float(found[2]))
        elif found := SILENCE.search(line):
            self._mark(found[1], max(0.0, float(found[2])))
        elif (found := SUMMARY.match(line)) and math.isfinite(value := float(found[2])):
            self._summary[found[1]] = value

    def _measure(self, at_s: float, momentary: float) -> None:
        self.at_s = at_s
        place = max(0, math.ceil(round(at_s / self._step_s, 3)) - 1)
        while len(self._loudest) <= min(place, MAX_POINTS - 1):
            self._loudest.append(FLOOR_LUFS)
        if place < MAX_POINTS and math.isfinite(momentary):
            self._loudest[place] = max(self._loudest[place], momentary)

    def _mark(self, what: str, at_s: float) -> None:
        if what == "start":
            self._quiet_since = at_s
        elif self._quiet_since is not None:
            self._add_silence(at_s)

    def _add_silence(self, end_s: float) -> None:
        assert self._quiet_since is not None  # its callers looked
        start_s = round(self._quiet_since, 3)
        self._silences.append(Span(start_s=start_s, end_s=max(start_s, round(end_s, 3))))
        self._quiet_since = None


def curve_step(seconds: float, least_s: float) -> float:
    """Return the step that leaves a curve of so many seconds at most MAX_POINTS long: a whole number of `least_s`."""
    return round(least_s * max(1, math.ceil(seconds / least_s / MAX_POINTS)), 3)

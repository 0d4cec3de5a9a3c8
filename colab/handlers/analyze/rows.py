"""What is measured of each picture of a film: one row of numbers, and never the picture itself."""

from __future__ import annotations

import math
from array import array
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from media.sampling import Frame

Values = NDArray[np.float32]
Times = NDArray[np.float64]


class FrameMeasures(NamedTuple):
    """One picture. Shares are of what there can be, from 0 to 1."""

    score: float  # PySceneDetect's content value: how far hue, saturation and value are from the last picture
    sharpness: float  # variance of the Laplacian
    black: float  # the share of pixels that are black
    frozen: float  # 1 for a picture that is like the last one that was not
    motion: float  # mean difference from the last picture
    blue: float
    green: float
    red: float
    brightness: float
    contrast: float  # standard deviation of the brightness, 1 for half black and half white
    saturation: float
    colourfulness: float  # Hasler and Suesstrunk, 2003


WIDTH = len(FrameMeasures._fields)
MOST = FrameMeasures(
    score=255, sharpness=1e9, black=1, frozen=1, motion=1, blue=1, green=1, red=1, brightness=1, contrast=1,
    saturation=1, colourfulness=1e3,
)  # fmt: skip
"""What each can be at most; none is below 0."""

_COLOURS = 2  # every how many pixels colourfulness is taken: it is a statistic, and dear


class Meter:
    """Measures pictures one after the other, each against the one before."""

    def __init__(self, *, black_level: float, freeze_noise: float) -> None:
        self._black = round(255 * black_level)
        self._noise = freeze_noise
        self._grey: Frame | None = None
        self._hsv: Frame | None = None
        self.reference: Frame | None = None  # what a frozen picture is like

    def measure(self, frame: Frame) -> FrameMeasures:
        """Return the row of the next picture."""
        grey: Frame = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        hsv: Frame = cv2.cvtColor(frame, cv2.COLOR_BGR2HSV)
        frozen = self._is_frozen(frame)
        score = 0.0 if self._hsv is None else float(cv2.norm(hsv, self._hsv, cv2.NORM_L1)) / hsv.size
        motion = 0.0 if self._grey is None else float(cv2.norm(grey, self._grey, cv2.NORM_L1)) / grey.size / 255
        blue, green, red = (value / 255 for value in cv2.mean(frame)[:3])
        mean, deviation = cv2.meanStdDev(grey)
        row = FrameMeasures(
            score=score,
            sharpness=float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))[1][0, 0]) ** 2,
            black=1 - cv2.countNonZero(cv2.threshold(grey, self._black, 1, cv2.THRESH_BINARY)[1]) / grey.size,
            frozen=float(frozen),
            motion=motion,
            blue=blue,
            green=green,
            red=red,
            brightness=float(mean[0, 0]) / 255,
            contrast=min(1.0, float(deviation[0, 0]) / 127.5),
            saturation=cv2.mean(hsv)[1] / 255,
            colourfulness=_colourfulness(frame[::_COLOURS, ::_COLOURS]),
        )
        self._grey, self._hsv = grey, hsv
        if not frozen:
            self.reference = frame
        return row

    def _is_frozen(self, frame: Frame) -> bool:
        if self.reference is None:
            return False
        return float(cv2.norm(frame, self.reference, cv2.NORM_L1)) / frame.size / 255 <= self._noise


def _colourfulness(frame: Frame) -> float:
    blue, green, red = cv2.split(frame.astype(np.float32))
    ones = [cv2.meanStdDev(part) for part in (red - green, (red + green) / 2 - blue)]
    means, deviations = ([float(one[place][0, 0]) for one in ones] for place in (0, 1))
    return math.hypot(*deviations) + 0.3 * math.hypot(*means)


class FrameTable:
    """The rows of a film so far, and when each picture is shown; 56 bytes a picture."""

    def __init__(self) -> None:
        self._times, self._values = array("d"), array("f")

    def __len__(self) -> int:
        return len(self._times)

    def add(self, at_s: float, row: FrameMeasures) -> None:
        """Add the next picture."""
        self._times.append(at_s)
        self._values.extend(row)

    def extend(self, times: Times, values: Values) -> None:
        """Add many pictures."""
        self._times.frombytes(np.ascontiguousarray(times, np.float64).tobytes())
        self._values.frombytes(np.ascontiguousarray(values, np.float32).tobytes())

    @property
    def last_s(self) -> float:
        """Return when the last picture is shown."""
        return self._times[-1]

    def part(self, first: int) -> tuple[Times, Values]:
        """Return the times and values from a place on, copied."""
        times = np.array(self._times[first:], np.float64)
        return times, np.array(self._values[first * WIDTH :], np.float32).reshape(-1, WIDTH)


class Table:
    """All rows of a film, by columns. A picture lasts until the next one, the last one as long as is usual."""

    def __init__(self, rows: FrameTable, usual_s: float) -> None:
        self.times, self._values = rows.part(0)
        gaps = np.diff(self.times)
        self.end_s = float(self.times[-1] + (float(np.median(gaps)) if gaps.size else usual_s))

    def __len__(self) -> int:
        return len(self.times)

    def column(self, name: str) -> Values:
        """Return one column."""
        return self._values[:, FrameMeasures._fields.index(name)]

    def until(self, place: int) -> float:
        """Return when the picture before `place` ends."""
        return float(self.times[place]) if place < len(self.times) else self.end_s

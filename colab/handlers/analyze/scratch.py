"""Pictures that may come to stand for a shot, kept in the work folder until the cuts are known.

One for every half second: the sharpest. They are JPEGs of our own making; a picture that is fetched later goes the same
way, so that it does not matter which way one came.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from media.sampling import Frame

SPACING_S = 0.5
SLOTS = 7200
"""How far apart they are, and about how many of a long film."""

MOST = 30_000
_QUALITY = 95


class Scratch:
    """The sharpest picture of each stretch. A new stretch begins where there may be a cut, too."""

    def __init__(self, file: Path, seconds: float, cut_score: float) -> None:
        self._file = file.open("w+b")
        self._spacing_s = max(SPACING_S, seconds / SLOTS)
        self._cut_score = cut_score
        self._kept: dict[int, tuple[int, int]] = {}  # place → where it lies in the file
        self._began_s: float | None = None
        self._best: tuple[float, int, Frame | None] | None = None
        self.places: list[int] = []  # of all that were the best of their stretch, kept or not

    def add(self, place: int, at_s: float, score: float, sharpness: float, picture: Frame | None) -> None:
        """Show the next picture; None for one that was seen by an earlier attempt."""
        if self._began_s is None or at_s - self._began_s >= self._spacing_s or score >= self._cut_score:
            self.flush()
            self._began_s = at_s
        if self._best is None or sharpness > self._best[0]:
            self._best = (sharpness, place, picture)

    def flush(self) -> None:
        """Keep the best of the stretch that ends here."""
        if self._best is None:
            return
        _, place, picture = self._best
        self._best = None
        self.places.append(place)
        if picture is not None and len(self._kept) < MOST:
            self.keep(place, picture)

    def keep(self, place: int, picture: Frame) -> None:
        """Keep a picture."""
        made, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        assert made, "OpenCV wrote no JPEG of an array of ours"
        start = self._file.seek(0, 2)
        self._file.write(data.tobytes())
        self._kept[place] = (start, len(data))

    def has(self, place: int) -> bool:
        """Say whether the picture of a place is here."""
        return place in self._kept

    def picture(self, place: int) -> Frame:
        """Return the picture of a place that is here."""
        start, size = self._kept[place]
        self._file.seek(start)
        data = np.frombuffer(self._file.read(size), np.uint8)
        made = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert made is not None, "a JPEG of ours does not read"
        return np.asarray(made, np.uint8)

    def close(self) -> None:
        """Close the file, which goes with the work folder."""
        self._file.close()

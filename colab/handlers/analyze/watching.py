"""One pass over the pictures of a film, or over a still one: all that is measured of them is measured here."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from colab.handlers.analyze import resume
from colab.handlers.analyze.resume import Saving
from colab.handlers.analyze.rows import FrameMeasures, FrameTable, Meter, Table
from colab.handlers.analyze.shots import least_score
from colab.work import Work
from media.ffmpeg import Ffmpeg
from media.info import MediaFile
from media.sampling import TICKS, Frame, fit_within, sample_frames
from protocol.errors import MediaError
from protocol.kinds.analyze import Params

EVERY, LOOK_UP_S = 25, 0.5
"""After so many pictures, or so long, it is looked up."""

_SAME_S = 0.5 / TICKS
_SEEK_S = 0.0005  # a time is written down a little less exactly than it is
_FETCH_S = 0.0005


class Astray(Exception):
    """The rows that an earlier attempt left tell of a picture that the film does not have."""


class FrameMeter:
    """A film being watched. It goes on where an earlier attempt stopped, if that left something of use."""

    def __init__(
        self, work: Work, program: Ffmpeg, media: MediaFile, params: Params, *, side: int, saving: Saving
    ) -> None:
        assert media.picture is not None  # who calls this has seen one
        self._work, self._program, self._media, self._params, self._saving = work, program, media, params, saving
        self.size = fit_within(media.picture.shown, side)  # of the pictures that are kept
        self.measured = fit_within(media.picture.shown, params.size)
        self._rows = FrameTable()
        self._meter = self._new_meter()
        self.scratch = self._new_scratch()
        self._stretch, self._left = 1, 0  # the next checkpoint's number, and the rows that lie in those before it
        self._told = time.monotonic()
        self.kept = 0  # pictures whose rows an earlier attempt left

    def restore(self, kept: frozenset[str]) -> None:
        """Take over the rows that an earlier attempt left, as far as they follow each other."""
        reference: Frame | None = None
        for number in resume.row_numbers(kept):
            self._stretch = number + 1
            found = resume.read(self._work.output(resume.rows_path(number)), self.measured)
            if found is None or found.first not in (0, len(self._rows)):
                continue
            if found.first == 0:
                self._rows = FrameTable()
            elif float(found.times[0]) <= self._rows.last_s:
                continue
            self._rows.extend(found.times, found.values)
            reference = found.reference
        self._meter.reference = reference
        self._left = self.kept = len(self._rows)

    def watch(self, look_up: Callable[[float], None]) -> Table:
        """Measure every picture, calling `look_up` with how far it is every few. Raises MediaError."""
        if not self._rows or not self._pass(look_up, after_s=self._rows.last_s):
            return self.watch_anew(look_up)
        return self._table()

    def watch_anew(self, look_up: Callable[[float], None]) -> Table:
        """Measure every picture, and forget what an earlier attempt left. Raises MediaError."""
        self._start_anew()
        self._pass(look_up, after_s=None)
        return self._table()

    def _table(self) -> Table:
        self.scratch.flush()
        assert self._media.picture is not None  # as above
        still = self._media.seconds is None
        return Table(self._rows, 0.0 if still else 1 / float(self._media.picture.fps))

    def fetch(self, place: int, table: Table) -> Frame:
        """Return the picture of a place, read from the file once more if it was not kept.

        Raises `Astray` where an earlier attempt left the row and the film has no such picture, else MediaError.
        """
        if not self.scratch.has(place):
            at_s = float(table.times[place])
            picture = self._sought(at_s)
            if picture is None:  # a torn file, or one with odd times, is only read rightly from its beginning
                picture = self._picture(at_s)
            if picture is None:
                raise Astray if self.kept else MediaError(f"{self._media.path}: its picture at {at_s:.3f} s is gone")
            self.scratch.keep(place, picture)
        return self.scratch.picture(place)

    def _sought(self, at_s: float) -> Frame | None:
        """Return the picture at a time, gone to directly; None where that does not lead to it."""
        try:
            return self._picture(at_s, start_s=max(0.0, at_s - _FETCH_S), most=2)
        except MediaError:
            return None

    def _picture(self, at_s: float, *, start_s: float = 0.0, most: int | None = None) -> Frame | None:
        """Return the picture that is shown at exactly this time, None if there is none."""
        with sample_frames(self._program, self._media, self.size, start_s=start_s, most=most) as read:
            for shown_s, picture in read:
                if shown_s >= at_s - _SAME_S:
                    return picture if shown_s <= at_s + _SAME_S else None
        return None

    def _pass(self, look_up: Callable[[float], None], *, after_s: float | None) -> bool:
        """Measure what comes after a picture that was measured before; False if the film does not lead there again."""
        start_s = 0.0 if after_s is None else max(0.0, after_s - _SEEK_S)
        with sample_frames(
            self._program, self._media, self.size, start_s=start_s, sample_fps=self._params.sample_fps
        ) as read:
            if after_s is not None:
                first = next(((at_s, picture) for at_s, picture in read if at_s > after_s - _SAME_S), None)
                if first is None or abs(first[0] - after_s) > _SAME_S:
                    return False
                self._prime(first[1])
            looked_s = time.monotonic()
            for at_s, picture in read:
                self._take(at_s, picture)
                if len(self._rows) % EVERY == 0 or time.monotonic() - looked_s > LOOK_UP_S:
                    self._leave()
                    look_up(at_s)
                    looked_s = time.monotonic()
        return True

    def _take(self, at_s: float, picture: Frame) -> None:
        if self._rows and at_s <= self._rows.last_s + _SAME_S:
            return
        row = self._meter.measure(self._small(picture))
        self.scratch.add(len(self._rows), at_s, row.score, row.sharpness, picture)
        self._rows.add(at_s, row)

    def _prime(self, picture: Frame) -> None:
        """Be where the earlier attempt was after this picture."""
        self._meter.measure(self._small(picture))
        times, values = self._rows.part(0)
        for place, (at_s, value) in enumerate(zip(times, values, strict=True)):
            row = FrameMeasures(*map(float, value))
            last = place == len(times) - 1
            self.scratch.add(place, float(at_s), row.score, row.sharpness, picture if last else None)

    def _small(self, picture: Frame) -> Frame:
        if self.size == self.measured:
            return picture
        return np.asarray(cv2.resize(picture, self.measured, interpolation=cv2.INTER_AREA), np.uint8)

    def _leave(self) -> None:
        """Leave a checkpoint when enough was done since the last."""
        now = time.monotonic()
        if now - self._told < self._saving.every_s or self._meter.reference is None:
            return
        path = resume.rows_path(self._stretch)
        self._work.output(path).write_bytes(resume.written(self._rows, self._left, self._meter.reference))
        self._work.checkpoint(path)
        self._stretch, self._left, self._told = self._stretch + 1, len(self._rows), now

    def _start_anew(self) -> None:
        self.scratch.close()
        self._rows, self._meter, self.scratch = FrameTable(), self._new_meter(), self._new_scratch()
        self._left = self.kept = 0

    def _new_meter(self) -> Meter:
        return Meter(black_level=self._params.black_level, freeze_noise=self._params.freeze_noise)

    def _new_scratch(self) -> Scratch:
        return Scratch(Path(self._work.folder) / "pictures.bin", self._media.seconds or 0.0, least_score(self._params))


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

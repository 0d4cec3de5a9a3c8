"""A film upscaled: its frames pass the engine, piece by piece; then what else the source has is put back."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from colab.handlers.pieces import segments
from colab.handlers.pieces.film import PiecedFilm
from colab.handlers.upscale import mux
from colab.handlers.upscale.commands import Coding
from colab.handlers.upscale.engine import Engine
from colab.handlers.work import Work
from media.ffmpeg import Ffmpeg
from media.info import MediaFile
from media.pipes import RawFrame, frame_bytes

TICK_S = 0.2
"""How often is told how far it is: between two frames, but no oftener than that once some are made."""

AT_ONCE = 12
"""Frames after each of which it is told: whoever waits sees soon that it goes on."""

SURE_S, WINDOW_S = 3.0, 8.0
"""How much time of work is measured before its pace is told, and how much of it counts: the first frames only fill the
encoder, and what a network took to get ready says nothing of the rest."""

FEWEST, MOST = 12, 1500
"""Frames of a piece: every one begins with a key frame, which is large."""


def upscale_film(work: Work, media: MediaFile, coding: Coding, engine: Engine, ffmpeg: Ffmpeg) -> Mapping[str, Any]:
    """Write and publish the film; return what the summary says of it."""
    each = segments.frames_each(coding.shape.target, engine.segment_pixels, fewest=FEWEST, most=MOST)
    pace = _Pace(work=work, total=coding.picture.frames)
    recipe = _Enlarging(media=media, coding=coding)
    film = PiecedFilm(work=work, recipe=recipe, ffmpeg=ffmpeg, each=each, tell=pace.tell)
    film.make(work.kept(engine.record()))
    times, steady = film.when()

    def joining(_: float) -> None:
        work.progress(film.done, film.done, "putting it together")

    joining(0)
    told = mux.finish(work, media, coding, ffmpeg, film.paths(), times, on_progress=joining)
    return {**told, **({} if steady else {"timing": "constant rate, the times of the source could not be read"})}


@dataclass(frozen=True, kw_only=True)
class _Enlarging:
    """How the pieces are made (`pieces.film.Recipe`)."""

    media: MediaFile
    coding: Coding

    @property
    def rate(self) -> Fraction:
        return self.coding.picture.fps

    @property
    def taken_bytes(self) -> int:
        return frame_bytes(self.coding.shape.size, bits=self.coding.shape.bits)

    @property
    def written_bytes(self) -> int:
        return frame_bytes(self.coding.enlarger.written, bits=self.coding.shape.bits)

    @property
    def batch(self) -> int:
        return self.coding.enlarger.batch

    def decode(self, ffmpeg: Ffmpeg) -> list[str | Path]:
        return self.coding.decode(self.media, ffmpeg)

    def encode(self, target: Path) -> list[str | Path]:
        return self.coding.encode(target)

    def frames(self, frames: Sequence[RawFrame], tick: Callable[[], None]) -> Sequence[RawFrame]:
        return self.coding.enlarger.frames(frames, tick)


@dataclass(kw_only=True)
class _Pace:
    """Tells how far the work is, and how long it will take."""

    work: Work
    total: int  # frames, by the packets of the source; a guess
    told: float = 0.0
    seen: deque[tuple[float, int]] = field(default_factory=deque)  # when so many frames were made here

    def tell(self, done: int, skipped: int) -> None:
        now = time.monotonic()
        total = max(self.total, done)
        if done <= AT_ONCE or done == total or now - self.told >= TICK_S:
            self.told = now
            self.work.progress(done, total, self._note(now, done, skipped, total))

    def _note(self, now: float, done: int, skipped: int, total: int) -> str:
        if done and done == skipped:
            return f"kept from an earlier attempt: {done} frames"
        note = f"{done} of {total} frames"
        fps = self._fps(now, done - skipped)
        return f"{note}, {fps:.1f} a second, {(total - done) / fps:.0f} s left" if fps else note

    def _fps(self, now: float, made: int) -> float:
        """Return the frames a second of late; 0 where that is not known yet."""
        self.seen.append((now, made))
        while len(self.seen) > 2 and now - self.seen[1][0] >= WINDOW_S:
            self.seen.popleft()
        since, before = self.seen[0]
        return (made - before) / (now - since) if now - since >= SURE_S else 0.0

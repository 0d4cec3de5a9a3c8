"""A film upscaled: frames flow decoder → engine → encoder through pipes, piece by piece; then the rest is put back."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from colab.handlers.upscale import join, mux, segments
from colab.handlers.upscale.commands import Coding
from colab.handlers.upscale.engine import Engine
from colab.handlers.upscale.segments import Piece
from colab.handlers.work import Work
from media.examine import Media
from media.ffmpeg import Ffmpeg
from media.pipes import FrameReader, FrameWriter, Raw, frame_bytes
from protocol.errors import JobFailed

TICK_S = 0.2
"""How often is told how far it is: between two frames, but no oftener than that once some are made."""

AT_ONCE = 12
"""Frames after each of which it is told: whoever waits sees soon that it goes on."""

_FRAME = re.compile(r"\[Parsed_showinfo_0 @ [^\]]+\] n: *\d+ pts: *(-?\d+|NOPTS) ", re.ASCII)
_DURATION = re.compile(r" duration: *(\d+) ", re.ASCII)
_BASE = re.compile(r"\[Parsed_showinfo_0 @ [^\]]+\] config in time_base: *(\d+)/(\d+),", re.ASCII)


def upscale_film(work: Work, media: Media, coding: Coding, engine: Engine, ffmpeg: Ffmpeg) -> Mapping[str, Any]:
    """Write and publish the film; return what the summary says of it."""
    each = segments.frames_each(coding.shape.target, engine.segment_pixels)
    film = _Film(work=work, media=media, coding=coding, ffmpeg=ffmpeg, each=each, total=coding.picture.frames)
    film.make(work.kept(engine.record()))
    times, steady = film.when()
    work.progress(film.done, film.done, "putting it together")
    told = mux.finish(work, media, coding, ffmpeg, film.paths(), times)
    return {**told, **({} if steady else {"timing": "constant rate, the times of the source could not be read"})}


@dataclass(kw_only=True)
class _Film:
    """The pieces of one film in work."""

    work: Work
    media: Media
    coding: Coding
    ffmpeg: Ffmpeg
    each: int  # frames of a piece
    total: int  # frames, by the packets of the source; a guess
    kept: dict[int, Piece] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)
    times: join.Times = field(default_factory=join.Times)
    done: int = 0
    made: int = 0  # of these, by this attempt
    began: float = field(default_factory=time.monotonic)
    told: float = 0.0
    ending: list[tuple[Piece, FrameWriter, Path]] = field(default_factory=list)

    def make(self, kept: frozenset[str]) -> None:
        """Make every piece that is not there yet."""
        self._tell()
        if kept:
            self.kept = segments.kept(kept, self.work.output, self.each, self._like())
        while not self._pass():
            self.pieces, self.done, self.times = [], 0, join.Times()
        if not self.pieces:
            raise JobFailed("no frame of the film can be decoded; convert it to an mp4 first", code="INPUT_CORRUPT")

    def paths(self) -> list[Path]:
        """Return the files of all pieces, in order."""
        return [self.work.output(piece.name) for piece in segments.in_order(self.pieces)]

    def when(self) -> tuple[join.Times, bool]:
        """Return when each frame is shown, and whether that is the source's own timing."""
        frames = self.pieces[-1].end
        at = self.times.at
        if len(at) == frames and all(before < after for before, after in itertools.pairwise(at)):
            return self.times, True
        return join.constant(frames, self.coding.picture.fps), False

    def _pass(self) -> bool:
        """Go through the film once, and say whether every kept piece was as long as the film has frames for."""
        size = frame_bytes(self.coding.shape.size, bits=self.coding.shape.bits)
        arguments = self.coding.decode(self.media, self.ffmpeg)
        with ExitStack() as open_, FrameReader(self.ffmpeg, arguments, size, listen=self._hear) as decoder:
            while True:
                if (piece := self.kept.get(self.done)) is not None:
                    self._end_all()
                    if not self._skip(decoder, piece):
                        del self.kept[piece.start]
                        self.kept |= {made.start: made for made in self.pieces}
                        return False
                elif not self._encode(decoder, open_):
                    self._end_all()
                    return True

    def _skip(self, decoder: FrameReader, piece: Piece) -> bool:
        for _ in range(piece.start, piece.end):
            if decoder.read() is None:
                return False
            self.done += 1
            self._tell(f"kept from an earlier attempt: {self.done} frames")
        self.pieces.append(piece)
        return True

    def _encode(self, decoder: FrameReader, open_: ExitStack) -> bool:
        """Make the piece that begins here, and say whether there was one."""
        start, end = self.done, (self.done // self.each + 1) * self.each
        if not (batch := self._read(decoder, end)):
            return False
        part = self.work.folder / f"piece-{start:08d}.mkv"
        writer = open_.enter_context(FrameWriter(self.ffmpeg, self.coding.encode(part)))
        while batch:
            for frame in self.coding.enlarger.frames(batch, self._tell):
                writer.write(frame)
            self.done += len(batch)
            self.made += len(batch)
            self._tell()
            self._end_ready()
            batch = self._read(decoder, end)
        writer.no_more()
        self._end_all()
        self.ending.append((Piece(start=start, end=self.done), writer, part))
        self.pieces.append(self.ending[-1][0])
        return True

    def _read(self, decoder: FrameReader, end: int) -> list[Raw]:
        """Return the next frames, as many as the engine wants at once, none of them behind the piece's end."""
        batch: list[Raw] = []
        while len(batch) < min(self.coding.enlarger.batch, end - self.done):
            if (frame := decoder.read()) is None:
                break
            batch.append(frame)
        return batch

    def _end_ready(self) -> None:
        if self.ending and self.ending[0][1].ended:
            self._end_all()

    def _end_all(self) -> None:
        """Leave a checkpoint of each piece whose last frame was handed over: the next one is begun meanwhile."""
        for piece, writer, part in self.ending:
            writer.finish()
            part.replace(self.work.output(piece.name))
            self.work.checkpoint(piece.name)
        self.ending.clear()

    def _like(self) -> segments.Encoded:
        """Have a single black frame encoded, to know what a piece of this film begins with."""
        target = self.work.folder / "header.mkv"
        blank = np.zeros(frame_bytes(self.coding.enlarger.written, bits=self.coding.shape.bits), np.uint8)
        with FrameWriter(self.ffmpeg, self.coding.encode(target)) as writer:
            writer.write(blank)
            writer.finish()
        return self.coding.like(join.header(target))

    def _hear(self, line: str) -> None:
        """Take down when frames are shown."""
        if (base := _BASE.match(line)) and int(base[2]):
            self.times.base = Fraction(int(base[1]), int(base[2]))
        elif frame := _FRAME.match(line):
            lasts = _DURATION.search(line)
            guess = self.times.at[-1] + self.times.last if self.times.at else 0
            self.times.at.append(guess if frame[1] == "NOPTS" else int(frame[1]))
            self.times.last = int(lasts[1]) if lasts and int(lasts[1]) else self.times.last or 1

    def _tell(self, note: str = "") -> None:
        now = time.monotonic()
        total = max(self.total, self.done)
        if self.done <= AT_ONCE or self.done == total or now - self.told >= TICK_S:
            self.told = now
            self.work.progress(self.done, total, note or self._pace(now, total))

    def _pace(self, now: float, total: int) -> str:
        if not self.made or now <= self.began:
            return f"{self.done} of {total} frames"
        fps = self.made / (now - self.began)
        return f"{self.done} of {total} frames, {fps:.1f} a second, {(total - self.done) / fps:.0f} s left"

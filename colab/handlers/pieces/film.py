"""A film made piece by piece: frames flow decoder → recipe → encoder through pipes; each finished piece is kept."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from colab.handlers.pieces import join, segments
from colab.handlers.pieces.segments import Piece
from colab.handlers.work import Work
from media.ffmpeg import Ffmpeg
from media.pipes import FrameReader, FrameWriter, RawFrame
from protocol.errors import JobFailed

_FRAME = re.compile(r"\[Parsed_showinfo_\d+ @ [^\]]+\] n: *\d+ pts: *(-?\d+|NOPTS) ", re.ASCII)
_DURATION = re.compile(r" duration: *(\d+) ", re.ASCII)
_BASE = re.compile(
    r"(?:\[Parsed_showinfo_\d+ @ [^\]]+\] |\[vid\.stab @ [^\]]+\] L1 camera path: [^\n]*\))"  # without an end of line
    r"config in time_base: *(\d+)/(\d+),",
    re.ASCII,
)


class Recipe(Protocol):
    """How the pieces of one film are made. Pieces are equal, whoever makes them, and know nothing of each other."""

    @property
    def rate(self) -> Fraction:
        """Return the frames a second, for a film whose times cannot be read."""
        ...

    @property
    def taken_bytes(self) -> int:
        """Return the bytes of a frame as the decoder gives it."""
        ...

    @property
    def written_bytes(self) -> int:
        """Return the bytes of a frame as the encoder takes it."""
        ...

    @property
    def batch(self) -> int:
        """Return how many frames `frames` wants at once."""
        ...

    def decode(self, ffmpeg: Ffmpeg) -> Sequence[str | Path]:
        """Return the arguments that put every frame of the film on stdout, and tell their times by `frames.SHOWING`.

        They are run in the job's folder: filters can name files in it plainly.
        """
        ...

    def encode(self, target: Path) -> Sequence[str | Path]:
        """Return the arguments that take frames on stdin and write a piece, in Matroska, to `target`."""
        ...

    def frames(self, frames: Sequence[RawFrame], tick: Callable[[], None]) -> Sequence[RawFrame]:
        """Return what becomes of frames, as many as there are."""
        ...


@dataclass(kw_only=True)
class PiecedFilm:
    """The pieces of one film in work. `tell` gets the frames done, of them those kept from earlier attempts.

    `listen` gets each line that the decoder says, in another thread; `waiting` is called every second until its first
    frame is there.
    """

    work: Work
    recipe: Recipe
    ffmpeg: Ffmpeg
    each: int  # frames of a piece
    tell: Callable[[int, int], None]
    listen: Callable[[str], None] | None = None
    waiting: Callable[[], None] | None = None
    kept: dict[int, Piece] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)
    times: join.Times = field(default_factory=join.Times)
    done: int = 0
    skipped: int = 0  # of these, by earlier attempts
    ending: list[tuple[Piece, FrameWriter, Path]] = field(default_factory=list)

    def make(self, kept: frozenset[str]) -> None:
        """Make every piece that is not there yet."""
        self._tell()
        if any(segments.is_name(name) for name in kept):
            self.kept = segments.kept(kept, self.work.output, self.each, self._like())
        while not self._pass():
            self.pieces, self.done, self.skipped, self.times = [], 0, 0, join.Times()
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
        return join.constant(frames, self.recipe.rate), False

    def _pass(self) -> bool:
        """Go through the film once, and say whether every kept piece was as long as the film has frames for."""
        arguments = self.recipe.decode(self.ffmpeg)
        with (
            ExitStack() as open_,
            FrameReader(
                self.ffmpeg,
                arguments,
                self.recipe.taken_bytes,
                listen=self._hear,
                folder=self.work.folder,
                waiting=self.waiting,
            ) as decoder,
        ):
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
            self.skipped += 1
            self._tell()
        self.pieces.append(piece)
        return True

    def _encode(self, decoder: FrameReader, open_: ExitStack) -> bool:
        """Make the piece that begins here, and say whether there was one."""
        start, end = self.done, (self.done // self.each + 1) * self.each
        if not (batch := self._read(decoder, end)):
            return False
        part = self.work.folder / f"piece-{start:08d}.mkv"
        writer = open_.enter_context(FrameWriter(self.ffmpeg, self.recipe.encode(part)))
        while batch:
            for frame in self.recipe.frames(batch, self._tell):
                writer.write(frame)
            self.done += len(batch)
            self._tell()
            self._end_ready()
            batch = self._read(decoder, end)
        writer.close_input()
        self._end_all()
        self.ending.append((Piece(start=start, end=self.done), writer, part))
        self.pieces.append(self.ending[-1][0])
        return True

    def _read(self, decoder: FrameReader, end: int) -> list[RawFrame]:
        """Return the next frames, as many as are wanted at once, none of them behind the piece's end."""
        batch: list[RawFrame] = []
        while len(batch) < min(self.recipe.batch, end - self.done):
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
        """Have a single black frame encoded, to know what a piece of this film is like."""
        target = self.work.folder / "like.mkv"
        with FrameWriter(self.ffmpeg, self.recipe.encode(target)) as writer:
            writer.write(np.zeros(self.recipe.written_bytes, np.uint8))
            writer.finish()
        return segments.like(target)

    def _hear(self, line: str) -> None:
        """Take down when frames are shown."""
        if self.listen is not None:
            self.listen(line)
        if (base := _BASE.match(line)) and int(base[2]):
            self.times.base = Fraction(int(base[1]), int(base[2]))
        elif frame := _FRAME.match(line):
            lasts = _DURATION.search(line)
            guess = self.times.at[-1] + self.times.last if self.times.at else 0
            self.times.at.append(guess if frame[1] == "NOPTS" else int(frame[1]))
            self.times.last = int(lasts[1]) if lasts and int(lasts[1]) else self.times.last or 1

    def _tell(self) -> None:
        self.tell(self.done, self.skipped)

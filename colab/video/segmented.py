"""A video encoded segment by segment: frames flow decoder → recipe → encoder, and each finished segment is saved."""

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

from colab.video import join, segments
from colab.video.join import FrameTimes
from colab.video.segments import Segment, SegmentFormat
from colab.work import Work
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


class SegmentRecipe(Protocol):
    """How the segments of one video are encoded. A segment depends on its own frames only, on every machine."""

    @property
    def rate(self) -> Fraction:
        """Return the frames a second, for a video whose times cannot be read."""
        ...

    @property
    def taken_bytes(self) -> int:
        """Return the bytes of a frame as the decoder writes it."""
        ...

    @property
    def written_bytes(self) -> int:
        """Return the bytes of a frame as the encoder reads it."""
        ...

    @property
    def batch(self) -> int:
        """Return how many frames `frames` wants at once."""
        ...

    def decode(self, ffmpeg: Ffmpeg) -> Sequence[str | Path]:
        """Return the arguments that write every frame of the video to stdout, and their times by `frames.SHOWING`.

        They are run in the job's folder, so filters can name files in it without a path.
        """
        ...

    def encode(self, target: Path) -> Sequence[str | Path]:
        """Return the arguments that read frames from stdin and write a segment, in Matroska, to `target`."""
        ...

    def frames(self, frames: Sequence[RawFrame], tick: Callable[[], None]) -> Sequence[RawFrame]:
        """Return the frames to encode, one for each that was decoded."""
        ...


@dataclass(kw_only=True)
class SegmentedVideo:
    """One video being encoded. `report` gets the frames done, and of them those resumed from earlier attempts.

    `listen` gets each line that the decoder prints, in another thread; `waiting` is called every second until the first
    frame arrives.
    """

    work: Work
    recipe: SegmentRecipe
    ffmpeg: Ffmpeg
    length: int  # frames of a segment
    report: Callable[[int, int], None]
    listen: Callable[[str], None] | None = None
    waiting: Callable[[], None] | None = None
    reusable: dict[int, Segment] = field(default_factory=dict)  # by their first frame
    segments: list[Segment] = field(default_factory=list)
    times: FrameTimes = field(default_factory=FrameTimes)
    done: int = 0
    resumed: int = 0  # of these, encoded by earlier attempts
    ending: list[tuple[Segment, FrameWriter, Path]] = field(default_factory=list)

    def encode(self, earlier: frozenset[str]) -> None:
        """Encode every segment that is not among the checkpoints of earlier attempts."""
        self._report()
        if any(segments.is_name(name) for name in earlier):
            self.reusable = segments.reusable(earlier, self.work.output, self.length, self._format())
        while not self._pass():
            self.segments, self.done, self.resumed, self.times = [], 0, 0, FrameTimes()
        if not self.segments:
            raise JobFailed("no frame of the video can be decoded; convert it to an mp4 first", code="INPUT_CORRUPT")

    def paths(self) -> list[Path]:
        """Return the files of all segments, in order."""
        return [self.work.output(segment.name) for segment in segments.in_order(self.segments)]

    def frame_times(self) -> tuple[FrameTimes, bool]:
        """Return when each frame is shown, and whether that is the source's own timing."""
        frames = self.segments[-1].end
        at = self.times.at
        if len(at) == frames and all(before < after for before, after in itertools.pairwise(at)):
            return self.times, True
        return join.constant(frames, self.recipe.rate), False

    def _pass(self) -> bool:
        """Go through the video once; False if the video has too few frames for a segment that was to be reused."""
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
                if (segment := self.reusable.get(self.done)) is not None:
                    self._save_all()
                    if not self._skip(decoder, segment):
                        del self.reusable[segment.start]
                        self.reusable |= {encoded.start: encoded for encoded in self.segments}
                        return False
                elif not self._encode(decoder, open_):
                    self._save_all()
                    return True

    def _skip(self, decoder: FrameReader, segment: Segment) -> bool:
        for _ in range(segment.start, segment.end):
            if decoder.read() is None:
                return False
            self.done += 1
            self.resumed += 1
            self._report()
        self.segments.append(segment)
        return True

    def _encode(self, decoder: FrameReader, open_: ExitStack) -> bool:
        """Encode the segment that begins here; False at the end of the video."""
        start, end = self.done, (self.done // self.length + 1) * self.length
        if not (batch := self._read(decoder, end)):
            return False
        path = self.work.folder / f"segment-{start:08d}.mkv"
        writer = open_.enter_context(FrameWriter(self.ffmpeg, self.recipe.encode(path)))
        while batch:
            for frame in self.recipe.frames(batch, self._report):
                writer.write(frame)
            self.done += len(batch)
            self._report()
            self._save_if_ended()
            batch = self._read(decoder, end)
        writer.close_input()
        self._save_all()
        self.ending.append((Segment(start=start, end=self.done), writer, path))
        self.segments.append(self.ending[-1][0])
        return True

    def _read(self, decoder: FrameReader, end: int) -> list[RawFrame]:
        """Return the next frames, as many as are wanted at once, none of them beyond the segment's end."""
        batch: list[RawFrame] = []
        while len(batch) < min(self.recipe.batch, end - self.done):
            if (frame := decoder.read()) is None:
                break
            batch.append(frame)
        return batch

    def _save_if_ended(self) -> None:
        if self.ending and self.ending[0][1].ended:
            self._save_all()

    def _save_all(self) -> None:
        """Save a checkpoint of each segment whose last frame was written. The next one is begun in the meantime."""
        for segment, writer, path in self.ending:
            writer.finish()
            path.replace(self.work.output(segment.name))
            self.work.checkpoint(segment.name)
        self.ending.clear()

    def _format(self) -> SegmentFormat:
        """Encode a single black frame to find out the format of this video's segments."""
        target = self.work.folder / "sample.mkv"
        with FrameWriter(self.ffmpeg, self.recipe.encode(target)) as writer:
            writer.write(np.zeros(self.recipe.written_bytes, np.uint8))
            writer.finish()
        return segments.format_of(target)

    def _hear(self, line: str) -> None:
        """Note when frames are shown."""
        if self.listen is not None:
            self.listen(line)
        if (base := _BASE.match(line)) and int(base[2]):
            self.times.base = Fraction(int(base[1]), int(base[2]))
        elif frame := _FRAME.match(line):
            lasts = _DURATION.search(line)
            guess = self.times.at[-1] + self.times.last if self.times.at else 0
            self.times.at.append(guess if frame[1] == "NOPTS" else int(frame[1]))
            self.times.last = int(lasts[1]) if lasts and int(lasts[1]) else self.times.last or 1

    def _report(self) -> None:
        self.report(self.done, self.resumed)

"""A video in segments that stand for themselves: how long they are, and which checkpoints are good. Trusts no file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from colab.video import join
from media.confined import examine
from media.encoding import PRESETS
from protocol.errors import MediaError
from protocol.kinds.kind import CHECKPOINTS

_NAME = CHECKPOINTS + "{:08d}-{:08d}.mkv"

PIXELS_A_SECOND = {"libx264": 45_000_000, "libx265": 10_000_000, "libsvtav1": 35_000_000, "libvpx-vp9": 8_000_000}
"""What two modest cores encode at the preset medium. Encoders that are not named are too fast for segments."""

SPEEDUP = dict(zip(PRESETS, (5.0, 3.5, 2.4, 1.8, 1.3, 1.0, 0.55, 0.27, 0.14), strict=True))


@dataclass(frozen=True, kw_only=True)
class SegmentLength:
    """How long the segments of a video are, in frames: the same in every attempt, whatever the machine's speed."""

    fewest: int = 250  # encoders set a key frame after 250 at the latest, so a segment costs no more of them
    most: int = 50_000
    work_s: float = 40  # of encoding, about

    def of_pixels(self, size: tuple[int, int], pixels: int) -> int:
        """Return how many frames of a size make a segment of this many pixels."""
        return min(self.most, max(self.fewest, pixels // (size[0] * size[1])))

    def of_encoder(self, encoder: str, preset: str, size: tuple[int, int]) -> int | None:
        """Return how many frames of a size make a segment, by ffmpeg's name of the encoder; None for no segments."""
        speed = PIXELS_A_SECOND.get(encoder)
        return None if speed is None else self.of_pixels(size, int(speed * SPEEDUP[preset] * self.work_s))


SEGMENTS = SegmentLength()
"""Of videos that an encoder of the processor writes."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """The frames from `start` up to `end`, which is no longer in it."""

    start: int
    end: int

    @property
    def name(self) -> str:
        """Return the path of its checkpoint."""
        return _NAME.format(self.start, self.end)


@dataclass(frozen=True, kw_only=True)
class SegmentFormat:
    """What every segment of one video is like."""

    size: tuple[int, int]  # width and height in pixels
    codec: str
    bits: int
    header: bytes  # the encoder's own, which all segments of a video share


def format_of(sample: Path) -> SegmentFormat:
    """Return the format of a segment that was encoded here, and so of any other of the same video."""
    picture = examine(sample).picture
    assert picture is not None  # we wrote it
    return SegmentFormat(size=picture.size, codec=picture.codec, bits=picture.pixels.bits, header=join.header(sample))


def is_name(name: str) -> bool:
    """Say whether a checkpoint has the name of a segment."""
    return _parse(name) is not None


def reusable(
    names: Iterable[str], place: Callable[[str], Path], length: int, wanted: SegmentFormat
) -> dict[int, Segment]:
    """Return the segments of earlier attempts that are what they should be, by their first frame."""
    found = [segment for name in names if (segment := _parse(name)) is not None]
    return {
        segment.start: segment
        for segment in found
        if _fits(segment, length) and _has_format(segment, place(segment.name), wanted)
    }


def _parse(name: str) -> Segment | None:
    stem = name.removeprefix(CHECKPOINTS).removesuffix(".mkv")
    start, _, end = stem.partition("-")
    if not (start.isascii() and start.isdigit() and end.isascii() and end.isdigit()):
        return None
    segment = Segment(start=int(start), end=int(end))
    return segment if segment.name == name else None


def _fits(segment: Segment, length: int) -> bool:
    return segment.start % length == 0 and 0 < segment.end - segment.start <= length


def _has_format(segment: Segment, path: Path, wanted: SegmentFormat) -> bool:
    try:
        media = examine(path)
        picture = media.picture
        return (
            media.container == "matroska"
            and picture is not None
            and not media.sounds
            and not media.subtitles
            and (picture.size, picture.codec, picture.pixels.bits) == (wanted.size, wanted.codec, wanted.bits)
            and picture.frames == segment.end - segment.start
            and join.header(path) == wanted.header
        )
    except MediaError:
        return False


def in_order(segments: Iterable[Segment]) -> list[Segment]:
    """Return segments from the first frame to the last. A missing one would be a mistake of this code."""
    ordered = sorted(segments, key=lambda segment: segment.start)
    assert ordered, "a video without a segment"
    assert ordered[0].start == 0, ordered[0]
    assert all(before.end == after.start for before, after in itertools.pairwise(ordered))
    return ordered

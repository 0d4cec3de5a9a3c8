"""A long film's picture encoded piece by piece, so that an attempt that is killed loses no more than a minute of work.

A piece has an encoder of its own. At constant quality nothing else carries over from one minute to the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from colab.handlers.encode import command
from colab.handlers.encode.engines import Chosen
from colab.handlers.encode.graph import Graph, picture_of
from colab.handlers.pieces import segments
from colab.handlers.pieces.film import SHOWING
from media import carried
from media.encoding import PRESETS
from media.examine import Media
from media.ffmpeg import Ffmpeg
from media.pipes import FrameReader, Raw, frame_bytes
from protocol.errors import JobFailed
from protocol.kinds.encode import Params

PIECE_S = 40
PIXELS_A_SECOND = {"libx264": 45_000_000, "libx265": 10_000_000, "libsvtav1": 35_000_000, "libvpx-vp9": 8_000_000}
"""What two modest cores encode at the preset medium: `PIECE_S` of it make a piece. Others are too fast for pieces."""

TIMES_AS_FAST = dict(zip(PRESETS, (5.0, 3.5, 2.4, 1.8, 1.3, 1.0, 0.55, 0.27, 0.14), strict=True))
FEWEST, MOST = 250, 50_000
"""Frames of a piece: encoders set a key frame after 250 at the latest, so a piece costs no more of them."""

LOOKED_AT = 50
"""Frames at the beginning by which is told what they carry."""

_SHOWN = re.compile(r"\[Parsed_showinfo_\d+ @ [^\]]+\] n: *\d+ .* sar:(\d+)/(\d+) s:(\d+)x(\d+) ", re.ASCII)
_CARRIED = re.compile(
    r"\[Parsed_showinfo_\d+ @ [^\]]+\] +side data - .*(A/53|closed caption|[Mm]astering|[Ll]ight|HDR|[Dd]olby)"
)
"""What a frame carries beside its pixels, and an encoder writes; through a pipe it would be lost."""


def frames_each(films: Sequence[Media], params: Params, chosen: Chosen, seconds: float) -> int | None:
    """Return how many frames make a piece; None where the film is encoded in one go.

    That is a short one, one by a graphics card, one whose pictures have each its own time, and high dynamic range.
    """
    picture = picture_of(films[0])
    each_keeps_its_time = len(films) == 1 and params.rate is None and not picture.steady
    speed = PIXELS_A_SECOND.get(chosen.encoder)
    if speed is None or each_keeps_its_time or any(picture_of(film).pixels.is_hdr for film in films):
        return None
    width, height = picture.shown
    lines = params.lines or height
    size = (max(2, width * lines // height), lines)
    pixels = int(speed * TIMES_AS_FAST[params.preset] * PIECE_S)
    each = segments.frames_each(size, pixels, fewest=FEWEST, most=MOST)
    return each if seconds * _rate(films, params) > each else None


def _rate(films: Sequence[Media], params: Params) -> Fraction:
    return picture_of(films[0]).fps if params.rate is None else Fraction(f"{params.rate:.6f}")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the filters give: the size of frames, and the shape of one pixel."""

    size: tuple[int, int]
    aspect: tuple[int, int]
    carries: bool  # something that only an encoder of the same process sees

    @property
    def ratio(self) -> str | None:
        """Return the shape of the whole picture, None where pixels are square."""
        (width, height), (across, down) = self.size, self.aspect
        return None if across == down else f"{width * across}:{height * down}"


def look(ffmpeg: Ffmpeg, filters: Graph) -> Shown:
    """Return what the filters make of the film's first frames."""
    lines: list[str] = []
    first = [*_shown(filters), "-frames:v", str(LOOKED_AT), "-f", "null", "-"]
    with FrameReader(ffmpeg, first, 1, listen=lines.append) as reader:
        reader.read()
    found = next((shown for line in lines if (shown := _SHOWN.match(line))), None)
    if found is None:
        raise JobFailed("no picture of the film can be decoded; convert it to an mp4 first", code="INPUT_CORRUPT")
    across, down, width, height = map(int, found.groups())
    carries = any(_CARRIED.match(line) for line in lines)
    return Shown(size=(width, height), aspect=(across, down) if across and down else (1, 1), carries=carries)


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How the pieces are made (`pieces.film.Recipe`): the frames that the filters give, encoded as they are."""

    chosen: Chosen
    params: Params
    films: Sequence[Media]
    filters: Graph
    shown: Shown
    bits: int
    batch: int = 1

    @property
    def rate(self) -> Fraction:
        """Return the frames a second."""
        return _rate(self.films, self.params)

    @property
    def taken_bytes(self) -> int:
        """Return the bytes of a frame."""
        return frame_bytes(self.shown.size, bits=self.bits)

    @property
    def written_bytes(self) -> int:
        """Return the bytes of a frame."""
        return self.taken_bytes

    def decode(self, ffmpeg: Ffmpeg) -> list[str | Path]:
        """Return the arguments that put every frame on stdout."""
        passing = carried.passing(ffmpeg)
        return ["-nostdin", *_shown(self.filters), *passing, "-f", "rawvideo", "pipe:1"]

    def encode(self, target: Path) -> list[str | Path]:
        """Return the arguments that write a piece."""
        width, height = self.shown.size
        pixels = picture_of(self.films[0]).pixels
        taking = ["-f", "rawvideo", "-pix_fmt", "yuv420p10le" if self.bits > 8 else "yuv420p"]
        marked = [f"setsar={self.shown.aspect[0]}/{self.shown.aspect[1]}", *carried.marks(pixels)]
        return [
            *taking, "-video_size", f"{width}x{height}", "-framerate", str(self.rate), "-i", "pipe:0",
            "-vf", ",".join(marked), *command.video(self.chosen, self.params), *carried.colours(pixels),
            *carried.EXACT, "-f", "matroska", target,
        ]  # fmt: skip

    def frames(self, frames: Sequence[Raw], tick: Callable[[], None]) -> Sequence[Raw]:
        """Return the frames as they are."""
        return frames


def _shown(filters: Graph) -> list[str]:
    """Return the arguments that lead the picture through all filters, and tell of each frame."""
    chain = filters.picture.removesuffix("[picture]")
    return [*filters.opened, "-filter_complex", f"{chain},{SHOWING}[picture]", "-map", "[picture]", "-an", "-sn", "-dn"]

"""The frames of a video as they travel between two ffmpegs: what they are like, and how a piece is encoded of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from media import carry_over
from media.ffmpeg import Ffmpeg
from media.info import PixelFormat
from media.pipes import FrameReader, RawFrame, frame_bytes
from protocol.errors import JobFailed

SHOWING = "showinfo=checksum=0"
"""The filter by which a decoder says when each frame is shown, and what it is like."""

LOOKED_AT = 50
"""How many frames at the beginning show what all of them carry."""

_SHOWN = re.compile(r"\[Parsed_showinfo_\d+ @ [^\]]+\] n: *\d+ .* sar:(\d+)/(\d+) s:(\d+)x(\d+) ", re.ASCII)
_CARRIED = re.compile(
    r"\[Parsed_showinfo_\d+ @ [^\]]+\] +side data - .*(A/53|closed caption|[Mm]astering|[Ll]ight|HDR|[Dd]olby)"
)
"""What a frame carries beside its pixels, and an encoder writes; through a pipe it would be lost."""


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Frames in yuv420p, of 10 bits in yuv420p10le: their size in pixels, and the shape of one pixel."""

    size: tuple[int, int]
    aspect: tuple[int, int]
    bits: int = 8
    carry: bool = False  # side data that only an encoder in the same process would get

    @property
    def bytes(self) -> int:
        """Return the bytes of one."""
        return frame_bytes(self.size, bits=self.bits)

    @property
    def ratio(self) -> str | None:
        """Return the shape of the whole frame, None if pixels are square."""
        (width, height), (across, down) = self.size, self.aspect
        return None if across == down else f"{width * across}:{height * down}"


def look(ffmpeg: Ffmpeg, shown: Sequence[str], *, bits: int = 8, folder: Path | None = None) -> Frames:
    """Return what the first frames are like, by arguments that lead a video through `SHOWING`, run in a folder.

    Raises JobFailed INPUT_CORRUPT if there is no frame.
    """
    lines: list[str] = []
    first = [*shown, "-frames:v", str(LOOKED_AT), "-f", "null", "-"]
    with FrameReader(ffmpeg, first, 1, listen=lines.append, folder=folder) as reader:
        reader.read()
    found = next((told for line in lines if (told := _SHOWN.match(line))), None)
    if found is None:
        raise JobFailed("no frame of the video can be decoded; convert it to an mp4 first", code="INPUT_CORRUPT")
    across, down, width, height = map(int, found.groups())
    aspect = (across, down) if across and down else (1, 1)
    return Frames(size=(width, height), aspect=aspect, bits=bits, carry=any(map(_CARRIED.match, lines)))


def encoding(
    taken: Frames,
    pixels: PixelFormat,
    rate: Fraction,
    coder: Sequence[str],
    target: Path,
    *,
    filters: Sequence[str] = (),
) -> list[str | Path]:
    """Return the arguments that take frames on stdin and write a piece, in Matroska, with the colour tags of `pixels`.

    `coder` are the arguments that choose the encoder and its settings; `filters` come before it.
    """
    width, height = taken.size
    pixel_format = "yuv420p10le" if taken.bits > 8 else "yuv420p"
    marked = [f"setsar={taken.aspect[0]}/{taken.aspect[1]}", *carry_over.colour_filters(pixels)]
    arguments: list[str | Path] = [
        *("-f", "rawvideo", "-pix_fmt", pixel_format, "-video_size", f"{width}x{height}"),
        *("-framerate", str(rate), "-i", "pipe:0", "-vf", ",".join([*filters, *marked])),
        *(*coder, "-pix_fmt", pixel_format, *carry_over.colour_tags(pixels), *carry_over.EXACT, "-f", "matroska"),
    ]
    return [*arguments, target]


@dataclass(frozen=True, kw_only=True)
class Reencoding:
    """The recipe of pieces whose frames come from one ffmpeg, filtered, and are encoded as they are by another."""

    filtered: Sequence[str]  # ffmpeg's arguments that lead the frames through their filters and `SHOWING`
    coder: Sequence[str]  # those for the encoder
    shown: Frames
    pixels: PixelFormat  # whose colour tags the result gets
    rate: Fraction
    batch: int = 1

    @property
    def taken_bytes(self) -> int:
        """Return the bytes of a frame."""
        return self.shown.bytes

    @property
    def written_bytes(self) -> int:
        """Return the bytes of a frame."""
        return self.shown.bytes

    def decode(self, ffmpeg: Ffmpeg) -> list[str | Path]:
        """Return the arguments that put every frame on stdout."""
        return [
            "-nostdin",
            *self.filtered,
            "-an",
            "-sn",
            "-dn",
            *carry_over.passthrough(ffmpeg),
            "-f",
            "rawvideo",
            "pipe:1",
        ]

    def encode(self, target: Path) -> list[str | Path]:
        """Return the arguments that write a piece."""
        return encoding(self.shown, self.pixels, self.rate, self.coder, target)

    def frames(self, frames: Sequence[RawFrame], tick: Callable[[], None]) -> Sequence[RawFrame]:
        """Return the frames as they are."""
        return frames

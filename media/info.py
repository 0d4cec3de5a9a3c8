"""What is known about a media file that could be read: its streams, sizes, times and pixel format."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class PixelFormat:
    """How the pixels of an image or a video are stored, in ffmpeg's names; None where the file does not say."""

    format: str  # pix_fmt
    bits: int
    alpha: bool
    grey: bool
    space: str | None = None
    range: str | None = None  # "tv" or "pc"
    primaries: str | None = None
    transfer: str | None = None

    @property
    def is_hdr(self) -> bool:
        """Say whether the pixels have a high dynamic range."""
        return self.transfer in ("smpte2084", "arib-std-b67")


@dataclass(frozen=True, kw_only=True)
class VideoTrack:
    """The video stream of a file; a still image is one with a single frame. Sizes are (width, height)."""

    stream: int
    codec: str
    size: tuple[int, int]  # as stored
    shown: tuple[int, int]  # as displayed: rotated, with square pixels
    aspect: tuple[int, int]  # of one pixel
    rotation: int  # degrees counter-clockwise by which players rotate it, a multiple of 90
    pixels: PixelFormat
    rate: str | None = None  # frames per second as a fraction, "30000/1001"; None for an image
    steady: bool = True  # whether the frame rate is constant
    frames: int = 1
    seconds: float = 0.0
    starts_s: float = 0.0  # time of the first frame, by the file's own clock
    mirrored: bool = False  # whether players mirror it as well, as ffmpeg does for this rotation

    @property
    def fps(self) -> Fraction:
        """Return the frames per second; 25 where the file does not say."""
        return Fraction(self.rate) if self.rate else Fraction(25)


@dataclass(frozen=True, kw_only=True)
class AudioTrack:
    """One audio stream of a file."""

    stream: int
    codec: str
    channels: int
    rate: int
    seconds: float | None
    language: str | None = None
    starts_s: float = 0.0  # time of the first sample, by the file's own clock


@dataclass(frozen=True, kw_only=True)
class MediaFile:
    """A media file that was found to be readable."""

    path: Path
    what: Literal["picture", "film", "sound"]  # an image, a video or audio
    container: str  # the demuxer's name, for `media.ffmpeg.input_arguments`
    seconds: float | None  # None for an image
    picture: VideoTrack | None  # the first moving stream of a video; None for audio
    sounds: tuple[AudioTrack, ...] = ()
    subtitles: int = 0

"""The ffmpeg commands of a film: out of the source, and into a piece. Every word of them is ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from colab.handlers.upscale.engine import Enlarger, Shape
from colab.handlers.upscale.lanczos import FLAGS
from colab.video import frames
from colab.video.frames import SHOWING, Frames
from media import carry_over, encoding
from media.ffmpeg import Ffmpeg, input_arguments
from media.info import MediaFile, PixelFormat, VideoTrack
from protocol.kinds.upscale import Params

HD_LINES = 720
"""From here on players take an untagged film for BT.709, below for BT.601: what it meant is said once it grows."""

_CODECS = {"x264": "libx264", "x265": "libx265"}


@dataclass(frozen=True, kw_only=True)
class Coding:
    """How the pieces of one film are written."""

    shape: Shape
    picture: VideoTrack
    params: Params
    enlarger: Enlarger
    turns: tuple[str, ...] = ()  # filters that turn the stored frames into those of `picture`

    @property
    def encoder(self) -> str:
        """Return ffmpeg's name of the encoder."""
        return encoder(self.params, self.shape.bits)

    @property
    def rate(self) -> Fraction:
        """Return the pictures a second for the encoder's rate control; the true times are set when it is joined."""
        fps = self.picture.fps
        return fps if 1 <= fps <= 240 else Fraction(25)

    def decode(self, media: MediaFile, ffmpeg: Ffmpeg) -> list[str | Path]:
        """Return the arguments that put every frame of the source on stdout, and tell their times on stderr."""
        filters = [SHOWING, *self.turns, *self._brought_in(), f"format={self.shape.pixel_format}"]
        return [
            *(
                "-nostdin",
                "-noautorotate",
                *input_arguments(media.path, media.container),
                "-map",
                f"0:{self.picture.stream}",
            ),
            *(
                "-an",
                "-sn",
                "-dn",
                "-vf",
                ",".join(filters),
                *carry_over.passthrough(ffmpeg),
                "-f",
                "rawvideo",
                "pipe:1",
            ),
        ]

    def encode(self, target: Path) -> list[str | Path]:
        """Return the arguments that take frames of the engine on stdin and write a piece to `target`."""
        taken = Frames(size=self.enlarger.written, aspect=self.picture.aspect, bits=self.shape.bits)
        coder = encoding.reproducible_arguments(self.encoder, self.params.preset, self.params.quality)
        return frames.encoding(taken, self._tagged(), self.rate, coder, target, filters=self.enlarger.filters)

    def _brought_in(self) -> list[str]:
        """Return the filters between the source's frames and the engine's."""
        pixels, wanted = self.picture.pixels, "pc" if self.shape.full_range else "tv"
        changed = pixels.format not in ("yuv420p", "yuvj420p", "yuv420p10le")
        scaled = f"scale=flags={FLAGS}:out_range={wanted}" + f":out_color_matrix={self.shape.space}" * changed
        strength = self.params.denoise * 8
        return [scaled, *([f"hqdn3d={strength:.2f}"] if strength else [])]

    def _tagged(self) -> PixelFormat:
        """Return what is said of the colours: what the source says, and what its viewers took for granted."""
        shape = self.shape
        span = "pc" if shape.full_range else "tv"
        return replace(self.picture.pixels, format=shape.pixel_format, space=shape.space, range=span)


def encoder(params: Params, bits: int) -> str:
    """Return ffmpeg's name of the encoder for frames of so many bits."""
    return _CODECS[("x264" if bits == 8 else "x265") if params.codec == "auto" else params.codec]


def bits(pixels: PixelFormat) -> int:
    """Return how many bits of each colour the frames of a film keep."""
    return 10 if pixels.bits > 8 else 8


def space_of(pixels: PixelFormat, lines: int) -> str:
    """Return the matrix of a film's colours: the one it names, else the one that players take for its size."""
    if pixels.space in (None, "gbr", "bt2020c"):
        return "bt2020nc" if pixels.space == "bt2020c" else "bt709" if lines >= HD_LINES else "smpte170m"
    return pixels.space


def is_full_range(pixels: PixelFormat) -> bool:
    """Say whether black is 0. RGB is brought to the range of films."""
    return pixels.format.startswith("yuvj") or (
        pixels.range == "pc" and not pixels.format.startswith(("gbr", "rgb", "bgr"))
    )

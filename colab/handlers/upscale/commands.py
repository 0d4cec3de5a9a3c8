"""The ffmpeg commands of a film: out of the source, and into a piece. Every word of them is ours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from colab.handlers.pieces.film import SHOWING
from colab.handlers.upscale.engine import Enlarger, Shape
from colab.handlers.upscale.lanczos import FLAGS
from media.examine import Media, Picture, Pixels
from media.ffmpeg import Ffmpeg, source
from protocol.kinds.upscale import Params

HD_LINES = 720
"""From here on players take an untagged film for BT.709, below for BT.601: what it meant is said once it grows."""

OLD = re.compile(r"version n?[45]\.")
"""The versions that call `-fps_mode` otherwise."""

X264_THREADS, X265_THREADS = 8, 4
"""Fixed, because an encoder's bits depend on them."""

_CODECS = {"x264": "libx264", "x265": "libx265"}


@dataclass(frozen=True, kw_only=True)
class Coding:
    """How the pieces of one film are written."""

    shape: Shape
    picture: Picture
    params: Params
    enlarger: Enlarger
    turns: tuple[str, ...] = ()  # filters that turn the stored frames into those of `picture`

    @property
    def encoder(self) -> str:
        """Return ffmpeg's name of the encoder."""
        auto = "x264" if self.shape.bits == 8 else "x265"
        return _CODECS[auto if self.params.codec == "auto" else self.params.codec]

    def decode(self, media: Media, ffmpeg: Ffmpeg) -> list[str | Path]:
        """Return the arguments that put every frame of the source on stdout, and tell their times on stderr."""
        passing = ["-vsync", "passthrough"] if OLD.search(ffmpeg.version) else ["-fps_mode", "passthrough"]
        filters = [SHOWING, *self.turns, *self._brought_in(), f"format={self.shape.pixel_format}"]
        return [
            "-nostdin", "-noautorotate", *source(media.path, media.container), "-map", f"0:{self.picture.stream}",
            "-an", "-sn", "-dn", "-vf", ",".join(filters), *passing, "-f", "rawvideo", "pipe:1",
        ]  # fmt: skip

    def encode(self, target: Path) -> list[str | Path]:
        """Return the arguments that take frames of the engine on stdin and write a piece to `target`."""
        width, height = self.enlarger.written
        taking = ["-f", "rawvideo", "-pix_fmt", self.shape.pixel_format, "-video_size", f"{width}x{height}"]
        filters = [*self.enlarger.filters, _aspect(self.picture), _set(self._colours())]
        return [
            *taking, "-framerate", self._rate(), "-i", "pipe:0", "-vf", ",".join(filters),
            "-c:v", self.encoder, "-crf", str(self.params.quality), "-preset", self.params.preset, *self._fixed(),
            "-pix_fmt", self.shape.pixel_format, *_tagged(self._colours()),
            "-fflags", "+bitexact", "-flags:v", "+bitexact", "-f", "matroska", target,
        ]  # fmt: skip

    def _brought_in(self) -> list[str]:
        """Return the filters between the source's frames and the engine's."""
        pixels, wanted = self.picture.pixels, "pc" if self.shape.full_range else "tv"
        changed = pixels.format not in ("yuv420p", "yuvj420p", "yuv420p10le")
        scaled = f"scale=flags={FLAGS}:out_range={wanted}" + f":out_color_matrix={self.shape.space}" * changed
        strength = self.params.denoise * 8
        return [scaled, *([f"hqdn3d={strength:.2f}"] if strength else [])]

    def _fixed(self) -> list[str]:
        if self.encoder == "libx264":
            return ["-threads", str(X264_THREADS)]
        return ["-x265-params", f"log-level=error:open-gop=0:frame-threads={X265_THREADS}"]

    def _rate(self) -> str:
        """Return the pictures a second for the encoder's rate control; the true times are set when it is joined."""
        fps = self.picture.fps
        return str(fps) if 1 <= fps <= 240 else "25"

    def _colours(self) -> dict[str, str]:
        """Return the tags: those of the source, and the matrix and range that its viewers took for granted."""
        pixels = self.picture.pixels
        tags = {"space": self.shape.space, "range": "pc" if self.shape.full_range else "tv"}
        return tags | {
            name: value
            for name, value in (("primaries", pixels.primaries), ("transfer", pixels.transfer))
            if value is not None
        }


def space_of(pixels: Pixels, lines: int) -> str:
    """Return the matrix of a film's colours: the one it names, else the one that players take for its size."""
    if pixels.space in (None, "gbr", "bt2020c"):
        return "bt2020nc" if pixels.space == "bt2020c" else "bt709" if lines >= HD_LINES else "smpte170m"
    return pixels.space


def is_full_range(pixels: Pixels) -> bool:
    """Say whether black is 0. RGB is brought to the range of films."""
    return pixels.format.startswith("yuvj") or (
        pixels.range == "pc" and not pixels.format.startswith(("gbr", "rgb", "bgr"))
    )


def _aspect(picture: Picture) -> str:
    return f"setsar={picture.aspect[0]}/{picture.aspect[1]}"


def _set(tags: dict[str, str]) -> str:
    names = {"space": "colorspace", "range": "range", "primaries": "color_primaries", "transfer": "color_trc"}
    return "setparams=" + ":".join(f"{names[name]}={value}" for name, value in tags.items())


def _tagged(tags: dict[str, str]) -> list[str]:
    names = {"space": "-colorspace", "range": "-color_range", "primaries": "-color_primaries", "transfer": "-color_trc"}
    return [word for name, value in tags.items() for word in (names[name], value)]

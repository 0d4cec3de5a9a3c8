"""A picture upscaled: plane by plane, so that grey stays grey, 16 bits stay 16, and transparency has no halo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colab.handlers.upscale import alpha, turning
from colab.handlers.upscale.engine import Engine, Planes, Shape
from colab.handlers.upscale.sizes import target
from colab.handlers.work import Work
from media.ffmpeg import Ffmpeg, file_url, input_arguments
from media.info import MediaFile, VideoTrack
from media.pipes import FrameReader, FrameWriter
from protocol.errors import JobFailed
from protocol.kinds.upscale import Params, result_path

LOSSY = 95
"""The quality of a jpg or webp, of 100."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What of a picture's nature the result has too."""

    grey: bool
    alpha: bool
    deep: bool  # 16 bits

    @property
    def planes(self) -> int:
        """Return how many planes there are, that of transparency among them."""
        return (1 if self.grey else 3) + self.alpha

    @property
    def pixel_format(self) -> str:
        """Return ffmpeg's name for the pixels."""
        return {
            (1, False): "gray", (2, False): "ya8", (3, False): "rgb24", (4, False): "rgba",
            (1, True): "gray16le", (2, True): "ya16le", (3, True): "rgb48le", (4, True): "rgba64le",
        }[self.planes, self.deep]  # fmt: skip


def upscale_picture(work: Work, params: Params, media: MediaFile, engine: Engine, ffmpeg: Ffmpeg) -> Mapping[str, Any]:
    """Write and publish the picture; return what the summary says of it."""
    picture = media.picture
    assert picture is not None  # a picture has one
    kept = _nature(picture)
    _check(kept, params)
    shape = Shape(
        size=turning.upright(picture), target=target(picture, params, film=False), bits=16 if kept.deep else 8
    )
    work.kept(engine.record())
    tick = _Ticking(work)
    planes = _read(media, picture, kept, ffmpeg)
    tick()
    enlarger = engine.ready(shape, params)
    if kept.alpha and (planes[-1] == np.iinfo(planes.dtype).max).all():
        large = enlarger.planes(planes[:-1], tick)  # nothing shows through: its plane need not be worked on
        large = np.concatenate([large, np.full_like(large[:1], np.iinfo(large.dtype).max)])
    elif kept.alpha:
        colours = enlarger.planes(alpha.filled(planes[:-1], planes[-1]), tick)
        large = np.concatenate([colours, enlarger.planes(planes[-1:], tick)])
    else:
        large = enlarger.planes(planes, tick)
    path = result_path(params)
    _write(work.output(path), large, kept, params.format or "png", ffmpeg)
    work.publish(path)
    work.progress(1, 1, "written")
    told = {"frames": 1, "width": shape.target[0], "height": shape.target[1], **enlarger.notes()}
    return told | _changed(kept, params)


class _Ticking:
    """Says that it goes on, and lets itself be stopped."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __call__(self) -> None:
        self._work.progress(0, 1, "upscaling the picture")


def _nature(picture: VideoTrack) -> Kept:
    pixels = picture.pixels
    grey = pixels.format.startswith(("gray", "ya8", "ya16", "mono"))
    return Kept(grey=grey, alpha=pixels.alpha, deep=pixels.bits > 8)


def _check(kept: Kept, params: Params) -> None:
    if kept.alpha and params.format == "jpg":
        raise JobFailed(
            "a jpg holds no transparency, and the picture has some; ask for png or webp", code="BAD_REQUEST"
        )


def _changed(kept: Kept, params: Params) -> dict[str, Any]:
    changed = []
    if kept.deep and params.format in ("jpg", "webp"):
        changed.append(f"16 bits became 8: {params.format} holds no more; ask for png or tiff")
    if params.denoise:
        changed.append("no noise was removed: denoise is for films only")
    return {"changed": changed} if changed else {}


def _read(media: MediaFile, picture: VideoTrack, kept: Kept, ffmpeg: Ffmpeg) -> Planes:
    """Return the planes of a picture, turned as a viewer shows it."""
    width, height = turning.upright(picture)
    filters = [*turning.filters(picture), f"format={kept.pixel_format}"]
    arguments: list[str | Path] = ["-nostdin", "-noautorotate", *input_arguments(media.path, media.container)]
    arguments += ["-map", "0:v:0", "-frames:v", "1", "-vf", ",".join(filters), "-f", "rawvideo", "pipe:1"]
    kind = np.dtype("<u2") if kept.deep else np.dtype(np.uint8)
    with FrameReader(ffmpeg, arguments, width * height * kept.planes * kind.itemsize) as reader:
        raw = reader.read()
    if raw is None:
        raise JobFailed("the picture cannot be decoded; save it anew as png", code="INPUT_CORRUPT")
    pixels = raw.view(kind).reshape(height, width, kept.planes)
    return np.ascontiguousarray(np.moveaxis(pixels, 2, 0))


def _write(path: Path, planes: Planes, kept: Kept, suffix: str, ffmpeg: Ffmpeg) -> None:
    pixels = np.ascontiguousarray(np.moveaxis(planes, 0, 2))
    if suffix in ("jpg", "webp"):
        path.write_bytes(_lossy(pixels, suffix))
        return
    height, width = pixels.shape[:2]
    muxing = {"png": ["-c:v", "png"], "tiff": ["-c:v", "tiff", "-compression_algo", "deflate"]}[suffix]
    arguments: list[str | Path] = ["-f", "rawvideo", "-pix_fmt", kept.pixel_format, "-video_size", f"{width}x{height}"]
    arguments += ["-i", "pipe:0", "-frames:v", "1", *muxing, "-f", "image2", "-update", "1", "-flags", "+bitexact"]
    with FrameWriter(ffmpeg, [*arguments, file_url(path)]) as writer:
        writer.write(pixels.view(np.uint8).reshape(-1))
        writer.finish()


def _lossy(pixels: NDArray[Any], suffix: str) -> bytes:
    """Return the bytes of a jpg or webp. ffmpeg writes neither a grey jpg nor a webp in every build."""
    import cv2  # it is large, and most jobs need none of it

    small = (pixels >> 8).astype(np.uint8) if pixels.dtype != np.uint8 else pixels
    ordered = small[..., {1: [0], 2: [0, 0, 0, 1], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[small.shape[2]]]
    options = [cv2.IMWRITE_WEBP_QUALITY, LOSSY]
    if suffix == "jpg":
        options = [
            cv2.IMWRITE_JPEG_QUALITY,
            LOSSY,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ]
    done, encoded = cv2.imencode(f".{suffix}", np.ascontiguousarray(ordered), options)
    if not done:
        raise JobFailed(f"a picture of this size cannot be written as {suffix}; ask for png", code="BAD_REQUEST")
    return bytes(encoded)

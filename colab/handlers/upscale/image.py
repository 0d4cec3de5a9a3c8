"""An image upscaled: plane by plane, so that grey stays grey, 16 bits stay 16, and transparency has no halo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colab.handlers.upscale import turning
from colab.handlers.upscale.engine import Planes, Shape, UpscaleEngine
from colab.handlers.upscale.sizes import target
from colab.work import Work
from media.ffmpeg import Ffmpeg, file_url, input_arguments
from media.info import MediaFile, VideoTrack
from media.pipes import FrameReader, FrameWriter
from protocol.errors import JobFailed
from protocol.kinds.upscale import Params, result_path

LOSSY = 95
"""The quality of a jpg or webp, of 100."""


@dataclass(frozen=True, kw_only=True)
class PixelLayout:
    """The planes of an image, which the result has too."""

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


def upscale_image(
    work: Work, params: Params, media: MediaFile, engine: UpscaleEngine, ffmpeg: Ffmpeg
) -> Mapping[str, Any]:
    """Write and publish the image; return what the summary says of it."""
    picture = media.picture
    assert picture is not None  # a picture has one
    layout = _nature(picture)
    _check(layout, params)
    shape = Shape(
        size=turning.upright(picture), target=target(picture, params, film=False), bits=16 if layout.deep else 8
    )
    work.begin(engine.record())
    tick = _Ticking(work)
    planes = _read(media, picture, layout, ffmpeg)
    tick()
    enlarger = engine.ready(shape, params)
    if layout.alpha and (planes[-1] == np.iinfo(planes.dtype).max).all():
        large = enlarger.planes(planes[:-1], tick)  # nothing shows through: its plane need not be worked on
        large = np.concatenate([large, np.full_like(large[:1], np.iinfo(large.dtype).max)])
    elif layout.alpha:
        colours = enlarger.planes(filled(planes[:-1], planes[-1]), tick)
        large = np.concatenate([colours, enlarger.planes(planes[-1:], tick)])
    else:
        large = enlarger.planes(planes, tick)
    path = result_path(params)
    _write(work.output(path), large, layout, params.format or "png", ffmpeg)
    work.publish(path)
    work.progress(1, 1, "written")
    told = {"frames": 1, "width": shape.target[0], "height": shape.target[1], **enlarger.notes()}
    return told | _changed(layout, params)


class _Ticking:
    """Says that it goes on, and lets itself be stopped."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __call__(self) -> None:
        self._work.progress(0, 1, "upscaling the image")


def _nature(picture: VideoTrack) -> PixelLayout:
    pixels = picture.pixels
    grey = pixels.format.startswith(("gray", "ya8", "ya16", "mono"))
    return PixelLayout(grey=grey, alpha=pixels.alpha, deep=pixels.bits > 8)


def _check(layout: PixelLayout, params: Params) -> None:
    if layout.alpha and params.format == "jpg":
        raise JobFailed("a jpg has no transparency, and the image does; ask for png or webp", code="BAD_REQUEST")


def _changed(layout: PixelLayout, params: Params) -> dict[str, Any]:
    changed = []
    if layout.deep and params.format in ("jpg", "webp"):
        changed.append(f"16 bits became 8: {params.format} has no more; ask for png or tiff")
    if params.denoise:
        changed.append("no noise was removed: denoise is for videos only")
    return {"changed": changed} if changed else {}


def _read(media: MediaFile, picture: VideoTrack, layout: PixelLayout, ffmpeg: Ffmpeg) -> Planes:
    """Return the planes of a picture, turned as a viewer shows it."""
    width, height = turning.upright(picture)
    filters = [*turning.filters(picture), f"format={layout.pixel_format}"]
    arguments: list[str | Path] = ["-nostdin", "-noautorotate", *input_arguments(media.path, media.container)]
    arguments += ["-map", "0:v:0", "-frames:v", "1", "-vf", ",".join(filters), "-f", "rawvideo", "pipe:1"]
    kind = np.dtype("<u2") if layout.deep else np.dtype(np.uint8)
    with FrameReader(ffmpeg, arguments, width * height * layout.planes * kind.itemsize) as reader:
        raw = reader.read()
    if raw is None:
        raise JobFailed("the image cannot be decoded; save it again as png", code="INPUT_CORRUPT")
    pixels = raw.view(kind).reshape(height, width, layout.planes)
    return np.ascontiguousarray(np.moveaxis(pixels, 2, 0))


def _write(path: Path, planes: Planes, layout: PixelLayout, suffix: str, ffmpeg: Ffmpeg) -> None:
    pixels = np.ascontiguousarray(np.moveaxis(planes, 0, 2))
    if suffix in ("jpg", "webp"):
        path.write_bytes(_lossy(pixels, suffix))
        return
    height, width = pixels.shape[:2]
    muxing = {"png": ["-c:v", "png"], "tiff": ["-c:v", "tiff", "-compression_algo", "deflate"]}[suffix]
    arguments: list[str | Path] = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        layout.pixel_format,
        "-video_size",
        f"{width}x{height}",
    ]
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
        raise JobFailed(f"an image of this size cannot be written as {suffix}; ask for png", code="BAD_REQUEST")
    return bytes(encoded)


Real = NDArray[np.float32]


def filled(colours: Planes, alpha: Planes) -> Planes:
    """Return the colours with those of fully transparent pixels replaced by the nearest visible ones, smoothly.

    Visible colours stay bit for bit. Push-pull (Gortler et al., The Lumigraph, 1996): averages of what is visible, of
    ever larger surroundings, are put where nothing is.
    """
    seen = (alpha > 0).astype(np.float32)
    if not seen.any():
        return colours
    smooth = _pulled(colours.astype(np.float32) * seen, seen)
    most = np.iinfo(colours.dtype).max
    around = np.clip(np.rint(smooth), 0, most).astype(colours.dtype)
    return np.where(alpha > 0, colours, around)


def _pulled(sums: Real, weights: Real) -> Real:
    """Return sums/weights, and where the weight is 0 what half the resolution has there."""
    known = weights > 0
    here = np.divide(sums, weights, out=np.zeros_like(sums), where=known)
    if known.all() or weights.size == 1:
        return here
    coarse = _pulled(_halved(sums), _halved(weights[None])[0])
    height, width = weights.shape
    large = coarse.repeat(2, axis=1).repeat(2, axis=2)[:, :height, :width]
    return np.where(known, here, large)


def _halved(planes: Real) -> Real:
    height, width = planes.shape[1:]
    even = np.pad(planes, ((0, 0), (0, height % 2), (0, width % 2)))
    return even[:, 0::2, 0::2] + even[:, 1::2, 0::2] + even[:, 0::2, 1::2] + even[:, 1::2, 1::2]

"""Upscaling: our frame path against the usual dump to PNG, and the embedded engine against ffmpeg's own command.

The first comparison is of the way of the frames and of nothing else, so both ways call one stand-in for a network: it
doubles every pixel. The encoder and its settings are the same, and so is the source, which is made here.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.kinds.arm import Comparison
from colab.fake_workbench import FakeWorkbench
from colab.handlers.upscale import HANDLER
from colab.handlers.upscale.engine import Planes, Shape, Tick
from colab.handlers.upscale.lanczos import SHARPEN, Lanczos, scale_filter, sharpen_filter
from colab.handlers.upscale.video import SEGMENTS, upscale_video
from media import ffmpeg
from media.confined import examine
from media.pipes import FrameReader, RawFrame, frame_bytes
from protocol.kinds.kind import SOURCE
from protocol.kinds.upscale import Params, result_path
from protocol.messages import EngineRecord

LEAST_PSNR = 32.0
"""Decibels between the lightness of two results: above it they show the same. PNG's way goes through RGB and back."""

PRESET = "ultrafast"
"""Of the first comparison, so that the encoder does not hide what is compared."""

REPORT_S = HANDLER.report_every_s


def comparisons(folder: Path) -> list[Comparison]:
    """Return both comparisons over sources made in `folder`."""
    short = _film(folder / "short.mp4", size="480x270", seconds=2)
    long = _film(folder / "long.mp4", size="480x270", seconds=24)
    return [
        Comparison(
            name="frames streamed through pipes, a stand-in for the network",
            ours=lambda: _streamed(short, folder),
            theirs=lambda: _dumped(short, folder),
            theirs_is="PNG files between ffmpeg, the network and ffmpeg",
            equal=_unlike,
            target=1 / 1.5,
        ),
        Comparison(
            name="the embedded engine, a whole job: 24 s of film",
            ours=lambda: _embedded(long, folder),
            theirs=lambda: _plain(long, folder),
            theirs_is="one ffmpeg command with the same filters",
            equal=_unlike,
        ),
    ]


def _film(path: Path, *, size: str, seconds: int) -> Path:
    picture = f"mandelbrot=size={size}:rate=25:start_scale=2:end_scale=0.05:end_pts={seconds * 25}"
    _run(["-f", "lavfi", "-t", str(seconds), "-i", picture, "-f", "lavfi", "-t", str(seconds), "-i", "sine",
          "-c:v", "libx264", "-crf", "17", "-pix_fmt", "yuv420p", "-c:a", "aac", path])  # fmt: skip
    return path


def _run(arguments: Sequence[str | Path]) -> None:
    subprocess.run([ffmpeg.find().path, "-v", "error", "-nostdin", "-y", *arguments], check=True)


def _work(source: Path, folder: Path, **params: Any) -> FakeWorkbench:
    place = Path(tempfile.mkdtemp(dir=folder))
    return FakeWorkbench(kind="upscale", raw={"format": "mp4", **params}, folder=place, sources={SOURCE: source})


class _Doubling:
    """A stand-in for a network: every pixel four times."""

    batch = 1
    filters: tuple[str, ...] = ()

    def __init__(self, shape: Shape) -> None:
        self._size, self.written = shape.size, shape.target

    def frames(self, frames: Sequence[RawFrame], tick: Tick) -> Sequence[RawFrame]:
        """Double the three planes of each frame."""
        return [self._doubled(frame) for frame in frames]

    def _doubled(self, frame: RawFrame) -> RawFrame:
        width, height = self._size
        first, small = width * height, (height // 2, width // 2)
        planes = (frame[:first].reshape(height, width), *frame[first:].reshape(2, *small))
        return np.concatenate(
            [cv2.resize(p, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST).ravel() for p in planes]
        )

    def planes(self, planes: Planes, tick: Tick) -> Planes:
        """Not asked for: this stands in for a network on films."""
        raise AssertionError("only films are measured")

    def notes(self) -> Mapping[str, Any]:
        """Say nothing."""
        return {}


class _DoublingEngine:
    """The engine of the stand-in."""

    name = "doubling"
    segment_pixels = Lanczos.segment_pixels

    def files(self) -> tuple[str, ...]:
        """Return none."""
        return ()

    def record(self) -> EngineRecord:
        """Return a record of the stand-in."""
        return EngineRecord(name=self.name, version="1", provider="numpy", device="cpu", tier="embedded")

    def ready(self, shape: Shape, _params: Params) -> _Doubling:
        """Return the stand-in for this shape."""
        return _Doubling(shape)


def _streamed(source: Path, folder: Path) -> Path:
    program, work, media = ffmpeg.find(), _work(source, folder, preset=PRESET), examine(source)
    params = Params.model_validate(dict(work.raw))
    upscale_video(work, params, media, _DoublingEngine(), program, segments=SEGMENTS, every_s=REPORT_S)
    return work.output(result_path(params))


def _dumped(source: Path, folder: Path) -> Path:
    place = Path(tempfile.mkdtemp(dir=folder))
    (place / "in").mkdir()
    (place / "out").mkdir()
    _run(["-i", source, place / "in" / "%08d.png"])
    for frame in sorted((place / "in").iterdir()):
        large = cv2.resize(cv2.imread(str(frame)), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(place / "out" / frame.name), large)
    target = place / "result.mp4"
    pictures = ["-framerate", "25", "-i", place / "out" / "%08d.png"]
    _run([*pictures, "-i", source, "-map", "0:v", "-map", "1:a", "-c:a", "copy", "-c:v", "libx264", "-crf", "17",
          "-preset", PRESET, "-pix_fmt", "yuv420p", target])  # fmt: skip
    return target


def _embedded(source: Path, folder: Path) -> Path:
    work = _work(source, folder)
    HANDLER.run(work)
    return work.output(work.published[0])


def _plain(source: Path, folder: Path) -> Path:
    target = Path(tempfile.mkdtemp(dir=folder)) / "result.mp4"
    filters = ",".join([scale_filter((960, 540)), *sharpen_filter(SHARPEN)])
    _run(["-i", source, "-vf", filters, "-c:v", "libx264", "-crf", "17", "-preset", "medium", "-threads", "8",
          "-pix_fmt", "yuv420p", "-c:a", "copy", "-movflags", "+faststart", target])  # fmt: skip
    return target


def _unlike(ours: object, theirs: object) -> str | None:
    """Say what is different between two films, frame by frame; None when they show and sound the same."""
    first, second = (examine(Path(str(path))) for path in (ours, theirs))
    assert first.picture is not None
    assert second.picture is not None
    if (first.picture.size, first.picture.frames) != (second.picture.size, second.picture.frames):
        return f"{first.picture.size}, {first.picture.frames} frames and {second.picture.size}, {second.picture.frames}"
    if len(first.sounds) != len(second.sounds):
        return "one has a sound that the other lacks"
    worst = min(_psnr(a, b) for a, b in zip(_lights(ours, first), _lights(theirs, second), strict=True))
    return None if worst >= LEAST_PSNR else f"a frame differs: {worst:.1f} dB"


def _lights(path: object, media: Any) -> list[RawFrame]:
    width, height = media.picture.size
    arguments = [*ffmpeg.input_arguments(Path(str(path)), "mov"), "-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1"]
    frames: list[RawFrame] = []
    with FrameReader(ffmpeg.find(), arguments, frame_bytes((width, height), bits=8)) as reader:
        while (frame := reader.read()) is not None:
            frames.append(frame[: width * height])
    return frames


def _psnr(first: RawFrame, second: RawFrame) -> float:
    off = float(((first.astype(np.float32) - second.astype(np.float32)) ** 2).mean())
    return float(10 * np.log10(255**2 / max(off, 1e-9)))

"""A video upscaled: its frames pass the engine, segment by segment; then what else the source has is put back."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from colab.handlers.upscale import commands, turning
from colab.handlers.upscale.commands import Coding, is_full_range, space_of
from colab.handlers.upscale.engine import Shape, UpscaleEngine
from colab.handlers.upscale.sizes import target
from colab.video.job import CONSTANT_RATE, VideoJob
from colab.video.segments import SegmentLength
from colab.work import Work
from media.ffmpeg import Ffmpeg
from media.info import MediaFile
from media.pipes import RawFrame, frame_bytes
from protocol.errors import JobFailed, MediaError
from protocol.kinds.upscale import Params, result_path

EACH_OF = 12
"""Progress is reported after each of the first frames: whoever waits soon sees that it works."""

SURE_S, WINDOW_S = 3.0, 8.0
"""How much time of work is measured before its pace is reported, and how much of it counts: the first frames only fill
the encoder, and what a network took to get ready says nothing about the rest."""

SEGMENTS = SegmentLength(fewest=12, most=1500)
"""Every segment begins with a key frame, which is large."""


def upscale_video(
    work: Work,
    params: Params,
    media: MediaFile,
    engine: UpscaleEngine,
    ffmpeg: Ffmpeg,
    *,
    segments: SegmentLength,
    every_s: float,
) -> Mapping[str, Any]:
    """Write and publish the video; return what the summary says of it."""
    picture = media.picture
    assert picture is not None  # a video has one
    has_alpha = picture.pixels.alpha
    turns: tuple[str, ...] = ()
    if picture.mirrored:  # no mark that a video can carry to every player says so: its frames are turned
        turns, picture = turning.filters(picture), turning.turned(picture)
    shape = Shape(
        size=picture.size,
        target=target(picture, params, film=True),
        bits=commands.bits(picture.pixels),
        space=space_of(picture.pixels, picture.size[1]),
        full_range=is_full_range(picture.pixels),
    )
    enlarger = engine.ready(shape, params)
    coding = Coding(shape=shape, picture=picture, params=params, enlarger=enlarger, turns=turns)
    job = VideoJob(work=work, ffmpeg=ffmpeg, earlier=work.begin(engine.record()), total=picture.frames)
    length = segments.of_pixels(shape.target, engine.segment_pixels)
    summary = _written(job, media, coding, length, _Pace(work=work, total=picture.frames, every_s=every_s))
    lost = {"lost": "the video's transparency: frames are encoded as yuv420p"} if has_alpha else {}
    return {**summary, **enlarger.notes(), **lost}


def _written(job: VideoJob, media: MediaFile, coding: Coding, length: int, pace: _Pace) -> dict[str, Any]:
    """Encode the segments, put the video together, and publish it.

    Its frames were decoded one by one before: they are counted, and not decoded once more.
    """
    container, path = coding.params.format or "mp4", result_path(coding.params)
    with job.segments(_Enlarging(media=media, coding=coding), length, pace.report) as video:
        job.total = video.frames
        end = (video.frames, video.frames)
        job.report(1.0, end, "putting it together")
        track = video.track(coding.encoder, rotation=coding.picture.rotation)
        try:
            made = job.put_together(track, media, container, path, end, decode=False).picture
        except MediaError as problem:
            wrong = f"the video cannot be put together as {container}: {problem}; ask for mkv"
            raise JobFailed(wrong, code="ENGINE") from problem
    if made is None or made.size != coding.shape.target:
        raise JobFailed(f"the video that was written is not as it should be: {made}", code="ENGINE")
    job.work.publish(path)
    changed = [note for note in job.notes if note != CONSTANT_RATE]
    timing = (
        {"timing": "constant rate, the times of the source could not be read"} if CONSTANT_RATE in job.notes else {}
    )
    return {
        "frames": video.frames,
        "width": made.size[0],
        "height": made.size[1],
        **({"changed": changed} if changed else {}),
        **timing,
    }


@dataclass(frozen=True, kw_only=True)
class _Enlarging:
    """The recipe of the segments: the engine makes each frame larger."""

    media: MediaFile
    coding: Coding

    @property
    def rate(self) -> Fraction:
        return self.coding.picture.fps

    @property
    def taken_bytes(self) -> int:
        return frame_bytes(self.coding.shape.size, bits=self.coding.shape.bits)

    @property
    def written_bytes(self) -> int:
        return frame_bytes(self.coding.enlarger.written, bits=self.coding.shape.bits)

    @property
    def batch(self) -> int:
        return self.coding.enlarger.batch

    def decode(self, ffmpeg: Ffmpeg) -> list[str | Path]:
        return self.coding.decode(self.media, ffmpeg)

    def encode(self, target: Path) -> list[str | Path]:
        return self.coding.encode(target)

    def frames(self, frames: Sequence[RawFrame], tick: Callable[[], None]) -> Sequence[RawFrame]:
        return self.coding.enlarger.frames(frames, tick)


@dataclass(kw_only=True)
class _Pace:
    """Reports how far the work is, and how long it will take."""

    work: Work
    total: int  # frames, by the packets of the source; a guess
    every_s: float
    reported_at: float = 0.0
    seen: deque[tuple[float, int]] = field(default_factory=deque)  # (when, how many frames were made here by then)

    def report(self, done: int, resumed: int) -> None:
        now = time.monotonic()
        total = max(self.total, done)
        if done <= EACH_OF or done == total or now - self.reported_at >= self.every_s:
            self.reported_at = now
            self.work.progress(done, total, self._note(now, done, resumed, total))

    def _note(self, now: float, done: int, resumed: int, total: int) -> str:
        if done and done == resumed:
            return f"{done} frames resumed from an earlier attempt"
        note = f"{done} of {total} frames"
        fps = self._fps(now, done - resumed)
        return f"{note}, {fps:.1f} a second, {(total - done) / fps:.0f} s left" if fps else note

    def _fps(self, now: float, made: int) -> float:
        """Return the frames a second of the last few seconds; 0 if that is not known yet."""
        self.seen.append((now, made))
        while len(self.seen) > 2 and now - self.seen[1][0] >= WINDOW_S:
            self.seen.popleft()
        since, before = self.seen[0]
        return (made - before) / (now - since) if now - since >= SURE_S else 0.0

"""Checks before and after rendering: ffmpeg reports success for many wrong videos."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer

from dispatcher.assembly.timeline import FPS, Timeline
from media.examine import open_media
from media.take import measure_take
from protocol.errors import MediaError


def check_takes(timeline: Timeline) -> tuple[int, int]:
    """Return the frame size of the takes, if all are complete and of one size; ffmpeg would not notice otherwise."""
    expected: tuple[int, int] | None = None
    for clip in timeline.clips:
        size, seconds = measure_take(clip.take)
        if size != (expected := expected or size):
            raise MediaError(f"step {clip.step_id}: {clip.take} is {size[0]}x{size[1]}, unlike the takes before it")
        if seconds < clip.seconds - 1.5 / FPS:
            raise MediaError(
                f"step {clip.step_id}: {clip.take} is truncated: it has {seconds:.2f} of {clip.seconds:.2f} s"
            )
    if expected is None:
        raise MediaError("there is no take to make a video from")
    return expected


def check_film(film: Path, timeline: Timeline) -> None:
    """Check the streams, the exact number of frames, and the chapters of the video."""
    try:
        with open_media(film) as container:
            if not container.streams.video or not container.streams.audio:
                raise MediaError("the video has no video stream or no audio stream")
            chapters = len(container.chapters())
            frames, seconds = _frames_of(container)
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError(f"the rendered video cannot be read: {error}") from error
    if frames != timeline.frames or abs(seconds - timeline.seconds) > 0.5 / FPS:
        raise MediaError(f"the video lasts {seconds:.3f} s ({frames} frames) instead of {timeline.seconds:.3f} s")
    if chapters != len(timeline.parts):
        raise MediaError(f"the video has {chapters} chapters instead of {len(timeline.parts)}")


def _frames_of(container: InputContainer) -> tuple[int, float]:
    """Return the number of frames of a video and their length in seconds; counted if the header does not say."""
    video = container.streams.video[0]
    if video.frames and video.duration and video.time_base:
        return video.frames, float(video.duration * video.time_base)
    times = [float(packet.pts * packet.time_base) for packet in container.demux(video) if packet.pts is not None]
    return len(times), max(times) - min(times) + 1 / FPS

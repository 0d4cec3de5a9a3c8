"""What is looked at before and after the film is cut: ffmpeg calls many a wrong film a success."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer

from dispatcher.assembly.timeline import FPS, Timeline
from media.examine import open_media
from media.take import measure_take
from protocol.errors import MediaError


def check_takes(timeline: Timeline) -> tuple[int, int]:
    """Return the takes' size, when all are whole and of one size; ffmpeg would show another step's picture."""
    expected: tuple[int, int] | None = None
    for clip in timeline.clips:
        size, seconds = measure_take(clip.take)
        if size != (expected := expected or size):
            raise MediaError(f"step {clip.step_id}: {clip.take} is {size[0]}x{size[1]}, unlike the takes before it")
        if seconds < clip.seconds - 1.5 / FPS:
            raise MediaError(
                f"step {clip.step_id}: {clip.take} is cut: {seconds:.2f} of {clip.seconds:.2f} s are there"
            )
    if expected is None:
        raise MediaError("there is no take to make a film of")
    return expected


def check_film(film: Path, timeline: Timeline) -> None:
    """Check the film's streams, length to the frame, and chapters."""
    try:
        with open_media(film) as container:
            if not container.streams.video or not container.streams.audio:
                raise MediaError("the film lacks its picture or its sound")
            chapters = len(container.chapters())
            frames, seconds = _pictures(container)
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError(f"the film cannot be read back: {error}") from error
    if frames != timeline.frames or abs(seconds - timeline.seconds) > 0.5 / FPS:
        raise MediaError(f"the film lasts {seconds:.3f} s ({frames} frames) instead of {timeline.seconds:.3f} s")
    if chapters != len(timeline.parts):
        raise MediaError(f"the film has {chapters} chapters instead of {len(timeline.parts)}")


def _pictures(container: InputContainer) -> tuple[int, float]:
    """Return how many pictures a film has and how long they last; what its header does not say is counted."""
    video = container.streams.video[0]
    if video.frames and video.duration and video.time_base:
        return video.frames, float(video.duration * video.time_base)
    times = [float(packet.pts * packet.time_base) for packet in container.demux(video) if packet.pts is not None]
    return len(times), max(times) - min(times) + 1 / FPS

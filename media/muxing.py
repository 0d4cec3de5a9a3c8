"""Writing finished videos: encoded frames combined with everything else from their source, and checking the result.

The check is needed because ffmpeg reports success for many incorrect videos.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from media import carry_over, confined, encoding
from media.ffmpeg import MAX_RUN_S, Ffmpeg, file_url, input_arguments
from media.info import MediaFile
from protocol.errors import MediaError

TOLERANCE_S = 0.05
"""How far a video's length may be off, unless one of its frames lasts longer."""


@dataclass(frozen=True, kw_only=True)
class EncodedVideo:
    """Encoded frames in an MP4 without audio that begins at 0, and how they are to be displayed."""

    path: Path
    encoder: str  # ffmpeg's name of the encoder
    frames: int
    seconds: float
    starts_s: float = 0.0  # when the first frame is shown, by the source's clock
    rotation: int = 0  # degrees counter-clockwise, a multiple of 90
    ratio: str | None = None  # the display aspect ratio, which not every codec stores


@dataclass(frozen=True, kw_only=True)
class MuxedVideo:
    """A finished video that was checked, and a list of what could not be kept from its source."""

    media: MediaFile
    changed: tuple[str, ...]


def mux(
    ffmpeg: Ffmpeg,
    video: EncodedVideo,
    source: MediaFile,
    container: str,
    out: Path,
    *,
    on_progress: Callable[[float], None],
    decode: bool = True,
) -> MuxedVideo:
    """Write a video with the audio, subtitles, chapters and title of `source`, re-encoding only what must be.

    Raises MediaError if the result is incorrect, StorageFull if the disk is full. Without `decode`, the frames of the
    result are counted but not decoded again.
    """
    audio = carry_over.audio(source, container)
    subtitles = carry_over.subtitles(ffmpeg, source, container)
    command = [
        *input_arguments(source.path, source.container),
        *_video_input(ffmpeg, video),
        *("-map", "1:v:0", "-c:v", "copy", *_display_arguments(ffmpeg, video)),
        *audio.arguments,
        *subtitles.arguments,
        *("-map_metadata", "0", "-map_chapters", "0", *carry_over.EXACT, "-max_muxing_queue_size", "9999"),
        *encoding.container_arguments(container, video.encoder),
        file_url(out),
    ]
    ffmpeg.run(command, duration_s=video.seconds, on_progress=on_progress, timeout_s=MAX_RUN_S)
    media = check_video(
        ffmpeg,
        out,
        seconds=video.seconds,
        frames=video.frames,
        sounds=len(source.sounds),
        subtitles=subtitles.arguments.count("-map"),
        decode=decode,
        on_progress=lambda _: on_progress(1.0),
    )
    return MuxedVideo(media=media, changed=(*audio.changed, *subtitles.changed))


def _video_input(ffmpeg: Ffmpeg, video: EncodedVideo) -> list[str]:
    rotation = video.rotation if ffmpeg.release >= (6, 0) else 0
    return [
        *(["-display_rotation", str(rotation)] if rotation else []),
        *(["-itsoffset", f"{video.starts_s:.6f}"] if video.starts_s > 0 else []),
        *input_arguments(video.path, "mov"),
    ]


def _display_arguments(ffmpeg: Ffmpeg, video: EncodedVideo) -> list[str]:
    """Return the arguments for the aspect ratio, and for the rotation where that is a tag: before ffmpeg 6."""
    tag = f"rotate={360 - video.rotation}" if video.rotation and ffmpeg.release < (6, 0) else None
    return [
        *(["-aspect", video.ratio] if video.ratio else []),
        *(["-metadata:s:v:0", tag] if tag else []),
    ]


def check_video(
    ffmpeg: Ffmpeg,
    path: Path,
    *,
    seconds: float,
    sounds: int,
    frames: int | None = None,
    subtitles: int | None = None,
    decode: bool = True,
    on_progress: Callable[[float], None] | None = None,
) -> MediaFile:
    """Return what a finished video contains; MediaError says how it differs from what is expected.

    Its length and streams are compared, and the number of frames if `frames` is given. It is decoded to the end, unless
    `decode` is false.
    """
    media = confined.examine(path)
    if media.picture is None:
        raise MediaError("the video that was written has no video track")
    if decode:
        _decode(ffmpeg, media, seconds, on_progress)
    off = abs(media.picture.seconds - seconds)
    if off > max(TOLERANCE_S, 1.01 / float(media.picture.fps)):
        raise MediaError(f"the video that was written lasts {media.picture.seconds:.3f} s instead of {seconds:.3f} s")
    if len(media.sounds) != sounds:
        raise MediaError(f"the video that was written has {len(media.sounds)} audio track(s) instead of {sounds}")
    if subtitles is not None and media.subtitles != subtitles:
        raise MediaError(f"the video that was written has {media.subtitles} subtitle track(s) instead of {subtitles}")
    if frames is not None and media.picture.frames != frames:
        raise MediaError(f"the video that was written has {media.picture.frames} frames instead of {frames}")
    return media


def _decode(ffmpeg: Ffmpeg, media: MediaFile, seconds: float, on_progress: Callable[[float], None] | None) -> None:
    everything = ["-map", "0:v:0", "-map", "0:a?", "-f", "null", "-"]
    ffmpeg.run(
        ["-v", "error", "-xerror", *input_arguments(media.path, media.container), *everything],
        duration_s=seconds,
        on_progress=on_progress,
        timeout_s=MAX_RUN_S,
    )

"""From takes and narration to the film: everything is encoded exactly once, by one ffmpeg command."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av

from dispatcher.assembly import sound
from dispatcher.assembly.timeline import FPS, Timeline
from media.ffmpeg import Ffmpeg
from media.frames import measure_take
from protocol.errors import MediaError

VIDEO_CODECS = {"h264": "libx264", "libx264": "libx264", "h265": "libx265", "hevc": "libx265", "libx265": "libx265"}
AUDIO_CODECS = {"aac": "aac", "opus": "libopus", "libopus": "libopus"}


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """How the film is encoded, and what it is called."""

    size: tuple[int, int]
    title: str = ""
    description: str = ""
    video_codec: str = "libx264"
    preset: str = "medium"
    crf: int = 20
    audio_codec: str = "aac"
    audio_bitrate: str = "192k"
    loudnorm: bool = True


@dataclass(frozen=True, kw_only=True)
class Film:
    """A film that was checked after it was written."""

    path: Path
    seconds: float


def render(
    ffmpeg: Ffmpeg,
    timeline: Timeline,
    out: Path,
    options: RenderOptions,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> Film:
    """Render the film to `out`, whole or not at all. Raises MediaError when the result is not what was planned."""
    _check_takes(timeline)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.stem}.unfinished{out.suffix}")
    try:
        with tempfile.TemporaryDirectory(prefix="gpudrop-film-") as folder:
            work = Path(folder)
            mixed = sound.mix(ffmpeg, timeline, work / "narration.wav", normalise=options.loudnorm)
            (work / "takes.ffconcat").write_text(_takes(timeline), encoding="utf-8")
            (work / "chapters.txt").write_text(_chapters(timeline, options), encoding="utf-8")
            arguments = _command(work, mixed, timeline, options)
            ffmpeg.run([*arguments, unfinished], duration_s=timeline.seconds, on_progress=on_progress)
        _check(unfinished, timeline)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return Film(path=out, seconds=timeline.seconds)


def _command(work: Path, mixed: sound.Mix, timeline: Timeline, options: RenderOptions) -> list[str]:
    width, height = options.size
    # JPEG is full-range BT.601; HD video is limited-range BT.709, and says so.
    # Frames are repeated last: what stands still is then converted once.
    picture = (
        f"scale={width}:{height}:force_original_aspect_ratio=decrease:flags=lanczos+accurate_rnd+full_chroma_int"
        ":in_range=full:out_range=tv:in_color_matrix=bt601:out_color_matrix=bt709,"
        f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2,setsar=1,format=yuv420p,"
        f"fps={FPS}:start_time=0,tpad=stop_mode=clone:stop=2"
    )
    tags = ["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    return [
        *("-f", "concat", "-safe", "0", "-i", str(work / "takes.ffconcat")),
        *("-i", str(mixed.path), "-f", "ffmetadata", "-i", str(work / "chapters.txt")),
        *("-map", "0:v:0", "-map", "1:a:0", "-map_metadata", "2", "-map_chapters", "2"),
        *("-vf", picture, "-af", mixed.filter, "-t", f"{timeline.seconds:.6f}"),
        *("-c:v", VIDEO_CODECS[options.video_codec], "-preset", options.preset, "-crf", str(options.crf), *tags),
        *("-c:a", AUDIO_CODECS[options.audio_codec], "-b:a", options.audio_bitrate, "-ar", str(sound.RATE), "-ac", "2"),
        *("-movflags", "+faststart", "-f", "mp4"),
    ]


def _takes(timeline: Timeline) -> str:
    """Return the list by which ffmpeg reads one take after the other, each for exactly its length."""
    lines = ["ffconcat version 1.0"]
    for clip in timeline.clips:
        path = str(clip.take.absolute()).replace("'", "'\\''")
        lines += [f"file '{path}'", f"duration {clip.seconds:.6f}"]
    return "\n".join(lines) + "\n"


def _chapters(timeline: Timeline, options: RenderOptions) -> str:
    """Return title, description and one chapter a step as ffmpeg's metadata text."""
    lines = [";FFMETADATA1", f"title={_escaped(options.title)}", f"comment={_escaped(options.description)}"]
    for start, clip in zip(timeline.starts, timeline.clips, strict=True):
        first = round(start * FPS)
        lines += ["[CHAPTER]", f"TIMEBASE=1/{FPS}", f"START={first}", f"END={first + clip.frames}"]
        lines += [f"title={_escaped(clip.title)}"]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Escape what ffmpeg's metadata text gives a meaning."""
    return "".join(f"\\{letter}" if letter in "=;#\\" else letter for letter in text.replace("\n", " "))


def _check_takes(timeline: Timeline) -> None:
    """Check that every take is whole and of one size; ffmpeg would show another step's picture, as a success."""
    sizes = set()
    for clip in timeline.clips:
        size, seconds = measure_take(clip.take)
        sizes.add(size)
        if len(sizes) > 1:
            raise MediaError(f"step {clip.step_id}: {clip.take} is {size[0]}x{size[1]}, unlike the takes before it")
        if seconds < clip.seconds - 1.5 / FPS:
            raise MediaError(
                f"step {clip.step_id}: {clip.take} is cut: {seconds:.2f} of {clip.seconds:.2f} s are there"
            )


def _check(film: Path, timeline: Timeline) -> None:
    """Check the film's streams, length and chapters."""
    try:
        with av.open(str(film)) as container:
            video, sound_tracks = container.streams.video, container.streams.audio
            seconds = float((video[0].duration or 0) * (video[0].time_base or 0)) if video else 0.0
            chapters = len(container.chapters())
    except av.error.FFmpegError as error:
        raise MediaError(f"the film cannot be read back: {error}") from error
    if not video or not sound_tracks:
        raise MediaError("the film lacks its picture or its sound")
    if abs(seconds - timeline.seconds) > 0.5 / FPS:
        raise MediaError(f"the film lasts {seconds:.3f} s instead of {timeline.seconds:.3f} s")
    if chapters != len(timeline.clips):
        raise MediaError(f"the film has {chapters} chapters instead of {len(timeline.clips)}")

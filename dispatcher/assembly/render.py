"""Rendering takes and narration to a video: everything is encoded exactly once, by one ffmpeg command."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dispatcher.assembly import inserts, sound
from dispatcher.assembly.checks import check_film, check_takes
from dispatcher.assembly.timeline import FPS, Insert, Timeline
from dispatcher.assembly.zoom import View, camera, camera_filter
from media import encoding
from media.ffmpeg import Ffmpeg, file_url, input_arguments


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """How the video is encoded, and its metadata."""

    size: tuple[int, int]
    title: str = ""
    description: str = ""
    container: str = "mp4"
    video_codec: str = "libx264"
    preset: str = "medium"
    crf: int = 20
    audio_codec: str = "aac"
    audio_bitrate: str = "192k"
    loudnorm: bool = True
    zoom: str = "off"

    @property
    def encoders(self) -> frozenset[str]:
        """The encoders that ffmpeg must have."""
        return frozenset({encoding.VIDEO_CODECS[self.video_codec], encoding.AUDIO_CODECS[self.audio_codec]})


@dataclass(frozen=True, kw_only=True)
class RenderedVideo:
    """A rendered video that has passed its checks."""

    path: Path
    seconds: float


def render(
    ffmpeg: Ffmpeg,
    timeline: Timeline,
    out: Path,
    options: RenderOptions,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> RenderedVideo:
    """Render the video to `out`, completely or not at all. Raises MediaError if it does not match the timeline."""
    taken = check_takes(timeline)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.stem}.unfinished{out.suffix}")
    try:
        with tempfile.TemporaryDirectory(prefix="gpudrop-film-") as folder:
            work = Path(folder)
            mixed = sound.mix(ffmpeg, timeline, work / "narration.wav", normalise=options.loudnorm)
            (work / "takes.ffconcat").write_text(_takes(timeline), encoding="utf-8")
            (work / "chapters.txt").write_text(_chapters(timeline, options), encoding="utf-8")
            arguments = _command(ffmpeg, work, mixed, taken, timeline, options)
            ffmpeg.run([*arguments, file_url(unfinished)], duration_s=timeline.seconds, on_progress=on_progress)
        check_film(unfinished, timeline)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return RenderedVideo(path=out, seconds=timeline.seconds)


def _command(
    ffmpeg: Ffmpeg,
    work: Path,
    mixed: sound.Mix,
    taken: tuple[int, int],
    timeline: Timeline,
    options: RenderOptions,
) -> list[str]:
    tags = ["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    encoder = encoding.VIDEO_CODECS[options.video_codec]
    voice = encoding.AUDIO_CODECS[options.audio_codec]
    return [
        *("-f", "concat", "-safe", "0", *input_arguments(work / "takes.ffconcat", "concat,matroska,webm")),
        *input_arguments(mixed.path, "wav"),
        *("-f", "ffmetadata", *input_arguments(work / "chapters.txt", "ffmetadata")),
        *_picture(ffmpeg, timeline, taken, options, work / "picture.txt"),
        *("-map", "1:a:0", "-map_metadata", "2", "-map_chapters", "2"),
        *("-af", mixed.filter, "-t", f"{timeline.seconds:.6f}"),
        *encoding.video_arguments(encoder, options.preset, options.crf),
        *tags,
        *("-c:a", voice, "-b:a", options.audio_bitrate, "-ar", str(sound.RATE), "-ac", "2"),
        *encoding.container_arguments(options.container, encoder),
    ]


def _picture(
    ffmpeg: Ffmpeg, timeline: Timeline, taken: tuple[int, int], options: RenderOptions, script: Path
) -> list[str]:
    """Return the arguments for the video stream: the takes, between intro and outro if there are any."""
    size = options.size
    takes, faded = _from_takes(taken, size, camera(timeline, options.zoom)), _ending(timeline)
    if timeline.intro is None and timeline.outro is None:
        stop = 2 + timeline.ending_frames
        return ["-map", "0:v:0", *ffmpeg.filter_arguments("filter:v", f"{takes}:stop={stop}{faded}", script)]
    opened: list[str] = []
    chains = [f"[0:v]{takes}:stop=-1,trim=end_frame={timeline.step_frames}{faded},{inserts.SAME}[steps]"]
    joined = "[steps]"
    for n, (name, insert) in enumerate(_inserts(timeline).items(), start=3):
        opened += input_arguments(insert.footage.path, insert.footage.container)
        chains.append(f"[{n}:{insert.footage.stream}]{inserts.picture(insert, size)}[{name}]")
        joined = f"[{name}]{joined}" if insert is timeline.intro else f"{joined}[{name}]"
    chains.append(f"{joined}concat=n={len(chains)}:v=1:a=0[film]")
    return [*opened, *ffmpeg.filter_arguments("filter_complex", ";".join(chains), script), "-map", "[film]"]


def _ending(timeline: Timeline) -> str:
    """Return the filter, after a comma, that fades the end of the steps to black; "" if an outro follows."""
    fades = timeline.ending_frames
    return f",fade=type=out:start_frame={timeline.step_frames - fades}:nb_frames={fades}" if fades else ""


def _inserts(timeline: Timeline) -> dict[str, Insert]:
    """Return the inserted videos by the name of their stream in the filter graph."""
    both = {"intro": timeline.intro, "outro": timeline.outro}
    return {name: insert for name, insert in both.items() if insert is not None}


def _from_takes(taken: tuple[int, int], size: tuple[int, int], views: Sequence[View]) -> str:
    """Return the filters from the takes' JPEGs (full-range BT.601) to frames of the video (limited-range BT.709).

    The colorspace filter is exact to half a step and five times as fast as scale. Frames are repeated last, so that
    a still picture is converted once, unless the camera moves over it.
    """
    filmed = f"fps={FPS}:start_time=0,{camera_filter(views)}," if views else ""
    colours = (
        "colorspace=ispace=smpte170m:irange=pc:iprimaries=bt709:itrc=bt709"
        ":space=bt709:range=tv:primaries=bt709:trc=bt709:format=yuv420p"
    )
    repeated = f"setsar=1,fps={FPS}:start_time=0,tpad=stop_mode=clone"
    if taken == size:
        return f"{filmed}{colours},{repeated}"
    width, height = inserts.fitted(taken, size)
    scaled = f"scale={width}:{height}:in_range=full:out_range=full:flags=lanczos+accurate_rnd+full_chroma_int"
    return f"{filmed}{scaled},{colours},pad={size[0]}:{size[1]}:(ow-iw)/2:(oh-ih)/2,{repeated}"


def _takes(timeline: Timeline) -> str:
    """Return the concat list by which ffmpeg reads one take after the other, each for exactly its length."""
    lines = ["ffconcat version 1.0"]
    for clip in timeline.clips:
        path = str(clip.take.absolute()).replace("'", "'\\''")
        lines += [f"file '{path}'", f"duration {clip.seconds:.6f}", f"outpoint {clip.seconds:.6f}"]
    return "\n".join(lines) + "\n"


def _chapters(timeline: Timeline, options: RenderOptions) -> str:
    """Return title, description and one chapter for each part in ffmpeg's metadata format."""
    lines = [";FFMETADATA1", f"title={_escaped(options.title)}", f"comment={_escaped(options.description)}"]
    first = 0
    for n, part in enumerate(timeline.parts, 1):
        end = first + part.frames if n < len(timeline.parts) else timeline.frames
        lines += ["[CHAPTER]", f"TIMEBASE=1/{FPS}", f"START={first}", f"END={end}"]
        lines += [f"title={_escaped(part.title)}"]
        first = end
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Escape the special characters of ffmpeg's metadata format."""
    return "".join(f"\\{letter}" if letter in "=;#\\" else letter for letter in text.replace("\n", " "))

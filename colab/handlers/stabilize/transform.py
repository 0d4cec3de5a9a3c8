"""The second pass: the steady film, with everything beside its picture carried over, and looked at when it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from colab.handlers.stabilize.detect import LONGEST_S, even_size
from colab.handlers.stabilize.motions import Motion, write_fitted
from media import carried, encoding, finished
from media.examine import Media, Picture
from media.ffmpeg import Ffmpeg, local, source
from protocol.kinds.stabilize import Params

MOTION = "motion.trf"
THREADS = 8
"""Of x264, whatever the machine has: what it writes depends on their number."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """A film that was checked, and what of its source could not be kept as it was."""

    seconds: float
    changed: tuple[str, ...]


def write(
    ffmpeg: Ffmpeg,
    media: Media,
    picture: Picture,
    params: Params,
    motion: Sequence[Motion],
    folder: Path,
    out: Path,
    *,
    on_progress: Callable[[float], None],
) -> Written:
    """Write the film steadied by the motion that was found. MediaError where it is not what it should be."""
    write_fitted(folder / MOTION, motion)
    sounds = carried.sounds(media, params.format)
    texts = carried.subtitles(ffmpeg, media, params.format)
    command = [
        *source(media.path, media.container),
        *arguments(ffmpeg, picture, params),
        *sounds.arguments,
        *texts.arguments,
        *("-map_metadata", "0", "-map_chapters", "0", *carried.EXACT),
        *encoding.container_arguments(params.format, encoding.VIDEO_CODECS[params.written_codec]),
        local(out),
    ]
    ffmpeg.run(command, duration_s=picture.seconds, on_progress=on_progress, folder=folder, timeout_s=LONGEST_S)
    made = finished.check(
        ffmpeg,
        out,
        seconds=picture.seconds,
        frames=len(motion),
        sounds=len(media.sounds),
        subtitles=texts.arguments.count("-map"),
        on_progress=lambda _: on_progress(1.0),
    )
    changed = (*_changed(picture), *sounds.changed, *texts.changed)
    return Written(seconds=made.seconds or 0.0, changed=changed)


def arguments(ffmpeg: Ffmpeg, picture: Picture, params: Params) -> list[str]:
    """Return ffmpeg's arguments for the picture."""
    encoder = encoding.VIDEO_CODECS[params.written_codec]
    quality = encoding.DEFAULT_CRF[encoder] if params.quality is None else params.quality
    return [
        *("-map", f"0:{picture.stream}", "-vf", ",".join(_filters(picture, params))),
        *carried.times(ffmpeg),
        *encoding.video_arguments(encoder, params.preset, quality),
        *(["-threads:v", str(THREADS)] if encoder == "libx264" else []),
        *carried.colours(picture.pixels),
    ]


def _filters(picture: Picture, params: Params) -> list[str]:
    width, height = even_size(picture)
    return [
        "format=yuv420p",
        f"crop={width}:{height}:0:0:exact=1",
        f"vidstabtransform=input={MOTION}:smoothing={params.smoothing}:zoom={params.zoom:.6f}"
        f":optzoom={params.optzoom}:crop={params.crop}:interpol={params.interpol}:tripod={int(params.tripod)}",
    ]


def _changed(picture: Picture) -> list[str]:
    """Return what of the picture is not as it was."""
    changed = []
    pixels = picture.pixels
    if pixels.bits > 8:
        changed.append(f"picture: {pixels.bits} bits to 8, which is what vid.stab works on")
    if pixels.alpha:
        changed.append("picture: without its transparency, which vid.stab does not keep")
    if set(even_size(picture)) != set(picture.size):
        width, height = even_size(picture)
        changed.append(f"picture: cut to {width}x{height}, an even size, which the codec needs")
    if picture.rotation or picture.mirrored:
        changed.append("picture: turned for good, as it was shown")
    return changed

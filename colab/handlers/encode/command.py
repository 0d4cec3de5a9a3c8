"""The one ffmpeg command of an encode job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from colab.handlers.encode.engines import Chosen
from colab.handlers.encode.graph import RATE, Graph, picture_of
from media import carried, encoding
from media.examine import Media
from media.ffmpeg import local, source
from protocol.kinds.encode import SOUNDS, Params

THREADS = {"libx264": 8, "libx265": 3, "libvpx-vp9": 8}
"""Of these encoders, whatever the machine has: what they write depends on their number."""

_AUDIO = {"aac": "aac", "opus": "libopus"}


def sound_coder(params: Params) -> str:
    """Return ffmpeg's name of what encodes the sound."""
    wanted = params.audio_codec if params.audio_codec in _AUDIO else SOUNDS[params.format][0]
    return _AUDIO[wanted]


def arguments(
    chosen: Chosen,
    params: Params,
    films: Sequence[Media],
    filters: Graph,
    levels: Sequence[str],
    texts: carried.Carried,
    out: Path,
) -> list[str]:
    """Return ffmpeg's arguments for the whole job."""
    single = len(films) == 1
    keeps_times = single and params.rate is None
    return [
        *filters.opened,
        *("-filter_complex", ";".join([filters.picture, *_levelled(filters, levels)])),
        *("-map", "[picture]", *(carried.times(chosen.program) if keeps_times else [])),
        *video(chosen, params),
        *carried.colours(picture_of(films[0]).pixels),
        *_sounds(params, films, filters),
        *texts.arguments,
        *("-map_metadata", "0" if single else "-1", "-map_chapters", "0" if single else "-1", *carried.EXACT),
        *_container(chosen, params),
        local(out),
    ]


def together(
    chosen: Chosen,
    params: Params,
    films: Sequence[Media],
    filters: Graph,
    levels: Sequence[str],
    texts: carried.Carried,
    picture: Path,
    start_s: float,
    ratio: str | None,
    out: Path,
) -> list[str]:
    """Return ffmpeg's arguments that put the sounds and all else beside a picture that is encoded already.

    It is first shown at `start_s`; `ratio` is its shape, which not every codec tells.
    """
    single = len(films) == 1
    sounds = _levelled(filters, levels)
    return [
        *filters.opened,
        *(["-itsoffset", f"{start_s:.6f}"] if start_s > 0 else []),
        *source(picture, "mov"),
        *(["-filter_complex", ";".join(sounds)] if sounds else []),
        *("-map", f"{len(films)}:v:0", "-c:v", "copy", *(["-aspect", ratio] if ratio else [])),
        *_sounds(params, films, filters),
        *texts.arguments,
        *("-map_metadata", "0" if single else "-1", "-map_chapters", "0" if single else "-1", *carried.EXACT),
        *("-max_muxing_queue_size", "9999"),
        *_container(chosen, params),
        local(out),
    ]


def video(chosen: Chosen, params: Params) -> list[str]:
    """Return ffmpeg's arguments for the picture's encoder."""
    quality = encoding.DEFAULT_CRF[chosen.encoder] if params.quality is None else params.quality
    threads = THREADS.get(chosen.encoder)
    return [
        *encoding.video_arguments(chosen.encoder, params.preset, min(quality, encoding.MAX_CRF[chosen.encoder])),
        *(["-threads:v", str(threads)] if threads else []),
    ]


def _levelled(filters: Graph, levels: Sequence[str]) -> list[str]:
    """Return the filters of the sounds, each with the one that levels it at its end."""
    chains = []
    for place, (chain, level) in enumerate(zip(filters.sounds, levels, strict=True)):
        label = f"[sound{place}]"
        chains.append(f"{chain.removesuffix(label)},{level}{label}")
    return chains


def _sounds(params: Params, films: Sequence[Media], filters: Graph) -> list[str]:
    if params.audio_codec == "copy" and not params.is_mute:
        return list(carried.sounds(films[0], params.format).arguments)
    coder = sound_coder(params)
    mapped = [word for place in range(len(filters.sounds)) for word in ("-map", f"[sound{place}]")]
    encoded = ["-c:a", coder, "-b:a", f"{params.audio_bitrate}k"]
    return [*mapped, *encoded, "-ar", str(RATE)] if mapped else []


def _container(chosen: Chosen, params: Params) -> list[str]:
    wanted = encoding.container_arguments(params.format, chosen.encoder)
    if params.faststart or "-movflags" not in wanted:
        return wanted
    at = wanted.index("-movflags")
    return wanted[:at] + wanted[at + 2 :]

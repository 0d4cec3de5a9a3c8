"""The ffmpeg commands of an encode job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from colab.handlers.encode.engines import Encoder
from colab.handlers.encode.graph import RATE, Graph, picture_of
from media import carry_over, encoding
from media.ffmpeg import file_url, input_arguments
from media.info import MediaFile
from protocol.kinds.encode import SOUNDS, Params

_AUDIO = {"aac": "aac", "opus": "libopus"}


def sound_coder(params: Params) -> str:
    """Return ffmpeg's name of what encodes the sound."""
    wanted = params.audio_codec if params.audio_codec in _AUDIO else SOUNDS[params.format][0]
    return _AUDIO[wanted]


def picture_coder(encoder: Encoder, params: Params) -> list[str]:
    """Return ffmpeg's arguments for the picture's encoder."""
    quality = encoding.DEFAULT_CRF[encoder.encoder] if params.quality is None else params.quality
    return encoding.reproducible_arguments(
        encoder.encoder, params.preset, min(quality, encoding.MAX_CRF[encoder.encoder])
    )


@dataclass(frozen=True, kw_only=True)
class Commands:
    """What ffmpeg is told about one job: in one go, or around a picture that was encoded in pieces."""

    encoder: Encoder
    params: Params
    videos: Sequence[MediaFile]
    filters: Graph
    levels: Sequence[str]  # a filter for each sound
    sounds: carry_over.CarriedOver  # where they are copied
    texts: carry_over.CarriedOver

    def whole(self, out: Path) -> list[str]:
        """Return ffmpeg's arguments for the whole job."""
        keeps_times = len(self.videos) == 1 and self.params.rate is None
        return [
            *self.filters.opened,
            *("-filter_complex", ";".join([self.filters.picture, *self._levelled()])),
            *("-map", "[picture]", *(carry_over.frame_times(self.encoder.program) if keeps_times else [])),
            *picture_coder(self.encoder, self.params),
            *carry_over.colour_tags(picture_of(self.videos[0]).pixels),
            *self._rest(),
            file_url(out),
        ]

    def around(self, picture: Path, start_s: float, ratio: str | None, out: Path) -> list[str]:
        """Return ffmpeg's arguments that put the sounds and all else beside a picture that is encoded already.

        It is first shown at `start_s`; `ratio` is its shape, which not every codec tells.
        """
        sounds = self._levelled()
        return [
            *self.filters.opened,
            *(["-itsoffset", f"{start_s:.6f}"] if start_s > 0 else []),
            *input_arguments(picture, "mov"),
            *(["-filter_complex", ";".join(sounds)] if sounds else []),
            *("-map", f"{len(self.videos)}:v:0", "-c:v", "copy", *(["-aspect", ratio] if ratio else [])),
            *self._rest(),
            *("-max_muxing_queue_size", "9999"),
            file_url(out),
        ]

    def _rest(self) -> list[str]:
        """Return the arguments for all that is beside the picture."""
        kept = "0" if len(self.videos) == 1 else "-1"
        return [
            *self._sounds(),
            *self.texts.arguments,
            *("-map_metadata", kept, "-map_chapters", kept, *carry_over.EXACT),
            *_container(self.encoder, self.params),
        ]

    def _levelled(self) -> list[str]:
        """Return the filters of the sounds, each with the one that levels it at its end."""
        chains = []
        for place, (chain, level) in enumerate(zip(self.filters.sounds, self.levels, strict=True)):
            label = f"[sound{place}]"
            chains.append(f"{chain.removesuffix(label)},{level}{label}")
        return chains

    def _sounds(self) -> list[str]:
        mapped = [word for place in range(len(self.filters.sounds)) for word in ("-map", f"[sound{place}]")]
        if not mapped:
            return list(self.sounds.arguments)
        coder = sound_coder(self.params)
        return [*mapped, "-c:a", coder, "-b:a", f"{self.params.audio_bitrate}k", "-ar", str(RATE)]


def _container(encoder: Encoder, params: Params) -> list[str]:
    wanted = encoding.container_arguments(params.format, encoder.encoder)
    if params.faststart or "-movflags" not in wanted:
        return wanted
    at = wanted.index("-movflags")
    return wanted[:at] + wanted[at + 2 :]

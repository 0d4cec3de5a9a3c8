"""The table of stabilisers, with one engine: the vid.stab library inside an ffmpeg. The embedded ffmpeg has it."""

from __future__ import annotations

from dataclasses import dataclass

from colab.engines.registry import EngineNotSetUp, EngineRow, EngineTable, Opening
from colab.video.job import ffmpeg_record
from media import ffmpeg
from media.encoding import VIDEO_CODECS
from media.ffmpeg import Ffmpeg
from protocol.errors import EnvironmentNotReady
from protocol.messages import EngineRecord

NAME = "vidstab"
FILTERS = frozenset({"vidstabdetect", "vidstabtransform", "trim", "crop", "scale", "extractplanes", "format"})

Codec = str | None
"""What a job asks of its engine: the codec to write; None for the worker's card."""


@dataclass(frozen=True, kw_only=True)
class VidStab:
    """vid.stab, by the ffmpeg that has it."""

    program: Ffmpeg
    name: str = NAME

    @property
    def record(self) -> EngineRecord:
        """Return how results and cards name it."""
        return ffmpeg_record(self.name, self.program)

    def files(self) -> tuple[str, ...]:
        """Return nothing: there is no model."""
        return ()


def _vidstab(opening: Opening[Codec]) -> VidStab:
    codec = opening.job
    encoders = frozenset() if codec is None else frozenset({VIDEO_CODECS[codec]})
    try:
        return VidStab(program=ffmpeg.find(needs=FILTERS, encoders=encoders))
    except EnvironmentNotReady as error:
        raise EngineNotSetUp(f"this worker cannot stabilise as {codec}: {error}") from error


ENGINES: EngineTable[Codec, VidStab] = EngineTable(
    kind="stabilize", any_job=None, rows=(EngineRow(name=NAME, open=_vidstab),)
)

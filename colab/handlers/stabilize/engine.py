"""The one engine: the vid.stab library, inside an ffmpeg that has it. The embedded ffmpeg does."""

from __future__ import annotations

from media import ffmpeg
from media.encoding import VIDEO_CODECS
from media.ffmpeg import Ffmpeg
from protocol.errors import EnvironmentNotReady, JobFailed
from protocol.messages import EngineRecord

NAME = "vidstab"
FILTERS = frozenset({"vidstabdetect", "vidstabtransform", "trim", "crop", "scale", "extractplanes", "format"})


def open_engine(required: str | None, codec: str) -> tuple[Ffmpeg, EngineRecord]:
    """Return an ffmpeg that can stabilise and write this codec. Raises `JobFailed` UNSUPPORTED where there is none."""
    if required not in (None, NAME):
        raise JobFailed(f"engine {required!r} is not on this worker; it has: {NAME}", code="UNSUPPORTED")
    try:
        program = ffmpeg.find(needs=FILTERS, encoders=frozenset({VIDEO_CODECS[codec]}))
    except EnvironmentNotReady as error:
        raise JobFailed(f"this worker cannot stabilise as {codec}: {error}", code="UNSUPPORTED") from error
    return program, record(program)


def record(program: Ffmpeg) -> EngineRecord:
    """Return how results name this engine."""
    version = program.version.removeprefix("ffmpeg version ")
    return EngineRecord(name=NAME, version=f"ffmpeg {version}"[:100], provider="ffmpeg", device="cpu", tier="embedded")


def available() -> tuple[EngineRecord, ...]:
    """Return the engine where an ffmpeg here has it."""
    try:
        return (record(ffmpeg.find(needs=FILTERS)),)
    except EnvironmentNotReady:
        return ()

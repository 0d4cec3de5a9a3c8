"""The table of encoders: NVIDIA's where it works, else one of the processor's."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from colab.engines.devices import has_driver
from colab.engines.registry import Choice, EngineNotSetUp, EngineRow, EngineTable
from colab.models import Models
from colab.video.job import ffmpeg_record
from media import encoding, ffmpeg
from media.ffmpeg import Ffmpeg
from protocol.errors import EnvironmentNotReady, JobFailed
from protocol.kinds.encode import CODECS, ENCODERS, Params
from protocol.messages import EngineRecord

IN_FFMPEG: Mapping[str, Mapping[str, str]] = {
    "nvenc": {"h264": "h264_nvenc", "hevc": "hevc_nvenc", "av1": "av1_nvenc"},
    "x264": {"h264": "libx264"},
    "x265": {"hevc": "libx265"},
    "svtav1": {"av1": "libsvtav1"},
    "vpx": {"vp9": "libvpx-vp9"},
}
"""The encoders, best first, and what ffmpeg calls them for each codec."""

FOR_HDR = ("hevc", "av1")
"""The codecs that keep more than 8 bits here."""

HARDWARE = "nvenc"
_TRIAL = ("-f", "lavfi", "-i", "testsrc2=size=256x256:rate=25:duration=1", "-pix_fmt", "yuv420p")
_AUDIO = frozenset({"aac"})


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """An encoder for one codec, and the ffmpeg that has it."""

    name: str
    codec: str
    encoder: str  # ffmpeg's name of it
    program: Ffmpeg

    @property
    def record(self) -> EngineRecord:
        """Return how results and cards name it."""
        return ffmpeg_record(self.name, self.program, device="cuda" if self.name == HARDWARE else "cpu")

    def files(self) -> tuple[str, ...]:
        """Return nothing: there is no model."""
        return ()


@dataclass(frozen=True, kw_only=True)
class EncodeJob:
    """What a job asks of its encoder."""

    params: Params
    is_hdr: bool = False
    codec: str | None = None  # None if it follows from the encoder


Trial = Callable[[Ffmpeg, str], str | None]
"""(an ffmpeg, its name of an encoder) → what went wrong when it encoded something, None for nothing."""


@functools.cache
def trial(program: Ffmpeg, encoder: str) -> str | None:
    """Encode a second of a test picture: an encoder that is listed need not work."""
    how = encoding.video_arguments(encoder, "medium", encoding.DEFAULT_CRF[encoder])
    return program.first_complaint([*_TRIAL, *how, "-f", "null", "-"])


def table(trial: Trial = trial) -> EngineTable[EncodeJob, Encoder]:
    """Return the encoders; `trial` says whether a graphics card's encoder works."""
    return EngineTable(
        kind="encode",
        any_job=EncodeJob(params=Params()),
        rows=tuple(_row(name, trial) for name in IN_FFMPEG),
    )


def _row(name: str, trial: Trial) -> EngineRow[EncodeJob, Encoder]:
    """Return the row of an encoder. A missing graphics card is not reported: the result is as good without."""
    return EngineRow(
        name=name,
        open=lambda opening: _opened(name, opening.job, trial),
        suits=lambda job: job.codec in IN_FFMPEG[name],
        report_missing=name != HARDWARE,
    )


EncoderTable = EngineTable[EncodeJob, Encoder]
ENGINES: EncoderTable = table()


def choose(
    models: Models, required: str | None, params: Params, *, is_hdr: bool, engines: EncoderTable = ENGINES
) -> Choice[Encoder]:
    """Return the encoder for a job: the one that its parameters or its request name, else the best for its codec."""
    named = None if params.encoder == "auto" else params.encoder
    if required is not None and named is not None and required != named:
        raise JobFailed(
            f"the job asks for the encoder {named} and requires the engine {required}: name one", code="BAD_REQUEST"
        )
    if (wanted := required or named) is not None:
        return engines.choose(models, EncodeJob(params=params, is_hdr=is_hdr), wanted)
    codec = _codec(params, CODECS[params.format], is_hdr=is_hdr)
    return engines.choose(models, EncodeJob(params=params, is_hdr=is_hdr, codec=codec))


def _opened(name: str, job: EncodeJob, trial: Trial) -> Encoder:
    codec = job.codec or _codec_of(name, job)
    encoder = IN_FFMPEG[name][codec]
    try:
        program = ffmpeg.find(encoders=_AUDIO | {encoder})
    except EnvironmentNotReady as error:
        raise EngineNotSetUp(str(error)) from error
    if name == HARDWARE and (problem := trial(program, encoder)):
        failure = f"NVENC does not work on this worker ({problem})"
        if has_driver():
            raise JobFailed(f"{failure}; update the NVIDIA driver, or leave out --encoder", code="UNSUPPORTED")
        raise EngineNotSetUp(f"{failure}; use a worker with an NVIDIA card and its driver, or leave out --encoder")
    return Encoder(name=name, codec=codec, encoder=encoder, program=program)


def _codec_of(name: str, job: EncodeJob) -> str:
    params, writes = job.params, ENCODERS[name]
    if not set(writes) & set(CODECS[params.format]):
        raise JobFailed(f"it writes nothing that {params.format} holds; ask for another format", code="BAD_REQUEST")
    return _codec(params, writes, is_hdr=job.is_hdr)


def _codec(params: Params, writes: tuple[str, ...], *, is_hdr: bool) -> str:
    """Return the codec to write: the one asked for, or the first that the encoder and the format share."""
    if params.codec != "auto" and params.codec not in writes:
        raise JobFailed(
            f"it does not write the codec {params.codec}; it writes: {', '.join(writes)}", code="BAD_REQUEST"
        )
    possible = [codec for codec in CODECS[params.format] if codec in writes]
    wanted = possible if params.codec == "auto" else [params.codec]
    if not is_hdr:
        return wanted[0]
    if fine := [codec for codec in wanted if codec in FOR_HDR]:
        return fine[0]
    raise JobFailed(
        f"the video has high dynamic range, which is not kept with {wanted[0]}; ask for codec hevc or av1",
        code="UNSUPPORTED",
    )

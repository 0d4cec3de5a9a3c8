"""The table of encoders, and which one does a job: NVIDIA's where it works, else one of the processor's."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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

FOR_HIGH_RANGE = ("hevc", "av1")
"""The codecs that keep more than 8 bits here."""

_TRIAL = ("-f", "lavfi", "-i", "testsrc2=size=256x256:rate=25:duration=1", "-pix_fmt", "yuv420p")
_SOUNDS = frozenset({"aac"})
_HARDWARE = "nvenc"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Who encodes what with which program, and why not somebody better."""

    name: str
    codec: str
    encoder: str  # ffmpeg's name of it
    program: Ffmpeg
    passed_over: tuple[str, ...] = ()

    @property
    def record(self) -> EngineRecord:
        """Return how results name it."""
        return record(self.name, self.program)


def record(name: str, program: Ffmpeg) -> EngineRecord:
    """Return how results and cards name an encoder."""
    version = program.version.removeprefix("ffmpeg version ")
    device = "cuda" if name == _HARDWARE else "cpu"
    return EngineRecord(name=name, version=f"ffmpeg {version}"[:100], provider="ffmpeg", device=device, tier="embedded")


def available() -> Iterator[EngineRecord]:
    """Yield every encoder that works here, best first. NVIDIA's was tried."""
    for name, codecs in IN_FFMPEG.items():
        try:
            yield record(name, _program(name, next(iter(codecs))))
        except JobFailed:
            continue


def choose(required: str | None, params: Params, *, high_range: bool) -> Chosen:
    """Return who encodes. Raises `JobFailed` UNSUPPORTED where nobody here can, or not the one that is insisted on."""
    wanted = _wanted(required, params)
    if wanted is not None:
        codec = _codec(params, ENCODERS[wanted], high_range=high_range)
        return Chosen(name=wanted, codec=codec, encoder=IN_FFMPEG[wanted][codec], program=_program(wanted, codec))
    codec = _codec(params, CODECS[params.format], high_range=high_range)
    problems = []
    for name in (name for name, codecs in ENCODERS.items() if codec in codecs):
        try:
            program = _program(name, codec)
        except JobFailed as problem:
            problems.append(str(problem))
            continue
        return Chosen(name=name, codec=codec, encoder=IN_FFMPEG[name][codec], program=program)
    raise JobFailed(f"nobody on this worker encodes {codec}: {'; '.join(problems)}", code="UNSUPPORTED")


def _wanted(required: str | None, params: Params) -> str | None:
    """Return the encoder that the request or its parameters insist on."""
    if required is not None and required not in ENCODERS:
        raise JobFailed(
            f"engine {required!r} is not on this worker; it has: {', '.join(each.name for each in available())}",
            code="UNSUPPORTED",
        )
    named = None if params.encoder == "auto" else params.encoder
    if required is not None and named is not None and required != named:
        raise JobFailed(f"the job wants encoder {named} and insists on engine {required}: name one", code="BAD_REQUEST")
    wanted = required or named
    if wanted is not None and not set(ENCODERS[wanted]) & set(CODECS[params.format]):
        raise JobFailed(f"{wanted} writes nothing that {params.format} holds; take another format", code="BAD_REQUEST")
    return wanted


def _codec(params: Params, can: tuple[str, ...], *, high_range: bool) -> str:
    """Return the codec to write: the one asked for, or the first that the encoder and the format share."""
    if params.codec != "auto":
        if params.codec not in can:
            raise JobFailed(
                f"codec {params.codec} is not written by it; it writes: {', '.join(can)}", code="BAD_REQUEST"
            )
        if high_range and params.codec not in FOR_HIGH_RANGE:
            raise _too_small(params.codec)
        return params.codec
    shared = [codec for codec in CODECS[params.format] if codec in can]
    if high_range:
        fine = [codec for codec in shared if codec in FOR_HIGH_RANGE]
        if not fine:
            raise _too_small(shared[0])
        return fine[0]
    return shared[0]


def _too_small(codec: str) -> JobFailed:
    return JobFailed(
        f"the film is of high dynamic range, which {codec} is not written with here; ask for codec hevc or av1",
        code="UNSUPPORTED",
    )


def _program(name: str, codec: str) -> Ffmpeg:
    """Return an ffmpeg with this encoder; NVIDIA's must also have worked. Raises `JobFailed` UNSUPPORTED."""
    encoder = IN_FFMPEG[name][codec]
    try:
        program = ffmpeg.find(encoders=_SOUNDS | {encoder})
    except EnvironmentNotReady as error:
        raise JobFailed(f"{name} is not on this worker: {error}", code="UNSUPPORTED") from error
    if name == _HARDWARE and (problem := tried(program, encoder)):
        raise JobFailed(
            f"NVENC does not work on this worker ({problem}); use a worker with an NVIDIA card and its driver, "
            "or leave out --encoder",
            code="UNSUPPORTED",
        )
    return program


@functools.cache
def tried(program: Ffmpeg, encoder: str) -> str | None:
    """Encode a second of a test picture; return what went wrong. An encoder that is listed need not work."""
    how = encoding.video_arguments(encoder, "medium", encoding.DEFAULT_CRF[encoder])
    return program.first_complaint([*_TRIAL, *how, "-f", "null", "-"])
